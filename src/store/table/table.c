/* Turns a stream into a table on a server, or compares it with the one that is there. */
#include "store/table/table.h"

#include "base/clock.h"
#include "base/hash.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "event/type.h"
#include "store/codes.h"
#include "store/table/table_catalog.h"
#include "store/table/table_ddl.h"
#include "store/table/table_first.h"
#include "store/table/table_judge.h"

#include <stdio.h>
#include <stdlib.h>

#define LONGEST_QUERY_NS (30 * NS_PER_SECOND) /* of the catalog, which answers at once or not at all */
#define MOST_COLUMN_BYTES ((uint64_t)2 << 20) /* of the catalog's rows: some ten thousand columns */
#define MOST_ROW_BYTES ((uint64_t)64 << 10)   /* of one row: engine, keys and TTL */

static enum table_verdict failed(const struct stream *stream, const struct store_reply *reply, struct buf *problem)
{
    buf_printf(problem, "stream %s: table %s: %s\n", stream->name, stream->table, reply->message);
    return code_is_silent(reply) ? TABLE_UNREACHABLE : TABLE_UNFIT;
}

/* What table_prepare carries around. */
struct check {
    struct store *store;
    struct store_session *session;
    size_t server;
    const struct stream *stream;
    int64_t timeout_ns;
    struct store_features features;
    struct store_reply reply;
    struct buf *problem;
};

static int64_t query_timeout_ns(int64_t timeout_ns)
{
    return timeout_ns < LONGEST_QUERY_NS ? timeout_ns : LONGEST_QUERY_NS;
}

/* Asks the catalog about the stream's table; false if it did not answer. */
static bool ask_catalog(struct check *check, struct slice sql, uint64_t most_bytes, struct buf *answer)
{
    const struct table_catalog catalog = { check->store, check->session, check->server, check->stream->table,
                                           check->timeout_ns };
    return table_catalog_ask(&catalog, sql, most_bytes, answer, &check->reply);
}

#define IN_THIS_DATABASE " AND database = if({database:String} = '', currentDatabase(), {database:String})"

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len && memcmp(text.data + text.len - end.len, end.data, end.len) == 0;
}

/* The first line of the answer, without its end. */
static struct slice first_line(const struct buf *answer)
{
    struct slice rest = buf_slice(answer), line;
    return slice_split(&rest, '\n', &line) ? line : (struct slice){ NULL, 0 };
}

/* Which table it is a replica of. One whose path the server does not say counts as not replicated: its batches then stay
 * with their server. The tables of Shared* engines have no path, and all servers of their service have them. */
static bool read_replicas(struct check *check, struct slice engine, struct table_info *info)
{
    struct buf answer = { 0 };
    bool asked = ask_catalog(
        check, SLICE("SELECT zookeeper_path FROM system.replicas WHERE table = {table:String}" IN_THIS_DATABASE),
        MOST_ROW_BYTES, &answer);
    struct slice path = first_line(&answer);
    if (path.len == 0 && slice_starts_with(engine, SLICE("Shared"))) {
        path = engine;
    }
    info->replicas = path.len == 0 ? 0 : hash_xxh3_64(path.data, path.len);
    info->replicated = path.len != 0;
    buf_release(&answer);
    /* An error that passes says nothing of the table; one that does not (no such system table, no right to read it) will
     * not tell us the path another time either. */
    return asked || (check->reply.outcome == STORE_ANSWERED && code_classify(&check->reply) >= CODE_COLUMNS);
}

/* The engine's name into *info; an empty answer means there is no table. */
static bool read_engine(struct check *check, struct table_info *info, bool *exists)
{
    struct buf answer = { 0 };
    bool read =
        ask_catalog(check, SLICE("SELECT engine FROM system.tables WHERE name = {table:String}" IN_THIS_DATABASE),
                    MOST_ROW_BYTES, &answer);
    struct slice engine = first_line(&answer);
    *exists = engine.len != 0;
    info->replicas = 0;
    info->engine_collapses = ends_with(engine, SLICE("ReplacingMergeTree"));
    info->replicated = slice_starts_with(engine, SLICE("Replicated")) || slice_starts_with(engine, SLICE("Shared"));
    if (read && info->replicated) {
        read = read_replicas(check, engine, info);
    }
    buf_release(&answer);
    return read;
}

