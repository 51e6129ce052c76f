/* Turns a request of ClickHouse's HTTP interface into calls of libchdb. */
#include "execute.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_RUNNING 64

/* Which query_ids are running: ClickHouse refuses a second one with the same. */
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *running[MAX_RUNNING];

/* The slot, -1 if the id is running already; without an id or a free slot it is not noted. */
static int running_enter(const char *id)
{
    int slot = MAX_RUNNING;
    pthread_mutex_lock(&running_lock);
    for (int i = 0; id != NULL && i < MAX_RUNNING; i++) {
        if (running[i] == NULL) {
            slot = i < slot ? i : slot;
        } else if (strcmp(running[i], id) == 0) {
            pthread_mutex_unlock(&running_lock);
            return -1;
        }
    }
    if (slot < MAX_RUNNING) {
        running[slot] = id;
    }
    pthread_mutex_unlock(&running_lock);
    return slot;
}

static void running_leave(int slot)
{
    if (slot < 0 || slot == MAX_RUNNING) {
        return;
    }
    pthread_mutex_lock(&running_lock);
    running[slot] = NULL;
    pthread_mutex_unlock(&running_lock);
}

/* As ClickHouse's HTTPHandler maps them. */
static int status_of(int code)
{
    static const struct {
        int code, status;
    } rows[] = { { 0, 200 },  { 516, 403 }, { 193, 403 }, { 194, 403 }, { 192, 403 }, { 497, 403 }, { 60, 404 },
                 { 81, 404 }, { 47, 404 },  { 115, 404 }, { 50, 404 },  { 62, 400 },  { 53, 400 },  { 6, 400 },
                 { 27, 400 }, { 38, 400 },  { 41, 400 },  { 70, 400 },  { 69, 400 },  { 72, 400 },  { 43, 400 },
                 { 42, 400 }, { 48, 501 },  { 202, 503 }, { 159, 408 } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].code == code) {
            return rows[i].status;
        }
    }
    return 500;
}

static void fail(struct answer *answer, const char *text)
{
    int code = 0;
    const char *mark = strstr(text, "Code: ");
    if (mark == NULL || sscanf(mark, "Code: %d", &code) != 1 || code == 0) {
        code = 1001; /* STD_EXCEPTION */
    }
    buf_clear(&answer->body);
    buf_printf(&answer->body, "%s\n", text);
    answer->code = code;
    answer->status = status_of(code);
}

static void take_result(const struct engine *engine, struct chdb_result *result, struct answer *answer)
{
    const struct chdb *chdb = &engine->chdb;
    const char *error = chdb->result_error(result);
    size_t len = error == NULL ? chdb->result_length(result) : 0;
    if (error != NULL) {
        fail(answer, error);
    } else if (len != 0) {
        buf_append(&answer->body, chdb->result_buffer(result), len);
    }
    chdb->destroy_query_result(result);
}

static bool is_setting(const struct argument *argument)
{
    static const char *const others[] = { "query",      "database",       "user",      "password",
                                          "query_id",   "buffer_size",    "compress",  "decompress",
                                          "session_id", "default_format", "quota_key", "wait_end_of_query" };
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (strcmp(argument->name, others[i]) == 0) {
            return false;
        }
    }
    return strncmp(argument->name, "param_", 6) != 0;
}

/* 'value' or `name`, escaped. */
static void quote(struct buf *sql, uint8_t quote, const char *text)
{
    buf_append_byte(sql, quote);
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text == quote || *text == '\\') {
            buf_append_byte(sql, '\\');
        }
        buf_append_byte(sql, (uint8_t)*text);
    }
    buf_append_byte(sql, quote);
}

static void run(const struct engine *engine, chdb_connection connection, const struct buf *sql, struct answer *answer)
{
    if (answer->code == 0 && sql->len != 0) {
        take_result(engine, engine->chdb.query_n(connection, sql->data, sql->len, "TSV", 3), answer);
    }
}

/* Database and settings of the URL. The query_id, which libchdb cannot set, is kept as log_comment. */
static void prepare(const struct engine *engine, chdb_connection connection, const struct request *request,
                    struct answer *answer)
{
    const struct argument *database = request_argument(request, "database");
    const struct argument *query_id = request_argument(request, "query_id");
    struct buf sql = { 0 };
    if (database != NULL && database->value_len != 0) {
        buf_append_string(&sql, "USE ");
        quote(&sql, '`', database->value);
        run(engine, connection, &sql, answer);
        buf_clear(&sql);
    }
    for (size_t i = 0; i < request->argument_count; i++) {
        if (is_setting(&request->arguments[i])) {
            buf_printf(&sql, "%s%s = ", sql.len == 0 ? "SET " : ", ", request->arguments[i].name);
            quote(&sql, '\'', request->arguments[i].value);
        }
    }
    if (query_id != NULL) {
        buf_printf(&sql, "%slog_comment = ", sql.len == 0 ? "SET " : ", ");
        quote(&sql, '\'', query_id->value);
    }
    run(engine, connection, &sql, answer);
    buf_release(&sql);
}

/* An INSERT with its data behind it: the statement, its format, the data. */
struct insert {
    struct slice statement;
    struct slice format;
    struct slice data;
};

