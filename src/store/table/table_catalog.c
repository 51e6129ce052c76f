/* Turns a question about a table into a query of its server. */
#include "store/table/table_catalog.h"

bool table_catalog_ask(const struct table_catalog *catalog, struct slice sql, uint64_t most_bytes, struct buf *answer,
                       struct store_reply *reply)
{
    const struct store_parameter parameters[] = {
        { .name = "table", .type = "String", .value = slice_from_string(catalog->table) },
        { .name = "database", .type = "String", .value = slice_from_string(catalog->store->database) },
    };
    struct store_query query = { .sql = sql,
                                 .parameters = parameters,
                                 .parameter_count = ARRAY_LENGTH(parameters),
                                 .format = "TSVRaw",
                                 .timeout_ns = catalog->timeout_ns,
                                 .max_result_bytes = most_bytes };
    catalog->store->ops->query(catalog->session, catalog->server, &query, answer, reply);
    return reply->outcome == STORE_DONE;
}
