/* Turns certificates' files, whenever they change, into what connections begin with. */
#include "proto/tls/tls_acceptor.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "config/options/http_options.h"
#include "proto/tls/certificate.h"
#include "proto/tls/tls_context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What the files looked like: it differs if any of them does. */
struct look {
    uint64_t of_all;
};

struct tls_acceptor {
    struct tls_acceptor_config config;
    char *listener;
    struct status_part *status;
    pthread_mutex_t mutex; /* guards `current` */
    struct tls_context *current;
    struct look read; /* when they were read last, with or without success */
    struct look seen; /* when they were looked at last */
    bool failed;      /* what was read last cannot be used */
};

/* Looking. */

static void look_at(const char *path, struct look *look)
{
    struct stat found = { 0 };
    if (path == NULL || stat(path, &found) != 0) {
        memset(&found, 0, sizeof found);
    }
    const uint64_t parts[] = { found.st_ino,
                               (uint64_t)found.st_size,
                               (uint64_t)found.st_mtim.tv_sec,
                               (uint64_t)found.st_mtim.tv_nsec,
                               (uint64_t)found.st_ctim.tv_nsec,
                               found.st_dev };
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        look->of_all = (look->of_all ^ parts[i]) * UINT64_C(0x100000001b3); /* FNV-1a, word by word */
        look->of_all ^= look->of_all >> 29;
    }
}

static struct look look_at_all(const struct tls_options *options)
{
    struct look look = { UINT64_C(0xcbf29ce484222325) };
    look_at(options->certificate, &look);
    look_at(options->key, &look);
    look_at(options->client_ca, &look);
    for (size_t i = 0; i < options->certificate_count; i++) {
        look_at(options->certificates[i].certificate, &look);
        look_at(options->certificates[i].key, &look);
    }
    return look;
}

/* Telling. */

static void log_warnings(const struct tls_acceptor *acceptor, const struct buf *warnings)
{
    struct slice rest = buf_slice(warnings), line;
    while (slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            LOG(LOG_WARN, "certificate is doubtful", "listener=%s %.*s", acceptor->listener, (int)line.len, line.data);
        }
    }
}

static const struct certificate *find_late(const struct tls_context *context, int64_t wall_ns)
{
    for (size_t i = 0; i < tls_context_certificates(context); i++) {
        if (certificate_is_late(tls_context_certificate(context, i), wall_ns)) {
            return tls_context_certificate(context, i);
        }
    }
    return NULL;
}

static void tell_state(struct tls_acceptor *acceptor, int64_t wall_ns)
{
    const struct certificate *late = find_late(acceptor->current, wall_ns);
    if (acceptor->failed) {
        return; /* said when it failed, with the reason */
    }
    if (late != NULL) {
        struct slice name = certificate_name(late);
        int64_t left_ns = late->not_after_ns - wall_ns;
        status_set(acceptor->status, STATUS_DEGRADED,
                   left_ns < 0 ? "the certificate of %.*s has expired %lld hours ago: renew it"
                               : "the certificate of %.*s expires in %lld hours: renew it",
                   (int)name.len, name.data, (long long)((left_ns < 0 ? -left_ns : left_ns) / NS_PER_SECOND / 3600));
    } else {
        status_set(acceptor->status, STATUS_OK, "certificates are good");
    }
}

/* Begin and end. */

struct tls_context *tls_acceptor_prepare(const struct tls_acceptor *acceptor, const struct tls_options *options,
                                         struct buf *problem)
{
    struct buf warnings = { 0 };
    struct tls_context *fresh =
        tls_context_new(options, acceptor->listener, acceptor->config.tickets, clock_wall_ns(), problem, &warnings);
    log_warnings(acceptor, &warnings);
    buf_release(&warnings);
    return fresh;
}

struct tls_acceptor *tls_acceptor_new(const struct tls_acceptor_config *config, struct buf *problem)
{
    struct tls_acceptor *acceptor = calloc(1, sizeof *acceptor);
    char name[64];
    if (acceptor == NULL || (acceptor->listener = strdup(config->listener)) == NULL) {
        free(acceptor);
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&acceptor->mutex, NULL);
    acceptor->config = *config;
    acceptor->read = acceptor->seen = look_at_all(config->options);
    acceptor->current = tls_acceptor_prepare(acceptor, config->options, problem);
    if (acceptor->current == NULL) {
        tls_acceptor_free(acceptor);
        return NULL;
    }
    snprintf(name, sizeof name, "tls:%.58s", config->listener);
    acceptor->status = config->board == NULL ? NULL : status_add(config->board, name);
    tell_state(acceptor, clock_wall_ns());
    return acceptor;
}

