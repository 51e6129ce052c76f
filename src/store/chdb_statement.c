/* Turns a person's statement into calls of the engine, and its result into pieces for the one who asked. */
#include "store/chdb_statement.h"

#include "store/codes.h"
#include "store/store.h"

#include <stdio.h>
#include <strings.h>

enum { READ_ONLY_CLASS = 0, UNKNOWN_CLASS = 4 }; /* of chdb.h's chdb_query_class */

#define READONLY_CODE 164
#define NOT_STREAMED "Streaming query is not supported"

/* Formats whose pieces, one behind the other, are the whole; of others each piece would have a head of its own. */
static bool is_of_lines(const char *format)
{
    static const char *const formats[] = {
        "TSV",
        "TabSeparated",
        "TSVRaw",
        "TabSeparatedRaw",
        "CSV",
        "TSKV",
        "JSONEachRow",
        "JSONLines",
        "NDJSON",
        "LineAsString",
        "Native",
        "RowBinary",
        "JSONCompactEachRow",
        "JSONStringsEachRow",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (strcasecmp(formats[i], format) == 0) {
            return true;
        }
    }
    return false;
}

/* Behind blanks and comments. */
static struct slice first_word(struct slice sql)
{
    for (;;) {
        while (sql.len != 0 && memchr(" \t\r\n;", sql.data[0], 5) != NULL) {
            sql = slice_after(sql, 1);
        }
        bool line = slice_starts_with(sql, SLICE("--"));
        if (!line && !slice_starts_with(sql, SLICE("/*"))) {
            break;
        }
        const char *end = line ? memchr(sql.data, '\n', sql.len) : memmem(sql.data, sql.len, "*/", 2);
        if (end == NULL) {
            return slice_make(sql.data, 0);
        }
        sql = slice_after(sql, (size_t)(end - (const char *)sql.data) + (line ? 1 : 2));
    }
    size_t len = 0;
    while (len < sql.len && ((sql.data[len] | 0x20) >= 'a' && (sql.data[len] | 0x20) <= 'z')) {
        len++;
    }
    return slice_make(sql.data, len);
}

static bool is_backup(struct slice sql, uint32_t count)
{
    struct slice word = first_word(sql);
    return count == 1 && word.len == 6 && strncasecmp((const char *)word.data, "BACKUP", 6) == 0;
}

/* What the engine would not stop by itself under readonly: files of INTO OUTFILE and INSERT INTO FUNCTION, RESTORE, KILL. */
static bool may_run(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                    bool *streams, struct store_reply *reply)
{
    struct chdb_query_analysis found = { .struct_size = sizeof found };
    int failed = chdb->classify_query_n(connection, statement->sql.data, statement->sql.len, NULL, 0, &found);
    *streams = failed == 0 && found.query_class == READ_ONLY_CLASS && found.statement_count == 1;
    bool reads = failed == 0 && found.query_class == READ_ONLY_CLASS;
    bool is_nonsense =
        found.query_class == UNKNOWN_CLASS && found.statement_count == 0; /* the engine says what is wrong */
    if (statement->write || reads || is_nonsense || is_backup(statement->sql, found.statement_count)) {
        return true;
    }
    store_reply_set(reply, STORE_ANSWERED, READONLY_CODE, 0,
                    SLICE("the statement writes, or changes what others see: `sluice sql --write` allows that"));
    return false;
}

static const char *hint_for(int code)
{
    switch (code) {
    case READONLY_CODE: return "the statement writes, which needs --write: ";
    case CODE_TOO_MANY_ROWS_OR_BYTES:
        return "the result is too large for this format; TSV, CSV, JSONEachRow, Native are streamed: ";
    default: return NULL;
    }
}

/* False, and *reply, if the engine said no. */
static bool is_good(const struct chdb *chdb, struct chdb_result *result, struct store_reply *reply)
{
    const char *error = result == NULL ? "the engine is out of memory" : chdb->result_error(result);
    if (error == NULL) {
        return true;
    }
    struct slice text = slice_from_string(error);
    struct buf hinted = { 0 };
    int code = store_parse_error_code(text);
    if (hint_for(code) != NULL) {
        buf_append_string(&hinted, hint_for(code));
        buf_append_slice(&hinted, text);
        text = hinted.failed ? text : buf_slice(&hinted);
    }
    store_reply_set(reply, STORE_ANSWERED, code, 0, text);
    buf_release(&hinted);
    return false;
}

