/* Turns a segment into the count of its ids that are in the table. */
#include "store/delivery/verify.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/error.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "store/sql.h"

#include <inttypes.h>
#include <stdlib.h>

/* 39 bytes an id: 156 KB of SQL, below the 256 KiB that servers parse by default (max_query_size). */
#define IDS_PER_QUERY 4000

#define SECONDS_PER_DAY 86400

#define MOST_ANSWER_BYTES (UINT64_C(64) << 10) /* a number */

/* Rounding in DateTime columns, and nothing else: the bound is by the event's own time. */
#define TIME_MARGIN_S 2

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct event_id));
}

/* Sorts and removes repeats; returns how many are left. */
static size_t make_distinct(struct event_id *ids, size_t count)
{
    qsort(ids, count, sizeof *ids, compare_ids);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_ids(&ids[kept - 1], &ids[i]) != 0) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

static struct slice column_type(const struct segment_header *header, struct slice name)
{
    for (size_t i = 0; i < header->column_count; i++) {
        if (slice_equal(header->columns[i].name, name)) {
            return header->columns[i].wire_name;
        }
    }
    return (struct slice){ NULL, 0 };
}

/* Of all segments of the batch; false if one's is unknown. */
static bool time_range(const struct segment *first, int64_t *min_ns, int64_t *max_ns)
{
    *min_ns = first->min_time_ns;
    *max_ns = first->max_time_ns;
    for (const struct segment *segment = first; segment != NULL; segment = segment->next) {
        if (segment->min_time_ns > segment->max_time_ns) {
            return false;
        }
        *min_ns = segment->min_time_ns < *min_ns ? segment->min_time_ns : *min_ns;
        *max_ns = segment->max_time_ns > *max_ns ? segment->max_time_ns : *max_ns;
    }
    return true;
}

/* Nothing is appended if the range is unknown or lies outside of what DateTime can say. */
static void append_time_bound(const struct segment *segment, struct buf *out)
{
    const struct segment_header *header = &segment->header;
    struct slice type = column_type(header, slice_from_string(header->time_column));
    int64_t min_ns, max_ns;
    if (header->time_column[0] == '\0' || type.len == 0 || !time_range(segment, &min_ns, &max_ns)) {
        return;
    }
    int64_t from = min_ns / NS_PER_SECOND - TIME_MARGIN_S;
    int64_t to = max_ns / NS_PER_SECOND + TIME_MARGIN_S;
    if (from < 0 || to > UINT32_MAX) {
        return;
    }
    const char *function = "toDateTime";
    if (slice_equal(type, SLICE("Date"))) {
        function = "toDate";
        from /= SECONDS_PER_DAY;
        to /= SECONDS_PER_DAY;
    }
    struct slice column = slice_from_string(header->time_column);
    buf_append_string(out, " AND ");
    sql_quote_identifier(column, out);
    buf_printf(out, " >= %s(%" PRId64 ") AND ", function, from);
    sql_quote_identifier(column, out);
    buf_printf(out, " <= %s(%" PRId64 ")", function, to);
}

static void begin_count(const struct segment *segment, const char *database, struct buf *out)
{
    buf_append_string(out, "SELECT uniqExact(");
    sql_quote_identifier(slice_from_string(segment->header.event_id_column), out);
    buf_append_string(out, ") FROM ");
    sql_table(database, segment->header.table, out);
    buf_append_string(out, " WHERE ");
}

static void append_id(const struct event_id *id, struct buf *out)
{
    char text[EVENT_ID_TEXT];
    event_id_format(id, text);
    buf_append_byte(out, '\'');
    buf_append(out, text, sizeof text);
    buf_append_byte(out, '\'');
}

void verify_count_sql(const struct segment *segment, const char *database, const struct event_id *ids, size_t n,
                      struct buf *out)
{
    ASSERT(n != 0 && n <= IDS_PER_QUERY);
    begin_count(segment, database, out);
    sql_quote_identifier(slice_from_string(segment->header.event_id_column), out);
    buf_append_string(out, " IN (");
    for (size_t i = 0; i < n; i++) {
        buf_append_string(out, i == 0 ? "" : ",");
        append_id(&ids[i], out);
    }
    buf_append_byte(out, ')');
    append_time_bound(segment, out);
}

/* The column of versions as the number that lies in the segment. */
static void append_version(const struct segment *segment, struct buf *out)
{
    struct slice name = slice_from_string(segment->header.version_column);
    struct slice type = column_type(&segment->header, name);
    bool is_time = slice_starts_with(type, SLICE("DateTime64"));
    bool is_fine = slice_starts_with(type, SLICE("DateTime64(9"));
    buf_append_string(out, !is_time ? "" : is_fine ? "toUnixTimestamp64Nano(" : "toUnixTimestamp64Micro(");
    sql_quote_identifier(name, out);
    buf_append_string(out, is_time ? ")" : "");
}

