/* Turns inserts and queries into calls of ClickHouse in process (libchdb).
 *
 * The engine starts with the store and stops when the store is freed; a session is a connection of its own. There is no
 * request that could get lost: every answer is the engine's own, so no outcome here is UNKNOWN. */
#include "base/lz4.h"
#include "base/thread.h"
#include "store/chdb.h"
#include "store/chdb_statement.h"
#include "store/codes.h"
#include "store/sql.h"
#include "store/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_BLOCK_BYTES (UINT64_C(1) << 30)
#define MAX_ANSWER_BYTES (UINT64_C(64) << 20)
/* Blocks are handed to the engine in pieces of about this size: it casts block by block, and forty columns of sixty rows
 * cost it twice as much a row as the same columns of some thousand (docs/decisions.md). */
#define MERGE_BYTES (UINT64_C(16) << 20)
#define MARK_CACHE_BYTES (64 << 20)

struct embedded {
    struct store base;
    struct chdb chdb;
    chdb_connection *connection; /* keeps the engine alive */
    char *path_argument;
    char *backups_argument; /* BACKUP and RESTORE reach files in <data>/backups alone */
    const char *names[1];
    const struct store_options *options;
};

struct store_session {
    struct embedded *store;
    chdb_connection *connection;
    struct lz4_decoder *decoder;
    struct native_merger *merger;
    struct buf blocks;     /* unpacked, one behind the other */
    struct buf merged;     /* the same as one block */
    bool marks_json;       /* merged blocks have JSON columns, see native_merger_mark_json */
    int64_t limit_seconds; /* what max_execution_time was last SET to */
    uint64_t limit_bytes;  /* what max_result_bytes was last SET to */
};

static struct slice error_text(const char *error)
{
    return slice_from_string(error != NULL ? error : "the engine gave no reason");
}

/* Takes the result; appends its bytes to `out` (NULL: ignored). */
static void read_result(const struct chdb *chdb, struct chdb_result *result, struct buf *out, uint64_t max,
                        struct store_reply *reply)
{
    const char *error = result == NULL ? "the engine is out of memory" : chdb->result_error(result);
    size_t len = error != NULL ? 0 : chdb->result_length(result);
    if (error != NULL) {
        struct slice text = error_text(error);
        store_reply_set(reply, STORE_ANSWERED, store_parse_error_code(text), 0, text);
    } else if (out != NULL && len > max) {
        store_reply_set(reply, STORE_ANSWERED, CODE_TOO_MANY_ROWS_OR_BYTES, 0,
                        SLICE("Code: 396. the result is larger than the limit"));
    } else {
        if (out != NULL && len != 0) {
            buf_append(out, chdb->result_buffer(result), len);
        }
        store_reply_set(reply, STORE_DONE, 0, 0, SLICE(""));
    }
    if (result != NULL) {
        chdb->destroy_query_result(result);
    }
}

static void run(const struct chdb *chdb, chdb_connection connection, struct slice sql, struct buf *out, uint64_t max,
                struct store_reply *reply)
{
    read_result(chdb, chdb->query_n(connection, sql.data, sql.len, "TSV", 3), out, max, reply);
}

/* Unpacks frames from the front of *bytes until MERGE_BYTES are there; *count is how many. */
static enum error unpack_some(struct store_session *session, struct slice *bytes, size_t *count)
{
    buf_clear(&session->blocks);
    for (*count = 0; bytes->len != 0 && session->blocks.len < MERGE_BYTES; ++*count) {
        size_t used = 0;
        enum error error = lz4_frame_decode(session->decoder, *bytes, &used, &session->blocks, MAX_BLOCK_BYTES);
        if (error != OK) {
            return error;
        }
        *bytes = slice_after(*bytes, used);
    }
    return OK;
}

/* What was unpacked last, `count` blocks, becomes one in *piece. */
static enum error merge_some(struct store_session *session, size_t count, struct slice *piece)
{
    struct gather merged;
    if (count == 1 && !session->marks_json) {
        *piece = buf_slice(&session->blocks);
        return OK;
    }
    enum error error = native_merge(session->merger, &session->blocks, &merged);
    if (error != OK) {
        return error;
    }
    buf_clear(&session->merged);
    buf_append_gather(&session->merged, merged);
    *piece = buf_slice(&session->merged);
    return session->merged.failed ? ERROR_OUT_OF_MEMORY : OK;
}

