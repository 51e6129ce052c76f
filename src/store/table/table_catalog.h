/* Questions to a server's catalog about one table. */
#pragma once

#include "store/store.h"

struct table_catalog {
    struct store *store;
    struct store_session *session;
    size_t server;
    const char *table;
    int64_t timeout_ns;
};

/* Asks a SELECT whose parameters are {table:String} and {database:String}; its answer is TSVRaw of at most `most_bytes`, 0 for the
 * store's own bound. False: there was none, *reply says why. On the session's thread; blocks. */
MUST_CHECK bool table_catalog_ask(const struct table_catalog *catalog, struct slice sql, uint64_t most_bytes,
                                  struct buf *answer, struct store_reply *reply);