void verify_updates_sql(const struct segment *segment, const char *database, const struct segment_update *updates,
                        size_t n, struct buf *out)
{
    ASSERT(n != 0 && n <= IDS_PER_QUERY);
    begin_count(segment, database, out);
    buf_append_byte(out, '(');
    sql_quote_identifier(slice_from_string(segment->header.event_id_column), out);
    buf_append_string(out, ", ");
    append_version(segment, out);
    buf_append_string(out, ") IN (");
    for (size_t i = 0; i < n; i++) {
        buf_append_string(out, i == 0 ? "(" : ",(");
        append_id(&updates[i].id, out);
        buf_printf(out, ",%" PRIu64 ")", updates[i].version);
    }
    buf_append_byte(out, ')');
    append_time_bound(segment, out);
}

struct question {
    struct store *store;
    struct store_session *session;
    size_t server;
    int64_t timeout_ns;
    struct buf sql;
    struct buf answer;
};

/* Asks for one number. False: *reply says why there is none. */
static bool ask(struct question *question, const struct store_parameter *parameters, size_t parameter_count,
                uint64_t *number, struct store_reply *reply)
{
    struct store_query query = {
        .sql = buf_slice(&question->sql),
        .parameters = parameters,
        .parameter_count = parameter_count,
        .format = "TSV",
        .timeout_ns = question->timeout_ns,
        .max_result_bytes = MOST_ANSWER_BYTES,
    };
    buf_clear(&question->answer);
    *reply = (struct store_reply){ 0 };
    if (question->sql.failed) {
        *reply = (struct store_reply){ .outcome = STORE_UNREACHABLE, .message = "out of memory" };
        return false;
    }
    question->store->ops->query(question->session, question->server, &query, &question->answer, reply);
    if (reply->outcome != STORE_DONE) {
        return false;
    }
    struct slice rest = buf_slice(&question->answer), line;
    if (!slice_split(&rest, '\n', &line) || !slice_to_u64(line, number)) {
        *reply = (struct store_reply){ .outcome = STORE_UNKNOWN, .message = "the answer to a count is not a number" };
        return false;
    }
    return true;
}

/* The stream of the batch's names, and the least and the greatest of their ids; false if one is no segment's name. */
static bool name_range(const struct segment *first, struct slice *stream, struct event_id *least,
                       struct event_id *greatest)
{
    for (const struct segment *segment = first; segment != NULL; segment = segment->next) {
        struct event_id uuid;
        if (!segment_parse_name(slice_from_string(segment->name), stream, &uuid)) {
            return false;
        }
        if (segment == first || compare_ids(&uuid, least) < 0) {
            *least = uuid;
        }
        if (segment == first || compare_ids(&uuid, greatest) > 0) {
            *greatest = uuid;
        }
    }
    return true;
}

void verify_running_sql(const struct segment *segment, struct buf *out)
{
    struct slice stream = SLICE("");
    struct event_id least = { { 0 } }, greatest = { { 0 } };
    buf_append_string(out, "SELECT count() FROM system.processes WHERE startsWith(query_id, ");
    if (!name_range(segment, &stream, &least, &greatest)) {
        sql_quote_literal(slice_from_string(segment->name), out);
        buf_append_byte(out, ')');
        return;
    }
    char from[EVENT_ID_TEXT], to[EVENT_ID_TEXT];
    unsigned first = (unsigned)stream.len + 2; /* substring counts from 1 */
    unsigned end = first + EVENT_ID_TEXT;
    event_id_format(&least, from);
    event_id_format(&greatest, to);
    buf_printf(out,
               "'%.*s-') AND substring(query_id, %u, 36) <= '%.36s' AND substring(query_id, "
               "if(substring(query_id, %u, 1) = '+', %u, %u), 36) >= '%.36s'",
               (int)stream.len, stream.data, first, to, end, end + 1, first, from);
}

static bool ask_running(struct question *question, const struct segment *segment, uint64_t *running,
                        struct store_reply *reply)
{
    buf_clear(&question->sql);
    verify_running_sql(segment, &question->sql);
    return ask(question, NULL, 0, running, reply);
}

/* Entries of its log that the replica has not taken over yet, and INSERTs among those it has. Without ZooKeeper nothing
 * is known. */
#define LAG_SQL                                                                                                        \
    "SELECT count() FROM system.replicas WHERE table = {table:String} AND "                                            \
    "database = if({database:String} = '', currentDatabase(), {database:String}) AND (is_readonly OR "                 \
    "is_session_expired OR total_replicas = 0 OR log_pointer < log_max_index OR "                                      \
    "(log_pointer = log_max_index AND log_max_index != 0) OR "                                                         \
    "(inserts_in_queue != 0 AND toInt64(toUnixTimestamp(inserts_oldest_time)) <= "