bool table_read_engine(struct store *store, struct store_session *session, size_t server, const struct stream *stream,
                       int64_t timeout_ns, struct table_info *info, struct store_reply *reply)
{
    struct check check = { .store = store,
                           .session = session,
                           .server = server,
                           .stream = stream,
                           .timeout_ns = query_timeout_ns(timeout_ns) };
    bool exists = false;
    bool read = read_engine(&check, info, &exists);
    *reply = check.reply;
    if (read && !exists) {
        store_reply_set(reply, STORE_ANSWERED, CODE_UNKNOWN_TABLE, 0, SLICE("the table is not there any more"));
    }
    return read && exists;
}

static bool is_event_id(const struct stream *stream, size_t column)
{
    return stream->event_id_column >= 0 && (size_t)stream->event_id_column == column;
}

/* An EPHEMERAL column is read by other columns' defaults: only the id must be there itself. */
static bool keeps_values(const struct stream *stream, size_t column, struct slice default_kind)
{
    bool ephemeral = slice_equal(default_kind, SLICE("EPHEMERAL"));
    return !slice_equal(default_kind, SLICE("ALIAS")) && !slice_equal(default_kind, SLICE("MATERIALIZED")) &&
           !(ephemeral && is_event_id(stream, column));
}

/* One field against the table's columns; false, with the reason, if its values cannot go there. */
static bool column_fits(struct check *check, size_t index, struct slice rows)
{
    const struct column_spec *column = &check->stream->columns[index];
    struct table_column found;
    buf_printf(check->problem, "stream %s: field %s: ", check->stream->name, column->name);
    if (!table_find_column(rows, slice_from_string(column->name), &found)) {
        buf_printf(
            check->problem,
            "table %s has no such column; ALTER TABLE %s ADD COLUMN `%s` %s, or start with store.add_columns: true\n",
            check->stream->table, check->stream->table, column->name, column->type.name);
        return false;
    }
    if (!keeps_values(check->stream, index, found.default_kind)) {
        buf_printf(check->problem, "the column of table %s is %.*s and keeps no values that are sent; ",
                   check->stream->table, (int)found.default_kind.len, found.default_kind.data);
        if (is_event_id(check->stream, index)) {
            buf_printf(check->problem, "ALTER TABLE %s MODIFY COLUMN `%s` %s, or make the table anew\n",
                       check->stream->table, column->name, column->type.name);
        } else {
            buf_append_string(check->problem, "drop the field\n");
        }
        return false;
    }
    bool low_cardinality = memmem(found.type.data, found.type.len, "LowCardinality(", 15) != NULL;
    bool fits = type_fits(&column->type, found.type, check->features.converts) &&
                (!low_cardinality || check->features.low_cardinality);
    if (!fits) {
        buf_printf(check->problem, "type %s does not go into the column's %.*s; make them the same\n",
                   column->type.name, (int)found.type.len, found.type.data);
    }
    return fits;
}

/* A JSON field may have a column that is something else, such as a String. */
static bool keeps_json(const struct check *check, size_t index, struct slice rows)
{
    const struct column_spec *column = &check->stream->columns[index];
    struct table_column found;
    return column->type.kind != KIND_JSON || (table_find_column(rows, slice_from_string(column->name), &found) &&
                                              memmem(found.type.data, found.type.len, "JSON", 4) != NULL);
}

/* The fields against the table's columns. */
static enum table_verdict compare_columns(struct check *check, struct slice rows, struct table_info *info)
{
    enum table_verdict verdict = TABLE_READY;
    info->has_event_id = check->stream->event_id_column >= 0;
    info->keeps_json = check->features.json;
    for (size_t i = 0; i < check->stream->column_count; i++) {
        struct table_column column;
        size_t before = check->problem->len;
        info->keeps_json = info->keeps_json && keeps_json(check, i, rows);
        if (is_event_id(check->stream, i) && check->features.converts &&
            !table_find_column(rows, slice_from_string(check->stream->columns[i].name), &column)) {
            info->has_event_id = false;
        } else if (column_fits(check, i, rows)) {
            check->problem->len = before;
        } else {
            verdict = TABLE_UNFIT;
        }
    }
    return verdict;
}

/* `lines` as one text of less than `size` bytes. */
static void join_lines(char *text, size_t size, struct slice lines)
{
    struct slice line;
    size_t length = 0;
    while (slice_split(&lines, '\n', &line) && length < size) {
        int written = snprintf(text + length, size - length, "%s%.*s", length == 0 || line.len == 0 ? "" : "; ",
                               (int)line.len, line.data);
        length += written < 0 ? 0 : (size_t)written;
    }
}

