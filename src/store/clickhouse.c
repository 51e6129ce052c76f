/* Turns inserts and queries into requests to ClickHouse's HTTP interface.
 *
 * Statements and queries stand in the body, never in the URL: servers and proxies take 4 to 16 KB of URL, and refuse the
 * rest with an empty answer. */
#include "store/clickhouse_private.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "store/http_request.h"
#include "store/insert_body.h"
#include "store/settings.h"
#include "store/sql.h"
#include "store/store_tls.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_ANSWER_BYTES (UINT64_C(64) << 20)
#define MAX_INSERT_ANSWER_BYTES (UINT64_C(64) << 10)
#define MAX_QUERY_SIZE "268435456" /* bytes of SQL that the server's parser takes */
#define USUAL_QUERY_SIZE ((size_t)200 << 10)
#define LONGEST_PARAMETERS 1024 /* in the URL; longer ones go into the body, as literals */

struct store_session {
    struct clickhouse *store;
    struct http_client **clients; /* one per server, made when first needed */
    struct insert_body *body;
};

static void perform(struct store_session *session, size_t index, struct request_draft *draft,
                    enum request_expects expects, struct store_reply *reply)
{
    if (session->clients[index] == NULL) {
        session->clients[index] = http_client_new();
    }
    draft->request.connect_timeout_ms = session->store->connect_timeout_ms;
    draft->request.tls = &session->store->tls;
    draft->request.tls_names = &store_tls_names;
    draft->request.hurried = &session->store->base.hurried;
    request_perform(session->clients[index], &session->store->servers[index].address, draft, expects, reply);
}

static bool is_pinned(struct server *server, enum setting setting)
{
    pthread_mutex_lock(&server->lock);
    bool pinned = setting != SETTING_COUNT && server->pinned[setting];
    pthread_mutex_unlock(&server->lock);
    return pinned;
}

static void add_setting(struct request_draft *draft, struct server *server, const char *name, const char *value)
{
    if (!is_pinned(server, setting_find(slice_from_string(name)))) {
        request_add_setting(draft, name, value);
    }
}

/* What a server that pins it cannot do. */
static void limit_features(const struct server *server, struct store_features *features)
{
    features->tokens = features->tokens && !server->pinned[SETTING_insert_deduplication_token];
    features->pins = false;
    for (int i = 0; i < SETTING_COUNT; i++) {
        features->pins = features->pins || server->pinned[i];
    }
}

/* A request that names a pinned setting is refused before it did anything. True: sent again, it names one less. */
static bool learn_pinned(struct server *server, const struct store_reply *reply)
{
    enum setting setting =
        reply->outcome == STORE_ANSWERED ? setting_refused(reply->code, reply->message) : SETTING_COUNT;
    if (setting == SETTING_COUNT) {
        return false;
    }
    pthread_mutex_lock(&server->lock);
    bool news = !server->pinned[setting];
    server->pinned[setting] = true;
    limit_features(server, &server->features);
    pthread_mutex_unlock(&server->lock);
    if (news) {
        LOG(LOG_WARN, "the server's profile pins a setting", "server=%s %s is pinned: %s", server->address.name,
            setting_name(setting), setting_cost(setting));
    }
    return true;
}

