/* Turns a stream into a table on a server, or compares it with the one that is there. */
#include "store/table.h"

#include "base/hash.h"
#include "store/codes.h"

#include <stdlib.h>

#define LONGEST_QUERY_NS (30 * NS_PER_SECOND) /* of the catalog, which answers at once or not at all */
/* A batch of the default size becomes a part of a few files, not of some hundred; what merges make of them is wide. */
#define LARGEST_COMPACT_PART (64 << 20) /* bytes, uncompressed */
#define UNKNOWN_TABLE 60                /* ClickHouse's code */

static struct slice table_slice(const struct stream *stream)
{
    return slice_from_string(stream->table);
}

static void append_table_name(const struct stream *stream, const char *database, struct buf *out)
{
    if (database[0] != '\0') {
        store_quote_identifier(slice_from_string(database), out);
        buf_append_byte(out, '.');
    }
    store_quote_identifier(table_slice(stream), out);
}

/* The type in DDL. LowCardinality changes only how a column is stored: a server without it, or one that would not
 * convert our strings to it, gets the type inside. */
static void append_type(const struct type *type, const struct store_features *features, struct buf *out)
{
    struct slice rest = slice_from_string(type->name);
    struct slice mark = SLICE("LowCardinality(");
    const char *found = memmem(rest.data, rest.len, mark.data, mark.len);
    if (features->low_cardinality || !type->low_cardinality || found == NULL) {
        buf_append_slice(out, rest);
        return;
    }
    size_t before = (size_t)(found - rest.data);
    struct slice inside = slice_after(rest, before + mark.len);
    unsigned depth = 1;
    size_t end = 0;
    while (end < inside.len && depth != 0) {
        depth += inside.data[end] == '(';
        depth -= inside.data[end] == ')';
        end++;
    }
    buf_append(out, rest.data, before);
    buf_append(out, inside.data, end - 1);
    buf_append_slice(out, slice_after(inside, end));
}

void table_ddl(const struct stream *stream, const char *database, const struct store_features *features, bool fsync,
               struct buf *out)
{
    const char *separator = " SETTINGS ";
    buf_append_string(out, "CREATE TABLE IF NOT EXISTS ");
    append_table_name(stream, database, out);
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[i];
        const char *comment = column->options != NULL ? column->options->comment : NULL;
        buf_append_string(out, i == 0 ? " (" : ", ");
        store_quote_identifier(slice_from_string(column->name), out);
        buf_append_byte(out, ' ');
        append_type(&column->type, features, out);
        if (comment != NULL && comment[0] != '\0') {
            buf_append_string(out, " COMMENT ");
            store_quote_literal(slice_from_string(comment), out);
        }
    }
    buf_append_string(out, ") ENGINE = ReplacingMergeTree");
    if (stream->partition_by[0] != '\0') {
        buf_printf(out, " PARTITION BY %s", stream->partition_by);
    }
    buf_printf(out, " ORDER BY (%s)", stream->order_by);
    if (features->deduplication_window) {
        buf_printf(out, "%snon_replicated_deduplication_window = 10000", separator);
        separator = ", ";
    }
    if (features->merges_compact) {
        buf_printf(out, "%smin_bytes_for_wide_part = %d", separator, LARGEST_COMPACT_PART);
        separator = ", ";
    }
    if (fsync && features->fsync_settings) {
        buf_printf(out, "%sfsync_after_insert = 1, fsync_part_directory = 1", separator);
    }
}

/* What the server lacks to hold this column; NULL if nothing. */
static const char *lacking(const struct type *type, const struct store_features *features)
{
    if (type->shape == SHAPE_MAP && !features->map) {
        return "Map";
    }
    switch (type->kind) {
    case KIND_DATETIME64: return features->datetime64 ? NULL : "DateTime64";
    case KIND_JSON: return features->json ? NULL : "JSON";
    case KIND_BOOL: return features->boolean ? NULL : "Bool";
    case KIND_IPV4:
    case KIND_IPV6: return features->ip ? NULL : "IPv4 and IPv6";
    case KIND_ENUM:
    case KIND_DECIMAL:
    case KIND_FIXED_STRING: return features->converts ? NULL : "the conversion of strings on INSERT";
    default: return NULL;
    }
}

static bool server_has_types(const struct stream *stream, const struct store_features *features, struct buf *problem)
{
    bool all = true;
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[i];
        const char *what = lacking(&column->type, features);
        if (what != NULL) {
            buf_printf(
                problem,
                "stream %s: field %s: %s: ClickHouse %d.%d lacks %s; give the field another type, or use a newer "
                "server\n",
                stream->name, column->name, column->type.name, features->major, features->minor, what);
            all = false;
        }
    }
    return all;
}

/* An answer that says nothing about the table: ask again later. */
static bool is_passing(const struct store_reply *reply)
{
    /* unknown database, time-outs, network, memory, too many queries, read-only, quota, users and passwords, keeper */
    static const int codes[] = { 0,   81,  159, 164, 192, 193, 194, 201, 202, 209, 210,
                                 225, 241, 242, 285, 319, 394, 473, 497, 516, 999 };
    if (reply->outcome != STORE_ANSWERED) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(codes); i++) {
        if (reply->code == codes[i]) {
            return true;
        }
    }
    return false;
}