/* Unpacks the segment into the open stream; false if the engine refuses, or *damage: it is damaged, or memory is short. */
static bool append_blocks(struct store_session *session, struct chdb_insert_stream *stream, struct slice bytes,
                          enum error *damage)
{
    while (bytes.len != 0) {
        size_t count = 0;
        struct slice piece;
        *damage = unpack_some(session, &bytes, &count);
        if (*damage == OK) {
            *damage = merge_some(session, count, &piece);
        }
        if (*damage != OK || session->store->chdb.stream_append(stream, piece.data, piece.len) != 0) {
            return false;
        }
    }
    return true;
}

static void stream_segment(struct store_session *session, struct slice statement, const struct store_insert *insert,
                           struct store_reply *reply)
{
    const struct chdb *chdb = &session->store->chdb;
    enum error damage = OK;
    session->marks_json = insert->json_stream != NULL;
    native_merger_mark_json(session->merger, insert->json_stream);
    struct chdb_insert_stream *stream =
        chdb->stream_insert_n(*session->connection, statement.data, statement.len, "Native", 6);
    bool whole = chdb->stream_insert_error(stream) == NULL && append_blocks(session, stream, insert->bytes, &damage);
    if (whole) {
        read_result(chdb, chdb->stream_done(stream), NULL, 0, reply);
    } else {
        struct slice text =
            damage != OK ? slice_from_string(error_info(damage)->text) : error_text(chdb->stream_insert_error(stream));
        enum store_outcome outcome = damage == ERROR_OUT_OF_MEMORY ? STORE_UNREACHABLE : STORE_ANSWERED;
        store_reply_set(reply, outcome, damage != OK ? 0 : store_parse_error_code(text), 0, text);
        chdb->stream_cancel_insert(stream);
    }
    chdb->destroy_insert_stream(stream);
}

#define AS_ASSIGNMENT(name, value) ", " name " = " value

static void embedded_insert(struct store_session *session, size_t server, const struct store_insert *insert,
                            struct store_reply *reply)
{
    (void)server;
    struct buf statement = { 0 };
    sql_insert(insert, session->store->base.database, &statement);
    buf_append_string(&statement, " SETTINGS insert_deduplication_token = ");
    sql_quote_literal(slice_from_string(insert->token), &statement);
    buf_append_string(
        &statement,
        ", insert_deduplicate = 1, async_insert = 0, max_execution_time = 0, "
        "optimize_on_insert = 0, deduplicate_blocks_in_dependent_materialized_views = 1" STORE_JSON_SETTINGS(
            AS_ASSIGNMENT));
    if (insert->missing_column != NULL) {
        buf_append_string(&statement, ", input_format_skip_unknown_fields = 1");
    }
    if (statement.failed) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("out of memory"));
    } else {
        stream_segment(session, buf_slice(&statement), insert, reply);
    }
    buf_release(&statement);
}

