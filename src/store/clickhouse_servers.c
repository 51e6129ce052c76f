/* Turns the options of the store into servers. */
#include "store/clickhouse_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/options/store_options.h"
#include "store/store_tls.h"

#include <stdlib.h>

void clickhouse_free(struct store *base)
{
    struct clickhouse *store = (struct clickhouse *)base;
    for (size_t i = 0; i < base->server_count; i++) {
        struct server *server = &store->servers[i];
        pthread_mutex_destroy(&server->lock);
        http_address_release(&server->address);
    }
    free(store->servers);
    free(store->names);
    free(store);
}

/* Said once, at the start. */
bool clickhouse_open(struct store *base, struct buf *problem)
{
    (void)problem;
    if (((struct clickhouse *)base)->tls.accept_any) {
        LOG(LOG_WARN, "the store's certificates are not verified",
            "store.verify=insecure_accept_any: whoever stands between can read and change all that is sent, the "
            "password too");
    }
    return true;
}

/* Credentials of the URL go before those of the options. */
static bool server_init(struct server *server, struct slice url, const struct store_options *options)
{
    struct http_address *address = &server->address;
    pthread_mutex_init(&server->lock, NULL);
    if (!http_address_parse(address, url)) {
        return false;
    }
    if (address->user[0] == '\0') {
        free(address->user);
        free(address->password);
        address->user = strdup(options->user != NULL ? options->user : "");
        address->password = strdup(options->password != NULL ? options->password : "");
    }
    return address->user != NULL && address->password != NULL;
}

/* Two servers of one name would be told apart by nobody: neither by /metrics, whose series would stand there twice, nor by
 * /readyz. */
static bool is_named_before(const struct clickhouse *store, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(store->names[i], store->names[index]) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_tls(const struct clickhouse *store)
{
    bool secure = false;
    for (size_t i = 0; i < store->base.server_count; i++) {
        secure = secure || strncmp(store->names[i], "https:", 6) == 0;
    }
    return secure;
}

static long timeout_ms(int64_t ns)
{
    return ns <= 0 ? 0 : (long)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

struct store *store_clickhouse_new(const struct store_options *options, struct buf *problem)
{
    struct clickhouse *store = calloc(1, sizeof *store);
    size_t most = 1;
    for (const char *at = options->url; *at != '\0'; at++) {
        most += *at == ',';
    }
    if (store == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    store->servers = calloc(most, sizeof *store->servers);
    store->names = calloc(most, sizeof *store->names);
    store->base = (struct store){ .ops = &clickhouse_ops,
                                  .server_names = store->names,
                                  .database = options->database != NULL ? options->database : "" };
    store->connect_timeout_ms = timeout_ms(options->connect_timeout_ns);
    store->request_timeout_ms = timeout_ms(options->request_timeout_ns);
    struct slice rest = slice_from_string(options->url);
    struct slice text;
    while (store->servers != NULL && store->names != NULL && slice_split(&rest, ',', &text)) {
        size_t index = store->base.server_count++;
        if (!server_init(&store->servers[index], text, options)) {
            buf_append_string(problem,
                              "store.url: expected http://host:port or https://host:port, several separated by "
                              "commas");
            clickhouse_free(&store->base);
            return NULL;
        }
        store->names[index] = store->servers[index].address.name;
        if (is_named_before(store, index)) {
            buf_printf(problem, "store.url: %s is given twice; each server may stand there once", store->names[index]);
            clickhouse_free(&store->base);
            return NULL;
        }
    }
    store->tls = store_tls_files(options);
    bool made = store->base.server_count != 0;
    if (!made) {
        buf_append_string(problem, "out of memory");
    }
    if (!made || !tls_files_check(&store->tls, &store_tls_names, has_tls(store), problem)) {
        clickhouse_free(&store->base);
        return NULL;
    }
    return &store->base;
}