bool verify_replica_lags(struct store *store, struct store_session *session, size_t server,
                         const struct segment *segment, int64_t since_ns, int64_t timeout_ns, bool *lags,
                         struct store_reply *reply)
{
    struct question question = { .store = store, .session = session, .server = server, .timeout_ns = timeout_ns };
    const struct store_parameter parameters[] = {
        { .name = "table", .type = "String", .value = slice_from_string(segment->header.table) },
        { .name = "database",
          .type = "String",
          .value = slice_from_string(store->database != NULL ? store->database : "") },
    };
    uint64_t behind = 0;
    buf_printf(&question.sql, LAG_SQL "%" PRId64 "))", since_ns / NS_PER_SECOND + 1);
    bool asked = ask(&question, parameters, ARRAY_LENGTH(parameters), &behind, reply);
    *lags = behind != 0;
    buf_release(&question.sql);
    buf_release(&question.answer);
    return asked;
}

static bool is_enough(enum verify_aim aim, bool some_missing, bool some_found)
{
    switch (aim) {
    case VERIFY_ALL_STORED: return some_missing;
    case VERIFY_ALL_OR_NONE: return some_missing && some_found;
    case VERIFY_NONE_STORED: return some_found;
    }
    return false;
}

static bool are_updates(const struct segment *segment)
{
    return segment->header.version_column != NULL && segment->header.version_column[0] != '\0';
}

/* By key, and of one key the latest first. */
static int compare_updates(const void *a, const void *b)
{
    const struct segment_update *first = a, *second = b;
    int keys = memcmp(first->id.bytes, second->id.bytes, sizeof first->id.bytes / 2);
    return keys != 0 ? keys : (first->version < second->version) - (first->version > second->version);
}

/* Leaves the latest of each key; returns how many there are. */
static size_t keep_latest(struct segment_update *updates, size_t count)
{
    qsort(updates, count, sizeof *updates, compare_updates);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || memcmp(updates[kept - 1].id.bytes, updates[i].id.bytes, sizeof updates[i].id.bytes / 2) != 0) {
            updates[kept++] = updates[i];
        }
    }
    return kept;
}

/* Struct event_id of all rows, no two alike; or of updates struct segment_update, one of each key. */
static enum error read_rows(const struct segment *first, struct buf *rows, uint64_t *distinct)
{
    bool updates = are_updates(first);
    enum error error = OK;
    for (const struct segment *segment = first; error == OK && segment != NULL; segment = segment->next) {
        error = updates ? segment_updates(segment, rows) : segment_event_ids(segment, rows);
    }
    void *data = rows->data;
    if (error == OK && rows->len != 0) {
        *distinct = updates ? keep_latest(data, rows->len / sizeof(struct segment_update))
                            : make_distinct(data, rows->len / sizeof(struct event_id));
    }
    return error;
}

static void count_sql(const struct segment *segment, const char *database, const void *rows, size_t first, size_t n,
                      struct buf *out)
{
    if (are_updates(segment)) {
        verify_updates_sql(segment, database, (const struct segment_update *)rows + first, n, out);
    } else {
        verify_count_sql(segment, database, (const struct event_id *)rows + first, n, out);
    }
}

static enum verify_outcome count_ids(struct question *question, const struct segment *segment, const void *rows,
                                     enum verify_aim aim, struct verify_count *count, struct store_reply *reply)
{
    uint64_t running = 0;
    if (!ask_running(question, segment, &running, reply)) {
        return VERIFY_FAILED;
    }
    if (running != 0) {
        return VERIFY_RUNNING;
    }
    bool some_missing = false;
    bool known = false;
    for (size_t first = 0; first < count->distinct && !known;) {
        size_t left = count->distinct - first;
        size_t most = are_updates(segment) ? IDS_PER_QUERY / 2 : IDS_PER_QUERY;
        size_t asked = left < most ? left : most;
        uint64_t found = 0;
        buf_clear(&question->sql);
        count_sql(segment, question->store->database, rows, first, asked, &question->sql);
        if (!ask(question, NULL, 0, &found, reply)) {
            return VERIFY_FAILED;
        }
        count->found += found;
        ASSERT(asked != 0);
        first += asked;
        some_missing = some_missing || found < asked;
        known = is_enough(aim, some_missing, count->found != 0);
    }
    return VERIFY_COUNTED;
}

enum verify_outcome verify_segment(struct store *store, struct store_session *session, size_t server,
                                   const struct segment *segment, enum verify_aim aim, int64_t timeout_ns,
                                   struct verify_count *count, struct store_reply *reply)
{
    struct question question = { .store = store, .session = session, .server = server, .timeout_ns = timeout_ns };
    struct buf rows = { 0 };
    *count = (struct verify_count){ 0 };
    *reply = (struct store_reply){ 0 };
    enum error error = read_rows(segment, &rows, &count->distinct);
    enum verify_outcome outcome = error == ERROR_OUT_OF_MEMORY ? VERIFY_NO_MEMORY : VERIFY_DAMAGED;
    if (error == OK && rows.len != 0) {
        outcome = count_ids(&question, segment, rows.data, aim, count, reply);
    }
    buf_release(&rows);
    buf_release(&question.sql);
    buf_release(&question.answer);
    return outcome;
}