/* Brings the connection's limits to what this query wants; most queries want what the last one did. */
static void set_limits(struct store_session *session, const struct store_query *query, uint64_t max_bytes,
                       struct store_reply *reply)
{
    char sql[160];
    int64_t seconds = query->timeout_ns <= 0 ? 0 : (query->timeout_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
    reply->outcome = STORE_DONE;
    if (seconds == session->limit_seconds && max_bytes == session->limit_bytes) {
        return;
    }
    int len = snprintf(sql, sizeof sql, "SET max_execution_time = %lld, max_result_bytes = %llu", (long long)seconds,
                       (unsigned long long)max_bytes);
    run(&session->store->chdb, *session->connection, slice_make(sql, (size_t)len), NULL, 0, reply);
    if (reply->outcome == STORE_DONE) {
        session->limit_seconds = seconds;
        session->limit_bytes = max_bytes;
    }
}

/* The four arrays that query_with_params_n wants, in one allocation. */
struct bindings {
    const char **names;
    const char **values;
    size_t *name_lens;
    size_t *value_lens;
    struct buf *escaped;
    size_t count;
};

static bool bindings_init(struct bindings *bindings, const struct store_query *query)
{
    size_t count = query->parameter_count;
    *bindings = (struct bindings){ .count = count };
    bindings->names = calloc(count + 1, 2 * (sizeof(char *) + sizeof(size_t)) + sizeof(struct buf));
    if (bindings->names == NULL) {
        return false;
    }
    bindings->escaped = (struct buf *)(void *)bindings->names;
    bindings->names = (const char **)(void *)(bindings->escaped + count);
    bindings->values = bindings->names + count;
    bindings->name_lens = (size_t *)(void *)(bindings->values + count);
    bindings->value_lens = bindings->name_lens + count;
    bool whole = true;
    for (size_t i = 0; i < count; i++) {
        sql_escape_parameter(query->parameters[i].value, &bindings->escaped[i]);
        whole = whole && buf_c_string(&bindings->escaped[i]) != NULL && !bindings->escaped[i].failed;
        bindings->names[i] = query->parameters[i].name;
        bindings->name_lens[i] = strlen(query->parameters[i].name);
        bindings->values[i] = bindings->escaped[i].data;
        bindings->value_lens[i] = bindings->escaped[i].len;
    }
    return whole;
}

static void bindings_release(struct bindings *bindings)
{
    for (size_t i = 0; bindings->escaped != NULL && i < bindings->count; i++) {
        buf_release(&bindings->escaped[i]);
    }
    free(bindings->escaped);
}

static void embedded_query(struct store_session *session, size_t server, const struct store_query *query,
                           struct buf *out, struct store_reply *reply)
{
    (void)server;
    const struct chdb *chdb = &session->store->chdb;
    uint64_t max = query->max_result_bytes != 0 ? query->max_result_bytes : MAX_ANSWER_BYTES;
    struct slice format = slice_from_string(query->format != NULL ? query->format : "TSV");
    struct bindings bindings;
    set_limits(session, query, max, reply);
    if (reply->outcome != STORE_DONE) {
        return;
    }
    if (!bindings_init(&bindings, query)) {
        store_reply_set(reply, STORE_UNREACHABLE, 0, 0, SLICE("out of memory"));
    } else {
        read_result(chdb,
                    chdb->query_with_params_n(*session->connection, query->sql.data, query->sql.len, format.data,
                                              format.len, bindings.names, bindings.name_lens, bindings.values,
                                              bindings.value_lens, bindings.count),
                    out, max, reply);
    }
    bindings_release(&bindings);
}

/* Statements of people leave half of the engine's memory to INSERTs. */
static void embedded_run_statement(struct store_session *session, const struct store_statement *statement,
                                   struct store_reply *reply)
{
    chdb_statement_run(&session->store->chdb, *session->connection, statement, session->store->options->max_memory / 2,
                       reply);
}

static void embedded_cancel_statement(struct store_session *session, const char *tag)
{
    chdb_statement_cancel(&session->store->chdb, *session->connection, tag);
}

static void embedded_probe(struct store_session *session, size_t server, struct store_features *features,
                           struct store_reply *reply)
{
    (void)server;
    struct buf answer = { 0 };
    run(&session->store->chdb, *session->connection, SLICE(STORE_PROBE_SQL), &answer, MAX_ANSWER_BYTES, reply);
    if (reply->outcome == STORE_DONE && !store_parse_probe(buf_slice(&answer), clock_monotonic_ns(), features)) {
        store_reply_set(reply, STORE_ANSWERED, 0, 0, SLICE("the engine does not say its version"));
    }
    buf_release(&answer);
}

static void embedded_session_free(struct store_session *session)
{
    if (session->connection != NULL) {
        session->store->chdb.close_conn(session->connection);
    }
    lz4_decoder_free(session->decoder);
    native_merger_free(session->merger);
    buf_release(&session->blocks);
    buf_release(&session->merged);
    free(session);
}

static struct store_session *embedded_session_new(struct store *base)
{
    struct embedded *store = (struct embedded *)base;
    struct store_session *session = calloc(1, sizeof *session);
    struct store_reply reply = { 0 };
    struct buf use = { 0 };
    if (session == NULL) {
        return NULL;
    }
    const char *arguments[] = { store->path_argument, "--max_query_size=268435456" };
    session->store = store;
    session->decoder = lz4_decoder_new();
    session->merger = native_merger_new();
    session->connection = chdb_open(&store->chdb, arguments, ARRAY_LENGTH(arguments));
    bool good = session->decoder != NULL && session->merger != NULL && session->connection != NULL;
    if (good && base->database[0] != '\0') {
        buf_append_string(&use, "USE ");
        sql_quote_identifier(slice_from_string(base->database), &use);
        run(&store->chdb, *session->connection, buf_slice(&use), NULL, 0, &reply);
        good = reply.outcome == STORE_DONE;
    }
    buf_release(&use);
    if (!good) {
        embedded_session_free(session);
        return NULL;
    }
    return session;
}

static void embedded_free(struct store *base)
{
    struct embedded *store = (struct embedded *)base;
    if (store->connection != NULL) {
        store->chdb.close_conn(store->connection); /* the last one: the engine stops */
    }
    free(store->path_argument);
    free(store->backups_argument);
    free(store);
}

/* Makes a folder with its parents; errno says why not. */
static bool make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            bool made = mkdir(path, 0750) == 0 || errno == EEXIST;
            *at = '/';
            if (!made) {
                return false;
            }
        }
    }
    return mkdir(path, 0750) == 0 || errno == EEXIST;
}