static enum table_verdict failed(const struct stream *stream, const struct store_reply *reply, struct buf *problem)
{
    buf_printf(problem, "stream %s: table %s: %s\n", stream->name, stream->table, reply->message);
    return is_passing(reply) ? TABLE_UNREACHABLE : TABLE_UNFIT;
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
static bool ask_catalog(struct check *check, struct slice sql, struct buf *answer)
{
    const struct store_parameter parameters[] = {
        { "table", "String", table_slice(check->stream) },
        { "database", "String", slice_from_string(check->store->database) },
    };
    struct store_query query = { .sql = sql,
                                 .parameters = parameters,
                                 .parameter_count = ARRAY_LENGTH(parameters),
                                 .format = "TSVRaw",
                                 .timeout_ns = check->timeout_ns };
    check->store->ops->query(check->session, check->server, &query, answer, &check->reply);
    return check->reply.outcome == STORE_DONE;
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
        &answer);
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
    bool read = ask_catalog(
        check, SLICE("SELECT engine FROM system.tables WHERE name = {table:String}" IN_THIS_DATABASE), &answer);
    struct slice engine = first_line(&answer);
    *exists = engine.len != 0;
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
    *info = (struct table_info){ 0 };
    bool read = read_engine(&check, info, &exists);
    *reply = check.reply;
    if (read && !exists) {
        store_reply_set(reply, STORE_ANSWERED, UNKNOWN_TABLE, 0, SLICE("the table is not there any more"));
    }
    return read && exists;
}

/* The row `name \t type \t default_kind` of a column; false if there is none. */
static bool find_column(struct slice rows, struct slice name, struct slice *type, struct slice *kind)
{
    struct slice row;
    while (slice_split(&rows, '\n', &row)) {
        struct slice found;
        if (slice_split(&row, '\t', &found) && slice_equal(found, name)) {
            return slice_split(&row, '\t', type) && row.data != NULL && slice_split(&row, '\t', kind);
        }
    }
    return false;
}

static bool is_event_id(const struct stream *stream, size_t column)
{
    return stream->event_id_column >= 0 && (size_t)stream->event_id_column == column;
}

/* One field against the table's columns; false, with the reason, if its values cannot go there. */
static bool column_fits(struct check *check, size_t index, struct slice rows)
{
    const struct column_spec *column = &check->stream->columns[index];
    struct slice type;
    struct slice kind;
    buf_printf(check->problem, "stream %s: field %s: ", check->stream->name, column->name);
    if (!find_column(rows, slice_from_string(column->name), &type, &kind)) {
        buf_printf(check->problem, "table %s has no such column; ALTER TABLE %s ADD COLUMN `%s` %s\n",
                   check->stream->table, check->stream->table, column->name, column->type.name);
        return false;
    }
    if (slice_equal(kind, SLICE("ALIAS")) || slice_equal(kind, SLICE("MATERIALIZED"))) {
        buf_printf(check->problem, "the column of table %s is %.*s and takes no values; drop the field\n",
                   check->stream->table, (int)kind.len, kind.data);
        return false;
    }
    bool low_cardinality = memmem(type.data, type.len, "LowCardinality(", 15) != NULL;
    bool fits = type_fits(&column->type, type, check->features.converts) &&
                (!low_cardinality || check->features.low_cardinality);
    if (!fits) {
        buf_printf(check->problem, "type %s does not go into the column's %.*s; make them the same\n",
                   column->type.name, (int)type.len, type.data);
    }
    return fits;
}

static enum table_verdict compare(struct check *check, struct table_info *info)
{
    struct buf rows = { 0 };
    enum table_verdict verdict = TABLE_READY;
    info->has_event_id = check->stream->event_id_column >= 0;
    if (!ask_catalog(
            check,
            SLICE("SELECT name, type, default_kind FROM system.columns WHERE table = {table:String}" IN_THIS_DATABASE),
            &rows)) {
        buf_release(&rows);
        return failed(check->stream, &check->reply, check->problem);
    }
    for (size_t i = 0; i < check->stream->column_count; i++) {
        struct slice name = slice_from_string(check->stream->columns[i].name);
        struct slice type;
        struct slice kind;
        size_t before = check->problem->len;
        if (is_event_id(check->stream, i) && check->features.converts &&
            !find_column(buf_slice(&rows), name, &type, &kind)) {
            info->has_event_id = false;
        } else if (column_fits(check, i, buf_slice(&rows))) {
            check->problem->len = before;
        } else {
            verdict = TABLE_UNFIT;
        }
    }
    buf_release(&rows);
    return verdict;
}

static enum table_verdict create(struct check *check, bool fsync)
{
    struct buf sql = { 0 };
    struct buf ignored = { 0 };
    table_ddl(check->stream, check->store->database, &check->features, fsync, &sql);
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
            server_has_types(stream, &check.features, problem) ? create(&check, fsync) : TABLE_UNFIT;
        if (verdict != TABLE_READY) {
            return verdict;
        }
        if (!read_engine(&check, info, &exists)) {
            return failed(stream, &check.reply, problem);
        }
    }
    return compare(&check, info);
}
