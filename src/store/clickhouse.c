/* Turns inserts and queries into requests to ClickHouse's HTTP interface.
 *
 * What a failed request may have done decides its outcome: nothing sent is UNREACHABLE, everything else without an
 * answer of ClickHouse's own is UNKNOWN. */
#include "base/lz4.h"
#include "store/http_client.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ANSWER_BYTES (UINT64_C(64) << 20)
#define MAX_INSERT_ANSWER_BYTES (UINT64_C(64) << 10)
#define MAX_PLAIN_BODY_BYTES (UINT64_C(4) << 30)
#define PLAIN_BODY_KEPT ((size_t)256 << 20) /* from batch to batch */
#define MAX_QUERY_SIZE "268435456"          /* bytes of SQL that the server's parser takes */
#define TOO_MANY_BYTES 396                  /* ClickHouse's code for a result over the limit */

struct server {
    struct http_address address;
    pthread_mutex_t lock; /* guards features */
    struct store_features features;
};

struct clickhouse {
    struct store base;
    struct server *servers;
    const char **names;
    long connect_timeout_ms;
    long request_timeout_ms;
};

struct store_session {
    struct clickhouse *store;
    struct http_client **clients; /* one per server, made when first needed */
    struct lz4_decoder *decoder;  /* this and the rest are for make_plain_body, made when first needed */
    struct native_merger *merger;
    struct buf blocks;
};

/* A request being put together. */
struct draft {
    struct buf url;
    struct http_request request;
};

/* name=value of the URL's query, percent-encoded; the URL ends in '?' or has arguments already. */
static void add_argument(struct draft *draft, const char *prefix, struct slice name, struct slice value)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf *url = &draft->url;
    if (url->len != 0 && url->data[url->len - 1] != '?') {
        buf_append_byte(url, '&');
    }
    buf_append_string(url, prefix);
    buf_append_slice(url, name);
    buf_append_byte(url, '=');
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
            c == '.' || c == '~') {
            buf_append_byte(url, c);
            continue;
        }
        buf_append_byte(url, '%');
        buf_append_byte(url, (uint8_t)digits[c >> 4]);
        buf_append_byte(url, (uint8_t)digits[c & 15]);
    }
}

static void add_setting(struct draft *draft, const char *name, const char *value)
{
    add_argument(draft, "", slice_from_string(name), slice_from_string(value));
}

static void fail(struct store_reply *reply, enum store_outcome outcome, int code, const struct server *server,
                 const char *text)
{
    struct buf message = { 0 };
    buf_printf(&message, "%s: %s", server->address.name, text);
    store_reply_set(reply, outcome, code, 0, buf_slice(&message));
    buf_release(&message);
}

/* The server answered. What is not ClickHouse's own answer (a proxy's 502) leaves the fate unknown. */
static void judge_answer(const struct server *server, const struct http_result *result, struct slice text,
                         bool expects_nothing, struct store_reply *reply)
{
    if (result->status == 200 && result->exception_code == 0 && (!expects_nothing || text.len == 0)) {
        store_reply_set(reply, STORE_DONE, 0, 200, SLICE(""));
        return;
    }
    int code = result->exception_code != 0 ? result->exception_code : store_parse_error_code(text);
    bool answered = code != 0 || (result->status >= 400 && result->status < 500);
    struct buf message = { 0 };
    buf_printf(&message, "%s: HTTP %ld: ", server->address.name, result->status);
    buf_append_slice(&message, text);
    store_reply_set(reply, answered ? STORE_ANSWERED : STORE_UNKNOWN, code, (int)result->status, buf_slice(&message));
    buf_release(&message);
}

static void perform(struct store_session *session, size_t index, struct draft *draft, bool expects_nothing,
                    struct store_reply *reply)
{
    const struct server *server = &session->store->servers[index];
    struct http_result result;
    if (session->clients[index] == NULL) {
        session->clients[index] = http_client_new();
    }
    draft->request.url = buf_c_string(&draft->url);
    draft->request.user = server->address.user;
    draft->request.password = server->address.password;
    draft->request.connect_timeout_ms = session->store->connect_timeout_ms;
    if (session->clients[index] == NULL || draft->request.url == NULL) {
        fail(reply, STORE_UNREACHABLE, 0, server, "out of memory");
        return;
    }
    http_post(session->clients[index], &draft->request, &result);
    switch (result.fate) {
    case HTTP_ANSWERED: judge_answer(server, &result, buf_slice(draft->request.answer), expects_nothing, reply); break;
    case HTTP_NOT_SENT: fail(reply, STORE_UNREACHABLE, 0, server, result.failure); break;
    case HTTP_LOST: fail(reply, STORE_UNKNOWN, 0, server, result.failure); break;
    case HTTP_TOO_LARGE:
        fail(reply, expects_nothing ? STORE_UNKNOWN : STORE_ANSWERED, TOO_MANY_BYTES, server,
             "the answer is larger than the limit");
        break;
    }
}

