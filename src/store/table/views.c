/* Turns what the catalog says of a table's views into whether a resent batch fills them. */
#include "store/table/views.h"

#define IN_THIS_DATABASE "database = if({database:String} = '', currentDatabase(), {database:String})"

#define KEEPS_TOKENS                                                                                                   \
    "(engine LIKE 'Replicated%' OR engine LIKE 'Shared%' OR"                                                           \
    " match(engine_full, 'non_replicated_deduplication_window = [1-9]'))"

/* One number, 1: yes. Views of views are not looked into: no. */
static const char question[] =
    "WITH (SELECT arrayZip(dependencies_database, dependencies_table) FROM system.tables"
    " WHERE name = {table:String} AND " IN_THIS_DATABASE ") AS views,"
    " (SELECT groupUniqArray(extract(create_table_query, ' TO ([^ (]+)')) FROM system.tables"
    " WHERE has(views, (database, name))) AS targets"
    " SELECT countIf(name = {table:String} AND " IN_THIS_DATABASE " AND " KEEPS_TOKENS ") = 1"
    " AND countIf((has(views, (database, name)) OR has(targets, concat(database, '.', name)))"
    " AND notEmpty(dependencies_table)) = 0"
    " AND (length(views) = 1 OR"
    " countIf(has(targets, concat(database, '.', name)) AND " KEEPS_TOKENS ") = length(views))"
    " FROM system.tables";

bool views_can_be_refilled(struct store *store, struct store_session *session, size_t server, const char *table,
                           int64_t timeout_ns)
{
    const struct store_parameter parameters[] = {
        { .name = "table", .type = "String", .value = slice_from_string(table) },
        { .name = "database", .type = "String", .value = slice_from_string(store->database) },
    };
    const struct store_query query = { .sql = slice_from_string(question),
                                       .parameters = parameters,
                                       .parameter_count = ARRAY_LENGTH(parameters),
                                       .format = "TSV",
                                       .timeout_ns = timeout_ns };
    struct store_reply reply = { 0 };
    struct buf answer = { 0 };
    store->ops->query(session, server, &query, &answer, &reply);
    bool can = reply.outcome == STORE_DONE && slice_starts_with(buf_slice(&answer), SLICE("1"));
    buf_release(&answer);
    return can;
}