/* --path=<real path of the engine's folder>, made if it is missing; NULL with *problem. */
static char *make_path_argument(const char *path, const char *data_folder, struct buf *problem)
{
    struct buf folder = { 0 };
    struct buf argument = { 0 };
    char real[PATH_MAX];
    char *made = NULL;
    if (path != NULL && path[0] != '\0') {
        buf_append_string(&folder, path);
    } else {
        buf_printf(&folder, "%s/clickhouse", data_folder);
    }
    if (buf_c_string(&folder) == NULL || !make_folders(folder.data) || realpath(folder.data, real) == NULL) {
        buf_printf(problem, "the embedded engine's folder %s (store.path, else journal.data) cannot be made: %s",
                   folder.data == NULL ? "" : folder.data, strerror(errno));
    } else {
        buf_printf(&argument, "--path=%s", real);
        made = buf_c_string(&argument) == NULL ? NULL : strdup(argument.data);
    }
    buf_release(&folder);
    buf_release(&argument);
    return made;
}

/* NULL if memory is short. */
static char *make_backups_argument(const char *data_folder)
{
    char real[PATH_MAX];
    char *argument;
    const char *folder = realpath(data_folder, real) != NULL ? real : data_folder;
    return asprintf(&argument, "--backups.allowed_path=%s/backups", folder) < 0 ? NULL : argument;
}

static bool start_engine(struct embedded *store, struct buf *problem)
{
    struct store_reply reply = { 0 };
    struct buf sql = { 0 };
    char memory[64];
    char marks[64];
    snprintf(memory, sizeof memory, "--max_server_memory_usage=%llu", (unsigned long long)store->options->max_memory);
    snprintf(marks, sizeof marks, "--mark_cache_size=%d", MARK_CACHE_BYTES);
    const char *arguments[] = {
        store->path_argument,   memory, marks, "--background_pool_size=2", "--memory_worker_use_cgroup=0",
        store->backups_argument
    };
    store->connection = chdb_open(&store->chdb, arguments, ARRAY_LENGTH(arguments));
    if (store->connection == NULL) {
        buf_printf(problem,
                   "the embedded engine does not start on %s: its messages are above; is the folder writable, and "
                   "does no other process use it?",
                   store->path_argument + strlen("--path="));
        return false;
    }
    if (store->base.database[0] != '\0') {
        buf_append_string(&sql, "CREATE DATABASE IF NOT EXISTS ");
        sql_quote_identifier(slice_from_string(store->base.database), &sql);
        run(&store->chdb, *store->connection, buf_slice(&sql), NULL, 0, &reply);
    }
    buf_release(&sql);
    if (reply.outcome != STORE_DONE) {
        buf_printf(problem, "store.database: %s", reply.message);
        return false;
    }
    return true;
}

struct start {
    struct embedded *store;
    struct buf *problem;
    bool started;
};

static void open_engine(void *argument)
{
    struct start *start = argument;
    start->started = start_engine(start->store, start->problem);
}

/* The engine's threads have the priority of the thread that starts it. */
static bool start_engine_in_background(struct embedded *store, struct buf *problem)
{
    struct start start = { store, problem, false };
    if (thread_run_background("engine", open_engine, &start) != OK) {
        buf_append_string(problem, "the embedded engine: the system refuses more threads");
    }
    return start.started;
}

static bool embedded_open(struct store *base, struct buf *problem)
{
    struct embedded *store = (struct embedded *)base;
    return chdb_load(&store->chdb, store->options->library, problem) && start_engine_in_background(store, problem);
}

static const struct store_ops embedded_ops = {
    .name = "embedded",
    .session_new = embedded_session_new,
    .session_free = embedded_session_free,
    .insert = embedded_insert,
    .query = embedded_query,
    .probe = embedded_probe,
    .run_statement = embedded_run_statement,
    .cancel_statement = embedded_cancel_statement,
    .free = embedded_free,
    .open = embedded_open,
};

struct store *store_embedded_new(const struct store_options *options, const char *data_folder, bool fsync,
                                 struct buf *problem)
{
    (void)fsync; /* a setting of the tables: table_ddl */
    struct embedded *store = calloc(1, sizeof *store);
    if (store == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    store->names[0] = "embedded";
    store->base = (struct store){ .ops = &embedded_ops,
                                  .server_count = 1,
                                  .server_names = store->names,
                                  .in_process = true,
                                  .database = options->database != NULL ? options->database : "" };
    store->options = options;
    store->path_argument = make_path_argument(options->path, data_folder, problem);
    store->backups_argument = make_backups_argument(data_folder);
    if (store->path_argument == NULL || store->backups_argument == NULL) {
        embedded_free(&store->base);
        return NULL;
    }
    return &store->base;
}