static void draft_begin(struct request_draft *draft, const struct store_session *session, size_t index)
{
    struct server *server = &session->store->servers[index];
    *draft = (struct request_draft){ .request.timeout_ms = session->store->request_timeout_ms };
    buf_append_string(&draft->url, server->address.url);
    if (session->store->base.database[0] != '\0') {
        request_add_setting(draft, "database", session->store->base.database);
    }
    add_setting(draft, server, "wait_end_of_query", "1");
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
    struct request_draft draft = { .request = { .timeout_ms = probe_timeout_ms(session->store),
                                                .answer = &answer,
                                                .max_answer = MAX_INSERT_ANSWER_BYTES,
                                                .body = gather_one(&question) } };
    buf_append_string(&draft.url, server->address.url); /* no database: a probe must not fail for its sake */
    perform(session, index, &draft, EXPECTS_ROWS, reply);
    if (reply->outcome == STORE_DONE && !store_parse_probe(buf_slice(&answer), clock_monotonic_ns(), features)) {
        request_fail(reply, STORE_UNKNOWN, 0, &server->address, "does not answer like ClickHouse: check the URL");
    }
    if (reply->outcome == STORE_DONE) {
        pthread_mutex_lock(&server->lock);
        limit_features(server, features);
        server->features = *features;
        pthread_mutex_unlock(&server->lock);
    }
    request_release(&draft);
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

/* Servers cut an INSERT into blocks by these, and know a block again by its number or its bytes: a replica with a profile of
 * its own must cut as the others do. */
#define BLOCK_ROWS "1048576"
#define BLOCK_BYTES "268435456"

#define ADD_SETTING(name, value) add_setting(draft, server, name, value);

static void add_insert_settings(struct request_draft *draft, struct server *server, const struct store_insert *insert,
                                const struct store_features *features)
{
    request_add_setting(draft, "query_id", insert->token);
    bool unmarked = is_pinned(server, SETTING_insert_deduplication_token);
    add_setting(draft, server, "insert_deduplicate", unmarked ? "0" : "1"); /* by equal rows, it would lose repeats */
    add_setting(draft, server, "min_insert_block_size_rows", BLOCK_ROWS);
    add_setting(draft, server, "min_insert_block_size_bytes", BLOCK_BYTES);
    if (features->tokens) {
        add_setting(draft, server, "insert_deduplication_token", insert->token);
    }
    if (features->view_tokens) {
        add_setting(draft, server, "deduplicate_blocks_in_dependent_materialized_views", "1");
    }
    if (features->async_insert) {
        add_setting(draft, server, "async_insert", "0");
        add_setting(draft, server, "wait_for_async_insert", "1");
    }
    if (features->optimize_on_insert) {
        add_setting(draft, server, "optimize_on_insert", "0"); /* merges collapse, and FINAL: see docs/decisions.md */
    }
    if (features->json) {
        STORE_JSON_SETTINGS(ADD_SETTING)
    }
    if (insert->missing_column != NULL) {
        add_setting(draft, server, "input_format_skip_unknown_fields", "1");
    }
}

/* Its parser takes 256 KiB by default; what it may take beyond is read ahead, so it is asked for only when it is needed. */
static void add_query_size(struct request_draft *draft, struct server *server, size_t statement_bytes)
{
    char size[32];
    if (statement_bytes > USUAL_QUERY_SIZE) {
        snprintf(size, sizeof size, "%zu", 2 * statement_bytes);
        add_setting(draft, server, "max_query_size", size);
    }
}

static void insert_once(struct store_session *session, size_t index, const struct store_insert *insert,
                        struct store_reply *reply)
{
    struct server *server = &session->store->servers[index];
    struct store_features features;
    struct buf answer = { 0 };
    struct request_draft draft;
    size_t statement_bytes = 0;
    if (!know_features(session, index, &features, reply)) {
        return;
    }
    draft_begin(&draft, session, index);
    add_insert_settings(&draft, server, insert, &features);
    draft.request.answer = &answer;
    draft.request.max_answer = MAX_INSERT_ANSWER_BYTES;
    draft.request.content_encoding = features.lz4_body ? "lz4" : NULL;
    enum error error = insert_body_make(session->body, insert, session->store->base.database, features.lz4_body,
                                        &draft.request.body, &statement_bytes);
    add_query_size(&draft, server, statement_bytes);
    if (error == ERROR_OUT_OF_MEMORY || draft.url.failed) {
        request_fail(reply, STORE_UNREACHABLE, 0, &server->address, "the gateway is out of memory");
    } else if (error != OK) {
        request_fail(reply, STORE_ANSWERED, 0, &server->address, "the segment cannot be unpacked: it is damaged");
    } else {
        perform(session, index, &draft, EXPECTS_NOTHING, reply);
    }
    request_release(&draft);
    buf_release(&answer);
    insert_body_shed(session->body);
}

static void clickhouse_insert(struct store_session *session, size_t index, const struct store_insert *insert,
                              struct store_reply *reply)
{
    insert_once(session, index, insert, reply);
    for (int i = 0; i < SETTING_COUNT && learn_pinned(&session->store->servers[index], reply); i++) {
        insert_once(session, index, insert, reply);
    }
}

static void add_number_setting(struct request_draft *draft, struct server *server, const char *name, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    add_setting(draft, server, name, text);
}

/* Of ours, below what the profile allows; 0: none. */
static void add_bound(struct request_draft *draft, struct server *server, const char *name, uint64_t value)
{
    if (value != 0) {
        add_number_setting(draft, server, name, value);
    }
}

static void add_query_settings(struct request_draft *draft, struct server *server, const struct store_query *query,
                               bool binds)
{
    int64_t whole = query->timeout_ns <= 0 ? 0 : (query->timeout_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
    add_number_setting(draft, server, "max_execution_time", (uint64_t)whole);
    add_setting(draft, server, "max_query_size", MAX_QUERY_SIZE);
    if (query->read_only) {
        STORE_READING_SETTINGS(ADD_SETTING)
        add_number_setting(draft, server, "max_result_rows", query->max_result_rows);
        add_bound(draft, server, "max_memory_usage", query->max_memory);
        add_bound(draft, server, "max_rows_to_read", query->max_rows_to_read);
    }
    for (size_t i = 0; binds && i < query->parameter_count; i++) {
        struct buf value = { 0 };
        sql_escape_parameter(&query->parameters[i], &value);
        request_add_argument(draft, "param_", slice_from_string(query->parameters[i].name), buf_slice(&value));
        draft->url.failed = draft->url.failed || value.failed;
        buf_release(&value);
    }
}

static void query_once(struct store_session *session, size_t index, const struct store_query *query, struct buf *out,
                       struct store_reply *reply)
{
    struct server *server = &session->store->servers[index];
    struct store_features features;
    struct buf sql = { 0 };
    struct request_draft draft;
    if (!know_features(session, index, &features, reply)) {
        return;
    }
    draft_begin(&draft, session, index);
    bool binds = features.parameters && sql_parameter_bytes(query) <= LONGEST_PARAMETERS;
    add_query_settings(&draft, server, query, binds);
    if (query->timeout_ns > 0) { /* a little more than the server's own limit, so that its answer can come */
        draft.request.timeout_ms = (long)(query->timeout_ns / NS_PER_MS) + 1000;
    }
    bool bound = true;
    if (binds || query->script) {
        buf_append_slice(&sql, query->sql);
    } else {
        bound = sql_bind_literals(query, &sql);
    }
    if (query->format != NULL) {
        buf_printf(&sql, "\nFORMAT %s", query->format);
    }
    struct slice body = buf_slice(&sql);
    draft.request.body = gather_one(&body);
    draft.request.answer = out;
    draft.request.max_answer = query->max_result_bytes != 0 ? query->max_result_bytes : MAX_ANSWER_BYTES;
    if (!bound || sql.failed) {
        request_fail(reply, STORE_UNREACHABLE, 0, &server->address,
                     "a parameter of the query has no value, or memory is short");
    } else {
        bool rows = query->format != NULL || query->script;
        perform(session, index, &draft, rows ? EXPECTS_ROWS : EXPECTS_NOTHING, reply);
    }
    request_release(&draft);
    buf_release(&sql);
}

static void clickhouse_query(struct store_session *session, size_t index, const struct store_query *query,
                             struct buf *out, struct store_reply *reply)
{
    size_t before = out->len;
    query_once(session, index, query, out, reply);
    for (int i = 0; i < SETTING_COUNT && learn_pinned(&session->store->servers[index], reply); i++) {
        out->len = before; /* the text of the refusal */
        query_once(session, index, query, out, reply);
    }
}

static void clickhouse_session_free(struct store_session *session)
{
    for (size_t i = 0; session->clients != NULL && i < session->store->base.server_count; i++) {
        http_client_free(session->clients[i]);
    }
    insert_body_free(session->body);
    free(session->clients);
    free(session);
}

static struct store_session *clickhouse_session_new(struct store *store)
{
    struct store_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->store = (struct clickhouse *)store;
    session->clients = calloc(store->server_count, sizeof(struct http_client *));
    session->body = insert_body_new();
    if (session->clients == NULL || session->body == NULL) {
        clickhouse_session_free(session);
        return NULL;
    }
    return session;
}

const struct store_ops clickhouse_ops = {
    .name = "clickhouse",
    .session_new = clickhouse_session_new,
    .session_free = clickhouse_session_free,
    .insert = clickhouse_insert,
    .query = clickhouse_query,
    .probe = clickhouse_probe,
    .free = clickhouse_free,
    .open = clickhouse_open,
};
