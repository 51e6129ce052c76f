/* Turns bytes to and from Redis into TLS. */
#include "pipeline/dedup/redis_tls.h"

#include "base/assert.h"
#include "base/clock.h"
#include "pipeline/dedup/redis_address.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define LONGEST_VERDICT_NS (200 * NS_PER_MS) /* the tickets of a server that took us come with it */

struct redis_tls {
    struct tls_client *client;
    struct tls_session *session;
};

void redis_tls_close(struct redis_tls *tls)
{
    if (tls != NULL) {
        tls_session_free(tls->session);
        tls_client_free(tls->client);
        free(tls);
    }
}

static bool fail(const struct redis_tls *tls, struct buf *problem)
{
    tls_session_explain(tls->session, &redis_tls_names, problem);
    return false;
}

static int wait_for(int fd, short events, int64_t left_ns)
{
    struct pollfd poller = { .fd = fd, .events = events };
    return poll(&poller, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS));
}

/* What the server says of our certificate, before the first command. */
static bool hear_verdict(struct redis_tls *tls, int fd, int64_t deadline_ns, struct buf *problem)
{
    char byte;
    size_t got = 0;
    int64_t left_ns = deadline_ns - clock_monotonic_ns();
    left_ns = left_ns < LONGEST_VERDICT_NS ? left_ns : LONGEST_VERDICT_NS;
    if (!tls_session_may_be_refused(tls->session) || left_ns <= 0 || wait_for(fd, POLLIN, left_ns) <= 0) {
        return true;
    }
    if (!redis_tls_receive(tls, &byte, 1, &got, problem)) {
        return false;
    }
    if (got != 0) {
        buf_append_string(problem, "it speaks before it is asked; is this a Redis server?");
    }
    return got == 0;
}

static bool greet(struct redis_tls *tls, int fd, int64_t deadline_ns, struct buf *problem)
{
    enum tls_progress progress;
    while ((progress = tls_session_greet(tls->session)) != TLS_DONE) {
        int64_t left_ns = deadline_ns - clock_monotonic_ns();
        if (progress == TLS_FAILED) {
            return fail(tls, problem);
        }
        if (left_ns <= 0 || wait_for(fd, progress == TLS_WAITS_TO_WRITE ? POLLOUT : POLLIN, left_ns) == 0) {
            buf_append_string(problem,
                              "no answer to the first words of TLS within dedup.redis_timeout; is this its port "
                              "of TLS (tls-port)?");
            return false;
        }
    }
    return true;
}

struct redis_tls *redis_tls_open(int fd, const struct redis_address *address, int64_t deadline_ns, struct buf *problem)
{
    struct redis_tls *tls = calloc(1, sizeof *tls);
    ASSERT(address->secure && address->host[0] != '\0');
    if (tls == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    tls->client = tls_client_new(&address->tls, &redis_tls_names, problem);
    tls->session = tls->client == NULL ? NULL : tls_session_new(tls->client, fd, address->host);
    if (tls->client != NULL && tls->session == NULL) {
        buf_append_string(problem, "out of memory");
    }
    if (tls->session == NULL || !greet(tls, fd, deadline_ns, problem) || !hear_verdict(tls, fd, deadline_ns, problem)) {
        redis_tls_close(tls);
        return NULL;
    }
    return tls;
}

bool redis_tls_send(struct redis_tls *tls, struct slice *rest, struct buf *problem)
{
    size_t moved = 0;
    if (tls_session_write(tls->session, *rest, &moved) == TLS_FAILED) {
        return fail(tls, problem);
    }
    ASSERT_AT_MOST(moved, rest->len);
    *rest = slice_after(*rest, moved);
    return true;
}

bool redis_tls_receive(struct redis_tls *tls, void *to, size_t room, size_t *got, struct buf *problem)
{
    bool fine = tls_session_read(tls->session, to, room, got) != TLS_FAILED;
    ASSERT_AT_MOST(*got, room);
    return fine || fail(tls, problem);
}

bool redis_tls_holds_more(const struct redis_tls *tls)
{
    return tls_session_holds_more(tls->session);
}