void tls_acceptor_free(struct tls_acceptor *acceptor)
{
    if (acceptor != NULL) {
        tls_context_let_go(acceptor->current);
        pthread_mutex_destroy(&acceptor->mutex);
        free(acceptor->listener);
        free(acceptor);
    }
}

struct tls_context *tls_acceptor_take(struct tls_acceptor *acceptor)
{
    pthread_mutex_lock(&acceptor->mutex);
    struct tls_context *context = tls_context_keep(acceptor->current);
    pthread_mutex_unlock(&acceptor->mutex);
    return context;
}

/* Changing. */

static void swap(struct tls_acceptor *acceptor, struct tls_context *fresh)
{
    ASSERT(fresh != NULL);
    pthread_mutex_lock(&acceptor->mutex);
    struct tls_context *old = acceptor->current;
    acceptor->current = fresh;
    pthread_mutex_unlock(&acceptor->mutex);
    tls_context_let_go(old);
    acceptor->failed = false;
    tell_state(acceptor, clock_wall_ns());
}

void tls_acceptor_reload(struct tls_acceptor *acceptor, const struct tls_options *options, struct tls_context *fresh)
{
    acceptor->config.options = options;
    acceptor->read = acceptor->seen = look_at_all(options);
    swap(acceptor, fresh);
}

static enum tls_look read_again(struct tls_acceptor *acceptor)
{
    struct buf problem = { 0 };
    struct tls_context *fresh = tls_acceptor_prepare(acceptor, acceptor->config.options, &problem);
    if (fresh == NULL) {
        acceptor->failed = true;
        LOG(LOG_ERROR, "certificates not taken", "listener=%s the ones before are served on: %s", acceptor->listener,
            buf_c_string(&problem));
        status_set(acceptor->status, STATUS_DEGRADED,
                   "the files changed and cannot be used, the ones before are served: %s", buf_c_string(&problem));
    } else {
        swap(acceptor, fresh);
        struct slice name = certificate_name(tls_context_certificate(fresh, 0));
        LOG(LOG_INFO, "certificates read again", "listener=%s name=%.*s", acceptor->listener, (int)name.len, name.data);
    }
    buf_release(&problem);
    return fresh == NULL ? TLS_LOOK_FAILED : TLS_LOOK_CHANGED;
}

/* Files that change come one after the other: they are read once nothing has changed between two looks. */
enum tls_look tls_acceptor_look(struct tls_acceptor *acceptor, int64_t wall_ns)
{
    struct look now = look_at_all(acceptor->config.options);
    bool rests = now.of_all == acceptor->seen.of_all;
    acceptor->seen = now;
    if (!rests || now.of_all == acceptor->read.of_all) {
        tell_state(acceptor, wall_ns);
        return TLS_LOOK_SAME;
    }
    acceptor->read = now;
    return read_again(acceptor);
}

void tls_acceptor_list(struct tls_acceptor *acceptor,
                       void (*see)(void *context, const char *listener, struct slice name, int64_t not_after_ns),
                       void *context)
{
    for (size_t i = 0; i < tls_context_certificates(acceptor->current); i++) {
        const struct certificate *certificate = tls_context_certificate(acceptor->current, i);
        see(context, acceptor->listener, certificate_name(certificate), certificate->not_after_ns);
    }
}

/* Checking. */

static bool check_options(const struct tls_options *options, struct buf *problem)
{
    if (options->certificate == NULL && options->key != NULL) {
        buf_append_string(problem, "a key is given, expected its certificate as well");
    } else if (options->certificate == NULL && options->client_ca != NULL && options->certificate_count == 0) {
        buf_append_string(problem, "client_ca is given, expected a certificate of the server as well");
    } else if (options->hsts_ns != 0 && !tls_is_on(options)) {
        buf_append_string(problem, "hsts is given, expected a certificate as well: it is told over TLS alone");
    }
    return problem->len == 0;
}

bool tls_check(const struct tls_options *options, struct buf *problem, struct buf *warnings)
{
    ASSERT(problem->len == 0);
    if (!check_options(options, problem)) {
        return false;
    }
    struct tls_context *context =
        tls_is_on(options) ? tls_context_new(options, "", NULL, clock_wall_ns(), problem, warnings) : NULL;
    tls_context_let_go(context);
    return problem->len == 0;
}