/* Engine and keys against the promise. */
static enum table_verdict judge(struct check *check, const struct table_definition *definition, struct table_info *info)
{
    struct buf losses = { 0 }, lines = { 0 };
    table_judge(check->stream, definition, &losses, &lines);
    info->loses = losses.len != 0;
    bool refused = info->loses && !check->stream->options->allow_lossy_table;
    struct slice rest = buf_slice(&losses), line;
    while (refused && slice_split(&rest, '\n', &line)) {
        if (line.len != 0) {
            buf_printf(check->problem,
                       "stream %s: %.*s; `allow_lossy_table: true` of the stream serves it all the same\n",
                       check->stream->name, (int)line.len, line.data);
        }
    }
    buf_append_slice(&losses, buf_slice(&lines));
    join_lines(info->warnings, sizeof info->warnings, buf_slice(&losses));
    buf_clear(&lines);
    table_judge_first(check->stream, definition, &lines);
    join_lines(info->note, sizeof info->note, buf_slice(&lines));
    buf_release(&losses);
    buf_release(&lines);
    return refused ? TABLE_UNFIT : TABLE_READY;
}

/* Its engine, keys and TTL, each once: they hold neither tabs nor line ends. */
static bool read_definition(struct check *check, struct buf *answer, struct table_definition *definition)
{
    bool read = ask_catalog(check,
                            SLICE("SELECT engine, sorting_key, partition_key, engine_full FROM system.tables WHERE "
                                  "name = {table:String}" IN_THIS_DATABASE),
                            MOST_ROW_BYTES, answer);
    struct slice row = first_line(answer);
    return read && slice_split(&row, '\t', &definition->engine) && slice_split(&row, '\t', &definition->sorting_key) &&
           slice_split(&row, '\t', &definition->partition_key) && slice_split(&row, '\t', &definition->engine_full);
}

static enum table_verdict compare(struct check *check, struct table_info *info)
{
    struct buf rows = { 0 }, row = { 0 };
    struct table_definition definition = { 0 };
    enum table_verdict verdict;
    if (!ask_catalog(check,
                     SLICE("SELECT name, type, default_kind, default_expression FROM system.columns WHERE "
                           "table = {table:String}" IN_THIS_DATABASE),
                     MOST_COLUMN_BYTES, &rows) ||
        !read_definition(check, &row, &definition)) {
        verdict = failed(check->stream, &check->reply, check->problem);
    } else {
        definition.columns = buf_slice(&rows);
        verdict = compare_columns(check, definition.columns, info);
        verdict = verdict == TABLE_READY ? judge(check, &definition, info) : verdict;
    }
    buf_release(&rows);
    buf_release(&row);
    return verdict;
}

static enum table_verdict create(struct check *check, bool fsync)
{
    struct buf sql = { 0 };
    struct buf ignored = { 0 };
    struct table_form form = { .fsync = fsync };
    table_ddl(check->stream, check->store->database, &check->features, &form, &sql);
    struct store_query query = { .sql = buf_slice(&sql), .timeout_ns = check->timeout_ns };
    check->store->ops->query(check->session, check->server, &query, &ignored, &check->reply);
    buf_release(&sql);
    buf_release(&ignored);
    return check->reply.outcome == STORE_DONE ? TABLE_READY : failed(check->stream, &check->reply, check->problem);
}

enum table_verdict table_prepare(struct store *store, struct store_session *session, size_t server,
                                 const struct stream *stream, enum table_missing missing, bool fsync,
                                 int64_t timeout_ns, struct table_info *info, struct buf *problem)
{
    struct check check = { .store = store,
                           .session = session,
                           .server = server,
                           .stream = stream,
                           .timeout_ns = query_timeout_ns(timeout_ns),
                           .problem = problem };
    bool exists = false;
    *info = (struct table_info){ 0 };
    store->ops->probe(session, server, &check.features, &check.reply);
    if (check.reply.outcome != STORE_DONE) {
        (void)failed(stream, &check.reply, problem);
        return TABLE_UNREACHABLE;
    }
    if (!read_engine(&check, info, &exists)) {
        return failed(stream, &check.reply, problem);
    }
    if (!exists && missing != TABLE_CREATE) {
        buf_printf(problem, "stream %s: there is no table %s; create it, or %s\n", stream->name, stream->table,
                   missing == TABLE_WAS_THERE ? "start the gateway again, which creates it" : "set create_table: true");
        return TABLE_UNFIT;
    }
    if (!exists) {
        enum table_verdict verdict =
            table_ddl_is_possible(stream, &check.features, problem) ? create(&check, fsync) : TABLE_UNFIT;
        if (verdict != TABLE_READY) {
            return verdict;
        }
        if (!read_engine(&check, info, &exists)) {
            return failed(stream, &check.reply, problem);
        }
    }
    return compare(&check, info);
}