static void release(const struct chdb *chdb, struct chdb_result *result)
{
    if (result != NULL) {
        chdb->destroy_query_result(result);
    }
}

/* False: the reader has gone. */
static bool hand_over(const struct chdb *chdb, struct chdb_result *result, const struct store_statement *statement,
                      struct store_reply *reply)
{
    size_t len = chdb->result_length(result);
    if (len == 0 || statement->take(statement->context, slice_make(chdb->result_buffer(result), len))) {
        return true;
    }
    store_reply_set(reply, STORE_ANSWERED, 0, 0, SLICE("whoever asked has gone"));
    return false;
}

static void run_whole(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                      struct store_reply *reply)
{
    const char *format = statement->format[0] != '\0' ? statement->format : "TSV";
    struct chdb_result *result =
        chdb->query_n(connection, statement->sql.data, statement->sql.len, format, strlen(format));
    if (is_good(chdb, result, reply) && hand_over(chdb, result, statement, reply)) {
        store_reply_set(reply, STORE_DONE, 0, 0, SLICE(""));
    }
    release(chdb, result);
}

/* One piece; false once there is none any more. */
static bool fetch_piece(const struct chdb *chdb, chdb_connection connection, struct chdb_result *stream,
                        const struct store_statement *statement, struct store_reply *reply)
{
    struct chdb_result *piece = chdb->stream_fetch_result(connection, stream);
    bool more = is_good(chdb, piece, reply);
    if (more && chdb->result_length(piece) == 0) {
        store_reply_set(reply, STORE_DONE, 0, 0, SLICE(""));
        more = false;
    } else if (more) {
        more = hand_over(chdb, piece, statement, reply);
    }
    release(chdb, piece);
    return more;
}

/* False: the engine does not stream this statement (SHOW, EXPLAIN …), and has not begun it. */
static bool run_streaming(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                          struct store_reply *reply)
{
    struct chdb_result *stream = chdb->stream_query_n(connection, statement->sql.data, statement->sql.len,
                                                      statement->format, strlen(statement->format));
    if (!is_good(chdb, stream, reply)) {
        release(chdb, stream);
        return strstr(reply->message, NOT_STREAMED) == NULL;
    }
    while (fetch_piece(chdb, connection, stream, statement, reply)) {
    }
    if (reply->outcome != STORE_DONE) {
        chdb->stream_cancel_query(connection, stream);
    }
    release(chdb, stream);
    return true;
}

PRINTF_LIKE(4, 5)
static bool run_own(const struct chdb *chdb, chdb_connection connection, struct store_reply *reply, const char *format,
                    ...)
{
    char sql[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    struct chdb_result *result = chdb->query_n(connection, sql, (size_t)len, "TSV", 3);
    bool good = is_good(chdb, result, reply);
    release(chdb, result);
    return good;
}

/* The bound of results holds for those that are held whole; readonly comes last, for it is for ever. */
static bool set_up(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                   uint64_t max_memory, bool streams, struct store_reply *reply)
{
    return run_own(chdb, connection, reply,
                   "SET log_comment = '%s', max_memory_usage = %llu, max_result_bytes = %llu, max_result_rows = %d",
                   statement->tag, (unsigned long long)max_memory,
                   (unsigned long long)(streams ? 0 : STATEMENT_MAX_HELD), streams ? 0 : STATEMENT_MAX_HELD_ROWS) &&
           (statement->write || run_own(chdb, connection, reply, "SET readonly = 2"));
}

void chdb_statement_run(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                        uint64_t max_memory, struct store_reply *reply)
{
    bool streams = false;
    if (!may_run(chdb, connection, statement, &streams, reply)) {
        return;
    }
    streams = streams && is_of_lines(statement->format);
    if (!set_up(chdb, connection, statement, max_memory, streams, reply) ||
        (streams && run_streaming(chdb, connection, statement, reply))) {
        return;
    }
    if (streams && !run_own(chdb, connection, reply, "SET max_result_bytes = %llu, max_result_rows = %d",
                            (unsigned long long)STATEMENT_MAX_HELD, STATEMENT_MAX_HELD_ROWS)) {
        return;
    }
    run_whole(chdb, connection, statement, reply);
}

void chdb_statement_cancel(const struct chdb *chdb, chdb_connection connection, const char *tag)
{
    struct store_reply reply;
    (void)run_own(chdb, connection, &reply, "KILL QUERY WHERE Settings['log_comment'] = '%s' ASYNC", tag);
}