static void draft_begin(struct draft *draft, const struct store_session *session, size_t index)
{
    const struct server *server = &session->store->servers[index];
    *draft = (struct draft){ .request.timeout_ms = session->store->request_timeout_ms };
    buf_append_string(&draft->url, server->address.url);
    if (session->store->base.database[0] != '\0') {
        add_setting(draft, "database", session->store->base.database);
    }
    add_setting(draft, "wait_end_of_query", "1");
}

/* A probe is cheap: a server that takes longer for it is as good as gone, and the gateway's start waits for the first. */
static long probe_timeout_ms(const struct clickhouse *store)
{
    long patience_ms = 5 * store->connect_timeout_ms;
    return patience_ms < store->request_timeout_ms ? patience_ms : store->request_timeout_ms;
}

static void clickhouse_probe(struct store_session *session, size_t index, struct store_features *features,
                             struct store_reply *reply)
{
    struct server *server = &session->store->servers[index];
    struct buf answer = { 0 };
    struct slice question = SLICE(STORE_PROBE_SQL " FORMAT TSV");
    struct draft draft = { .request = { .timeout_ms = probe_timeout_ms(session->store),
                                        .answer = &answer,
                                        .max_answer = MAX_INSERT_ANSWER_BYTES,
                                        .body = gather_one(&question) } };
    buf_append_string(&draft.url, server->address.url); /* no database: a probe must not fail for its sake */
    perform(session, index, &draft, false, reply);
    if (reply->outcome == STORE_DONE && !store_parse_probe(buf_slice(&answer), clock_monotonic_ns(), features)) {
        fail(reply, STORE_UNKNOWN, 0, server, "does not answer like ClickHouse: check the URL");
    }
    if (reply->outcome == STORE_DONE) {
        pthread_mutex_lock(&server->lock);
        server->features = *features;
        pthread_mutex_unlock(&server->lock);
    }
    buf_release(&draft.url);
    buf_release(&answer);
}

/* What the server can do, asking it first if nobody has yet. */
static bool know_features(struct store_session *session, size_t index, struct store_features *features,
                          struct store_reply *reply)
{
    struct server *server = &session->store->servers[index];
    pthread_mutex_lock(&server->lock);
    *features = server->features;
    pthread_mutex_unlock(&server->lock);
    if (features->known) {
        return true;
    }
    clickhouse_probe(session, index, features, reply);
    if (reply->outcome == STORE_UNKNOWN) {
        reply->outcome = STORE_UNREACHABLE; /* what the caller wanted was not sent */
    }
    return reply->outcome == STORE_DONE;
}

