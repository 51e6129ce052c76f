/* The store of servers: what its two files share. */
#pragma once

#include "base/tls/tls_client.h"
#include "store/http_request.h"
#include "store/settings.h"

#include <pthread.h>

struct server {
    struct http_address address;
    pthread_mutex_t lock; /* guards the rest */
    struct store_features features;
    bool pinned[SETTING_COUNT]; /* by the user's profile: requests leave them out */
};

struct clickhouse {
    struct store base;
    struct server *servers;
    const char **names;
    struct tls_files tls;
    long connect_timeout_ms;
    long request_timeout_ms;
};

extern const struct store_ops clickhouse_ops;

/* As of struct store_ops. */
bool clickhouse_open(struct store *base, struct buf *problem);
void clickhouse_free(struct store *base);