/* Splits `text` at its last " FORMAT "; false if it is no INSERT that has one. */
static bool split_statement(struct slice text, struct insert *insert)
{
    static const char mark[] = " FORMAT ";
    const char *found = NULL;
    if (text.len < 6 || strncasecmp(text.data, "INSERT", 6) != 0) {
        return false;
    }
    for (size_t at = 0; at + sizeof mark - 1 <= text.len; at++) {
        if (strncasecmp(text.data + at, mark, sizeof mark - 1) == 0) {
            found = text.data + at;
        }
    }
    if (found != NULL) {
        insert->statement = slice_make(text.data, (size_t)(found - text.data));
        insert->format = slice_trim(slice_after(text, insert->statement.len + sizeof mark - 1));
    }
    return found != NULL;
}

/* As ClickHouse has it: the statement is the URL's `query`, or the body up to its first line end. */
static bool find_insert(const struct request *request, struct insert *insert)
{
    const struct argument *query = request_argument(request, "query");
    insert->data = buf_slice(&request->body);
    if (query != NULL) {
        return insert->data.len != 0 && split_statement(slice_make(query->value, query->value_len), insert);
    }
    struct slice line;
    return slice_split(&insert->data, '\n', &line) && insert->data.len != 0 && split_statement(line, insert);
}

static void run_insert(const struct engine *engine, chdb_connection connection, const struct insert *insert,
                       struct answer *answer)
{
    const struct chdb *chdb = &engine->chdb;
    struct chdb_insert_stream *stream = chdb->stream_insert_n(connection, insert->statement.data, insert->statement.len,
                                                              insert->format.data, insert->format.len);
    const char *error = chdb->stream_insert_error(stream);
    if (error == NULL && chdb->stream_append(stream, insert->data.data, insert->data.len) != 0) {
        error = chdb->stream_insert_error(stream);
        error = error != NULL ? error : "Code: 1001. append failed";
    }
    if (error == NULL) {
        take_result(engine, chdb->stream_done(stream), answer);
    } else {
        fail(answer, error);
    }
    chdb->destroy_insert_stream(stream);
}

/* system.processes with the query_id that the client gave. */
static void append_sql(struct buf *sql, struct slice text)
{
    static const char table[] = "system.processes";
    const char *found;
    while (text.len != 0 && (found = memmem(text.data, text.len, table, sizeof table - 1)) != NULL) {
        size_t before = (size_t)(found - text.data);
        buf_append(sql, text.data, before);
        buf_append_string(sql, "(SELECT * REPLACE (Settings['log_comment'] AS query_id) FROM system.processes)");
        text = slice_after(text, before + sizeof table - 1);
    }
    buf_append_slice(sql, text);
}

static void run_query(const struct engine *engine, chdb_connection connection, const struct buf *sql,
                      const struct request *request, struct answer *answer)
{
    const char *names[MAX_ARGUMENTS];
    const char *values[MAX_ARGUMENTS];
    size_t name_lens[MAX_ARGUMENTS];
    size_t value_lens[MAX_ARGUMENTS];
    size_t count = 0;
    for (size_t i = 0; i < request->argument_count; i++) {
        const struct argument *argument = &request->arguments[i];
        if (strncmp(argument->name, "param_", 6) == 0) {
            names[count] = argument->name + 6;
            name_lens[count] = strlen(argument->name) - 6;
            values[count] = argument->value;
            value_lens[count++] = argument->value_len;
        }
    }
    take_result(engine,
                engine->chdb.query_with_params_n(connection, sql->data, sql->len, "TSV", 3, names, name_lens, values,
                                                 value_lens, count),
                answer);
}

static void run_request(const struct engine *engine, chdb_connection connection, const struct request *request,
                        struct answer *answer)
{
    const struct argument *query = request_argument(request, "query");
    struct insert insert;
    prepare(engine, connection, request, answer);
    if (answer->code != 0) {
        return;
    }
    if (find_insert(request, &insert)) {
        run_insert(engine, connection, &insert, answer);
        return;
    }
    struct buf sql = { 0 };
    append_sql(&sql, query != NULL ? slice_make(query->value, query->value_len) : SLICE(""));
    append_sql(&sql, buf_slice(&request->body));
    run_query(engine, connection, &sql, request, answer);
    buf_release(&sql);
}

static bool is_allowed(const struct engine *engine, const struct request *request)
{
    return engine->user == NULL ||
           (strcmp(engine->user, request->user) == 0 && strcmp(engine->password, request->password) == 0);
}

void execute(const struct engine *engine, const struct request *request, struct answer *answer)
{
    answer->status = 200;
    if (strcmp(request->path, "/ping") == 0) {
        buf_append_string(&answer->body, "Ok.\n");
        return;
    }
    if (!is_allowed(engine, request)) {
        fail(answer, "Code: 516. DB::Exception: Authentication failed: password is incorrect, or there is no user with "
                     "such name. (AUTHENTICATION_FAILED)");
        return;
    }
    const struct argument *id = request_argument(request, "query_id");
    int slot = running_enter(id != NULL ? id->value : NULL);
    if (slot < 0) {
        fail(answer, "Code: 216. DB::Exception: Query with this id is already running. "
                     "(QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)");
        return;
    }
    const char *arguments[] = { engine->path_argument };
    chdb_connection *connection = chdb_open(&engine->chdb, arguments, 1);
    if (connection == NULL) {
        fail(answer, "Code: 1001. the engine gives no connection");
    } else {
        run_request(engine, *connection, request, answer);
        engine->chdb.close_conn(connection);
    }
    running_leave(slot);
}