/* One plain Native block for a server that does not unpack lz4: cut short, it inserts nothing. */
static enum error make_plain_body(struct store_session *session, const struct store_insert *insert, struct gather *body)
{
    buf_clear(&session->blocks);
    if (session->decoder == NULL) {
        session->decoder = lz4_decoder_new();
    }
    if (session->merger == NULL) {
        session->merger = native_merger_new();
    }
    if (session->decoder == NULL || session->merger == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    enum error error = lz4_frames_decode(session->decoder, insert->bytes, &session->blocks, MAX_PLAIN_BODY_BYTES);
    return error == OK ? native_merge(session->merger, &session->blocks, body) : error;
}

/* Servers cut an INSERT into blocks by these, and know a block again by its number or its bytes: a replica with a profile of
 * its own must cut as the others do. */
#define BLOCK_ROWS "1048576"
#define BLOCK_BYTES "268435456"

#define ADD_SETTING(name, value) add_setting(draft, name, value);

static void add_insert_settings(struct draft *draft, const struct store_insert *insert,
                                const struct store_features *features)
{
    add_setting(draft, "query_id", insert->token);
    add_setting(draft, "insert_deduplicate", "1");
    add_setting(draft, "min_insert_block_size_rows", BLOCK_ROWS);
    add_setting(draft, "min_insert_block_size_bytes", BLOCK_BYTES);
    if (features->tokens) {
        add_setting(draft, "insert_deduplication_token", insert->token);
    }
    if (features->async_insert) {
        add_setting(draft, "async_insert", "0");
    }
    if (features->optimize_on_insert) {
        add_setting(draft, "optimize_on_insert", "0"); /* merges collapse, and FINAL: see docs/decisions.md */
    }
    if (features->json) {
        STORE_JSON_SETTINGS(ADD_SETTING)
    }
    if (insert->missing_column != NULL) {
        add_setting(draft, "input_format_skip_unknown_fields", "1");
    }
}

static void clickhouse_insert(struct store_session *session, size_t index, const struct store_insert *insert,
                              struct store_reply *reply)
{
    const struct server *server = &session->store->servers[index];
    struct store_features features;
    struct buf answer = { 0 };
    struct buf statement = { 0 };
    struct draft draft;
    if (!know_features(session, index, &features, reply)) {
        return;
    }
    draft_begin(&draft, session, index);
    add_insert_settings(&draft, insert, &features);
    store_insert_statement(insert, session->store->base.database, &statement);
    buf_append_string(&statement, " FORMAT Native");
    add_argument(&draft, "", SLICE("query"), buf_slice(&statement));
    draft.request.answer = &answer;
    draft.request.max_answer = MAX_INSERT_ANSWER_BYTES;
    draft.request.content_encoding = features.lz4_body ? "lz4" : NULL;
    draft.request.body = gather_one(&insert->bytes);
    enum error error = statement.failed || draft.url.failed ? ERROR_OUT_OF_MEMORY : OK;
    if (error == OK && !features.lz4_body) {
        error = make_plain_body(session, insert, &draft.request.body);
    }
    if (error == ERROR_OUT_OF_MEMORY) {
        fail(reply, STORE_UNREACHABLE, 0, server, "the gateway is out of memory");
    } else if (error != OK) {
        fail(reply, STORE_UNREACHABLE, 0, server, "the segment cannot be unpacked: it is damaged");
    } else {
        perform(session, index, &draft, true, reply);
    }
    buf_release(&draft.url);
    buf_release(&statement);
    buf_release(&answer);
    buf_shed(&session->blocks, PLAIN_BODY_KEPT);
}

static void add_query_settings(struct draft *draft, const struct store_query *query,
                               const struct store_features *features)
{
    char seconds[32];
    int64_t whole = query->timeout_ns <= 0 ? 0 : (query->timeout_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
    snprintf(seconds, sizeof seconds, "%lld", (long long)whole);
    add_setting(draft, "max_execution_time", seconds);
    add_setting(draft, "max_query_size", MAX_QUERY_SIZE);
    for (size_t i = 0; features->parameters && i < query->parameter_count; i++) {
        struct buf value = { 0 };
        store_escape_parameter(query->parameters[i].value, &value);
        add_argument(draft, "param_", slice_from_string(query->parameters[i].name), buf_slice(&value));
        draft->url.failed = draft->url.failed || value.failed;
        buf_release(&value);
    }
}

static void clickhouse_query(struct store_session *session, size_t index, const struct store_query *query,
                             struct buf *out, struct store_reply *reply)
{
    const struct server *server = &session->store->servers[index];
    struct store_features features;
    struct buf sql = { 0 };
    struct draft draft;
    if (!know_features(session, index, &features, reply)) {
        return;
    }
    draft_begin(&draft, session, index);
    add_query_settings(&draft, query, &features);
    if (query->timeout_ns > 0) { /* a little more than the server's own limit, so that its answer can come */
        draft.request.timeout_ms = (long)(query->timeout_ns / NS_PER_MS) + 1000;
    }
    bool bound = true;
    if (features.parameters) {
        buf_append_slice(&sql, query->sql);
    } else {
        bound = store_bind_literals(query, &sql);
    }
    if (query->format != NULL) {
        buf_printf(&sql, "\nFORMAT %s", query->format);
    }
    struct slice body = buf_slice(&sql);
    draft.request.body = gather_one(&body);
    draft.request.answer = out;
    draft.request.max_answer = query->max_result_bytes != 0 ? query->max_result_bytes : MAX_ANSWER_BYTES;
    if (!bound || sql.failed) {
        fail(reply, STORE_UNREACHABLE, 0, server, "a parameter of the query has no value, or memory is short");
    } else {
        perform(session, index, &draft, query->format == NULL, reply);
    }
    buf_release(&draft.url);
    buf_release(&sql);
}

static struct store_session *clickhouse_session_new(struct store *store)
{
    struct store_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->store = (struct clickhouse *)store;
    session->clients = calloc(store->server_count, sizeof(struct http_client *));
    if (session->clients == NULL) {
        free(session);
        return NULL;
    }
    return session;
}

static void clickhouse_session_free(struct store_session *session)
{
    for (size_t i = 0; i < session->store->base.server_count; i++) {
        http_client_free(session->clients[i]);
    }
    lz4_decoder_free(session->decoder);
    native_merger_free(session->merger);
    buf_release(&session->blocks);
    free(session->clients);
    free(session);
}

static void clickhouse_free(struct store *base)
{
    struct clickhouse *store = (struct clickhouse *)base;
    for (size_t i = 0; i < base->server_count; i++) {
        struct server *server = &store->servers[i];
        pthread_mutex_destroy(&server->lock);
        http_address_release(&server->address);
    }
    free(store->servers);
    free(store->names);
    free(store);
}

static const struct store_ops clickhouse_ops = {
    .name = "clickhouse",
    .session_new = clickhouse_session_new,
    .session_free = clickhouse_session_free,
    .insert = clickhouse_insert,
    .query = clickhouse_query,
    .probe = clickhouse_probe,
    .free = clickhouse_free,
};

/* Credentials of the URL go before those of the options. */
static bool server_init(struct server *server, struct slice url, const struct store_options *options)
{
    struct http_address *address = &server->address;
    pthread_mutex_init(&server->lock, NULL);
    if (!http_address_parse(address, url)) {
        return false;
    }
    if (address->user[0] == '\0') {
        free(address->user);
        free(address->password);
        address->user = strdup(options->user != NULL ? options->user : "");
        address->password = strdup(options->password != NULL ? options->password : "");
    }
    return address->user != NULL && address->password != NULL;
}

/* Two servers of one name would be told apart by nobody: neither by /metrics, whose series would stand there twice, nor by
 * /readyz. */
static bool is_named_before(const struct clickhouse *store, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(store->names[i], store->names[index]) == 0) {
            return true;
        }
    }
    return false;
}

static long timeout_ms(int64_t ns)
{
    return ns <= 0 ? 0 : (long)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

struct store *store_clickhouse_new(const struct store_options *options, struct buf *problem)
{
    struct clickhouse *store = calloc(1, sizeof *store);
    size_t most = 1;
    for (const char *at = options->url; *at != '\0'; at++) {
        most += *at == ',';
    }
    if (store == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    store->servers = calloc(most, sizeof *store->servers);
    store->names = calloc(most, sizeof *store->names);
    store->base = (struct store){ .ops = &clickhouse_ops,
                                  .server_names = store->names,
                                  .database = options->database != NULL ? options->database : "" };
    store->connect_timeout_ms = timeout_ms(options->connect_timeout_ns);
    store->request_timeout_ms = timeout_ms(options->request_timeout_ns);
    struct slice rest = slice_from_string(options->url);
    struct slice text;
    while (store->servers != NULL && store->names != NULL && slice_split(&rest, ',', &text)) {
        size_t index = store->base.server_count++;
        if (!server_init(&store->servers[index], text, options)) {
            buf_append_string(problem,
                              "store.url: expected http://host:port or https://host:port, several separated by "
                              "commas");
            clickhouse_free(&store->base);
            return NULL;
        }
        store->names[index] = store->servers[index].address.name;
        if (is_named_before(store, index)) {
            buf_printf(problem, "store.url: %s is given twice; each server may stand there once", store->names[index]);
            clickhouse_free(&store->base);
            return NULL;
        }
    }
    if (store->base.server_count == 0) {
        buf_append_string(problem, "out of memory");
        clickhouse_free(&store->base);
        return NULL;
    }
    return &store->base;
}
