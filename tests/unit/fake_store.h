/* A ClickHouse for the writer's tests: tables of event ids, tokens, restarts, and a script of
 * faults. It behaves as measured with 26.7: a token is written before the part is renamed, a failing view leaves the
 * source rows, a refused INSERT leaves nothing. */
#pragma once

#include "base/clock.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FAKE_SERVERS 2
#define FAKE_BAD 0xBB /* first byte of the id of a row that the table refuses */

/* What becomes of the next INSERT. */
struct fault {
    enum store_outcome outcome;
    int code;
    int http_status;
    const char *message;
    bool stores;      /* the rows get in all the same, if the table takes them */
    bool runs_on;     /* likewise, but some calls later, or never if the server dies before */
    bool keeps_token; /* the token is written, the rows are lost */
    bool restarts;    /* the server has another start time afterwards */
    bool dies;        /* the server is down afterwards */
};

struct fake_server {
    struct buf rows;     /* struct event_id */
    struct buf tokens;   /* NUL-terminated, one after the other */
    int64_t up_since_ns; /* monotonic */
    bool down;
    int inserts;
    const char *engine;   /* of its tables; NULL: as all */
    const char *replicas; /* the path in ZooKeeper; NULL: as all */
    int looks;            /* how often the engine was asked for */
    size_t first_lacking; /* of the rows that replicas share, those from here to... */
    size_t end_lacking;   /* ...there it has not fetched */
};

/* An INSERT that is at work though its reply is lost. */
struct fake_running {
    bool is;
    size_t server;
    struct buf ids;
    char token[256];
    unsigned calls_left;
};

struct fake_store {
    struct store store;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct fake_server servers[FAKE_SERVERS];
    const char *engine;
    bool shared; /* the servers are replicas: rows and tokens are those of the first */
    bool lags;   /* an INSERT into one replica is not fetched by the other before that is asked whether it lags */
    bool fetches;
    struct fake_running late;
    unsigned late_calls; /* how many it takes */
    struct buf view;     /* struct event_id; filled by what is sent, whether the table's tokens know it or not */
    bool mended;         /* the table takes rows of FAKE_BAD now */
    bool no_ids;         /* the tables have no event_id */
    bool tokens;         /* the servers know insert_deduplication_token */
    const struct fault *faults;
    size_t fault_count, fault_at;
    const char *broken_table; /* every INSERT into it is answered with... */
    int broken_code;
    const char *broken_message;
    bool view_fails;
    bool views_refill; /* the catalog says that the same token fills them */
    int bad_code;      /* what rows of FAKE_BAD are refused with; 0: a constraint */
    const char *bad_message;
    struct store_reply too_big; /* for an INSERT of more than most_rows; zeroed: a time-out */
    const char *misfit;         /* the segment of this name has a column that its table lacks */
    bool hangs_broken;          /* INSERTs into the broken table wait until it is mended */
    uint64_t running;           /* what system.processes says besides `late`; falls with each question */
    uint64_t lagging;           /* whether replicas lag behind; falls with each question */
    uint64_t counts;            /* how often ids were counted */
    int64_t longest_question_ns;
    size_t largest;   /* rows of the largest INSERT that got through */
    size_t most_rows; /* a larger INSERT takes longer than a request may; 0: none does */
    char last_token[256];
};

struct store_session {
    struct fake_store *fake;
};

/* Makes a change under the mutex and wakes whoever waits. */
#define FAKE_SET(fake, change)                                                                                         \
    do {                                                                                                               \
        pthread_mutex_lock(&(fake)->mutex);                                                                            \
        change;                                                                                                        \
        pthread_cond_broadcast(&(fake)->changed);                                                                      \
        pthread_mutex_unlock(&(fake)->mutex);                                                                          \
    } while (0)

/* Waits up to ten seconds for `condition` (read under the mutex). */
#define FAKE_WAIT(fake, condition)                                                                                     \
    do {                                                                                                               \
        struct timespec until_;                                                                                        \
        clock_gettime(CLOCK_REALTIME, &until_);                                                                        \
        until_.tv_sec += 10;                                                                                           \
        int late_ = 0;                                                                                                 \
        pthread_mutex_lock(&(fake)->mutex);                                                                            \
        while (!(condition) && late_ == 0) {                                                                           \
            late_ = pthread_cond_timedwait(&(fake)->changed, &(fake)->mutex, &until_);                                 \
        }                                                                                                              \
        pthread_mutex_unlock(&(fake)->mutex);                                                                          \
        assert_int_equal(late_, 0);                                                                                    \
    } while (0)

static void fake_reply(struct store_reply *reply, enum store_outcome outcome, int code, const char *message)
{
    *reply = (struct store_reply){ .outcome = outcome, .code = code };
    snprintf(reply->message, sizeof reply->message, "%s", message);
}

static bool fake_is_down(struct fake_store *fake, size_t server, struct store_reply *reply)
{
    if (fake->servers[server].down) {
        fake_reply(reply, STORE_UNREACHABLE, 0, "connection refused");
    }
    return fake->servers[server].down;
}

static bool fake_knows_token(const struct fake_server *server, const char *token)
{
    for (size_t at = 0; at < server->tokens.len; at += strlen(server->tokens.data + at) + 1) {
        if (strcmp(server->tokens.data + at, token) == 0) {
            return true;
        }
    }
    return false;
}

static bool fake_has_bad_row(const struct fake_store *fake, struct slice ids)
{
    if (fake->mended) {
        return false;
    }
    for (size_t at = 0; at < ids.len; at += sizeof(struct event_id)) {
        if ((uint8_t)ids.data[at] == FAKE_BAD) {
            return true;
        }
    }
    return false;
}

static struct fake_server *fake_storage(struct fake_store *fake, size_t server)
{
    return &fake->servers[fake->shared ? 0 : server];
}

/* The rows get in, unless their token is known already. */
static void fake_keep(struct fake_store *fake, size_t index, struct slice ids, const char *token)
{
    struct fake_server *storage = fake_storage(fake, index);
    buf_append_slice(&fake->view, ids);
    if (fake->tokens && fake_knows_token(storage, token)) {
        return;
    }
    size_t rows = ids.len / sizeof(struct event_id);
    fake->largest = rows > fake->largest ? rows : fake->largest;
    if (fake->shared && fake->lags) {
        struct fake_server *other = &fake->servers[1 - index];
        bool goes_on = other->end_lacking == storage->rows.len && storage->rows.len != 0;
        other->first_lacking = goes_on ? other->first_lacking : storage->rows.len;
        other->end_lacking = storage->rows.len + ids.len;
    }
    buf_append_slice(&storage->rows, ids);
    buf_append(&storage->tokens, token, strlen(token) + 1);
}

/* With each call: what is at work comes to its end. */
static void fake_work(struct fake_store *fake)
{
    struct fake_running *late = &fake->late;
    if (!late->is || --late->calls_left != 0) {
        return;
    }
    late->is = false;
    fake_keep(fake, late->server, buf_slice(&late->ids), late->token);
}

static inline void fake_finish_work(struct fake_store *fake)
{
    while (fake->late.is) {
        fake_work(fake);
    }
}

static void fake_run_on(struct fake_store *fake, size_t index, struct slice ids, const char *token)
{
    struct fake_running *late = &fake->late;
    late->is = true;
    late->server = index;
    late->calls_left = fake->late_calls;
    buf_clear(&late->ids);
    buf_append_slice(&late->ids, ids);
    snprintf(late->token, sizeof late->token, "%s", token);
}

static void fake_stop_work(struct fake_store *fake, size_t index)
{
    fake->late.is = fake->late.is && fake->late.server != index;
}

static bool fake_takes(const struct fake_store *fake, struct slice ids)
{
    bool fits = fake->most_rows == 0 || ids.len / sizeof(struct event_id) <= fake->most_rows;
    return fits && !fake_has_bad_row(fake, ids);
}

static void fake_misbehave(struct fake_store *fake, size_t index, struct slice ids, const char *token,
                           struct store_reply *reply)
{
    const struct fault *fault = &fake->faults[fake->fault_at++];
    struct fake_server *server = &fake->servers[index];
    if (fault->stores && fake_takes(fake, ids)) {
        fake_keep(fake, index, ids, token);
    }
    if (fault->runs_on && fake_takes(fake, ids) && !fake->late.is) {
        fake_run_on(fake, index, ids, token);
    }
    if (fault->keeps_token) {
        buf_append(&fake_storage(fake, index)->tokens, token, strlen(token) + 1);
    }
    if (fault->restarts || fault->dies) {
        fake_stop_work(fake, index);
    }
    if (fault->restarts) {
        server->up_since_ns = clock_monotonic_ns();
    }
    server->down = server->down || fault->dies;
    fake_reply(reply, fault->outcome, fault->code, fault->message == NULL ? "" : fault->message);
    reply->http_status = fault->http_status;
}

static void fake_take(struct fake_store *fake, size_t index, const struct store_insert *insert, struct slice ids,
                      struct store_reply *reply)
{
    const char *table = insert->segment->header.table;
    bool broken = fake->broken_table != NULL && strcmp(fake->broken_table, table) == 0;
    pthread_cond_broadcast(&fake->changed); /* `inserts` has grown; the broken table may hang now */
    while (broken && fake->hangs_broken) {
        pthread_cond_wait(&fake->changed, &fake->mutex);
    }
    if (broken) {
        fake_reply(reply, STORE_ANSWERED, fake->broken_code, fake->broken_message);
    } else if (fake->misfit != NULL && strcmp(fake->misfit, insert->segment->name) == 0) {
        fake_reply(reply, STORE_ANSWERED, 16, "No such column old");
    } else if (fake->fault_at < fake->fault_count) {
        fake_misbehave(fake, index, ids, insert->token, reply);
    } else if (fake->most_rows != 0 && ids.len / sizeof(struct event_id) > fake->most_rows) {
        fake_reply(reply, STORE_UNKNOWN, 0, "timed out");
        if (fake->too_big.outcome != STORE_DONE) {
            *reply = fake->too_big;
        }
    } else if (fake_has_bad_row(fake, ids)) {
        bool other = fake->bad_code != 0;
        fake_reply(reply, STORE_ANSWERED, other ? fake->bad_code : 469,
                   other ? fake->bad_message : "Constraint `c` is violated");
    } else {
        fake_keep(fake, index, ids, insert->token);
        fake_reply(reply, STORE_DONE, 0, "");
        if (fake->view_fails) {
            fake_reply(reply, STORE_ANSWERED, 6, "Cannot parse: while pushing to view default.v");
        }
    }
}

static void fake_insert(struct store_session *session, size_t index, const struct store_insert *insert,
                        struct store_reply *reply)
{
    struct fake_store *fake = session->fake;
    struct buf ids = { 0 };
    bool read = true;
    for (const struct segment *segment = insert->segment; segment != NULL; segment = segment->next) {
        read = read && segment_event_ids(segment, &ids) == OK;
    }
    pthread_mutex_lock(&fake->mutex);
    fake_work(fake);
    if (!read) {
        fake->servers[index].inserts++;
        fake_reply(reply, STORE_ANSWERED, 33, "the segment cannot be read");
    } else if (!fake_is_down(fake, index, reply)) {
        fake->servers[index].inserts++;
        snprintf(fake->last_token, sizeof fake->last_token, "%s", insert->token);
        fake_take(fake, index, insert, buf_slice(&ids), reply);
    }
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
    buf_release(&ids);
}

/* Looks from `*at` on, and leaves it behind the id: they are asked for in the order of the rows. */
static bool fake_holds(struct fake_store *fake, size_t index, const struct event_id *id, size_t *at)
{
    const struct fake_server *server = &fake->servers[index];
    const struct buf *rows = &fake_storage(fake, index)->rows;
    for (size_t looked = 0; looked < rows->len; looked += sizeof *id) {
        size_t here = *at % rows->len;
        *at += sizeof *id;
        bool lacks = here >= server->first_lacking && here < server->end_lacking;
        if (!lacks && memcmp(rows->data + here, id, sizeof *id) == 0) {
            return true;
        }
    }
    return false;
}

/* The ids in quotes of a counting SELECT. */
static size_t fake_count(struct fake_store *fake, size_t index, struct slice sql)
{
    size_t found = 0, at = 0;
    struct slice piece;
    while (slice_split(&sql, '\'', &piece)) {
        struct event_id id;
        if (piece.len == EVENT_ID_TEXT && event_id_parse(&id, piece) && fake_holds(fake, index, &id, &at)) {
            found++;
        }
    }
    return found;
}

/* Does verify_running_sql ask for the INSERT that is at work? Its quotes hold the stream, the greatest id, "+", and the
 * least. */
static bool fake_is_asked_for(const struct fake_store *fake, size_t index, struct slice sql)
{
    struct slice piece, quoted[4] = { SLICE("") };
    const char *token = fake->late.token;
    size_t pieces = 0;
    for (size_t i = 0; slice_split(&sql, '\'', &piece); i++) {
        if (i % 2 == 1 && pieces < ARRAY_LENGTH(quoted)) {
            quoted[pieces++] = piece;
        }
    }
    size_t prefix = quoted[0].len;
    if (!fake->late.is || fake->late.server != index || pieces == 0 || strncmp(token, quoted[0].data, prefix) != 0) {
        return false;
    }
    const char *least = token + prefix;
    const char *greatest = least[EVENT_ID_TEXT] == '+' ? least + EVENT_ID_TEXT + 1 : least;
    return pieces < ARRAY_LENGTH(quoted) ||
           (memcmp(least, quoted[1].data, EVENT_ID_TEXT) <= 0 && memcmp(greatest, quoted[3].data, EVENT_ID_TEXT) >= 0);
}

static bool fake_asks(const struct store_query *query, const char *about)
{
    return memmem(query->sql.data, query->sql.len, about, strlen(about)) != NULL;
}

static void fake_query(struct store_session *session, size_t index, const struct store_query *query, struct buf *out,
                       struct store_reply *reply)
{
    struct fake_store *fake = session->fake;
    pthread_mutex_lock(&fake->mutex);
    if (query->timeout_ns > fake->longest_question_ns) {
        fake->longest_question_ns = query->timeout_ns;
    }
    fake_work(fake);
    if (fake_is_down(fake, index, reply)) {
        pthread_mutex_unlock(&fake->mutex);
        return;
    }
    fake_reply(reply, STORE_DONE, 0, "");
    if (fake_asks(query, "system.processes")) {
        bool late = fake_is_asked_for(fake, index, query->sql);
        buf_printf(out, "%llu\n", (unsigned long long)fake->running + late);
        fake->running -= fake->running == 0 ? 0 : 1;
    } else if (fake_asks(query, "uniqExact")) {
        fake->counts++;
        buf_printf(out, "%zu\n", fake_count(fake, index, query->sql));
    } else if (fake_asks(query, "dependencies_table")) {
        buf_append_string(out, fake->views_refill ? "1\n" : "0\n");
    } else if (fake_asks(query, "system.tables")) {
        const char *engine = fake->servers[index].engine;
        bool keys = fake_asks(query, "sorting_key");
        buf_printf(out, "%s%s\n", engine == NULL ? fake->engine : engine, keys ? "\tevent_id\t\t" : "");
        fake->servers[index].looks += !keys;
    } else if (fake_asks(query, "log_pointer")) {
        bool lacks = fake->servers[index].end_lacking != 0;
        fake->fetches = lacks && !fake->fetches; /* every other time just before this question */
        buf_printf(out, "%llu\n", (unsigned long long)fake->lagging + (lacks && !fake->fetches));
        fake->lagging -= fake->lagging == 0 ? 0 : 1;
        fake->servers[index].end_lacking = 0;
    } else if (fake_asks(query, "system.replicas")) {
        const char *path = fake->servers[index].replicas;
        buf_printf(out, "%s\n", path == NULL ? "/tables/all" : path);
    } else if (fake_asks(query, "system.columns")) {
        buf_printf(out, "user_id\tString\t\n%s", fake->no_ids ? "" : "event_id\tUUID\t\n");
    }
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

static void fake_probe(struct store_session *session, size_t index, struct store_features *features,
                       struct store_reply *reply)
{
    struct fake_store *fake = session->fake;
    pthread_mutex_lock(&fake->mutex);
    if (!fake_is_down(fake, index, reply)) {
        store_features_by_version(features, SLICE("26.7.2.1"));
        features->tokens = fake->tokens;
        features->up_since_ns = fake->servers[index].up_since_ns;
        fake_reply(reply, STORE_DONE, 0, "");
    }
    pthread_mutex_unlock(&fake->mutex);
}

static struct store_session *fake_session_new(struct store *store)
{
    struct store_session *session = calloc(1, sizeof *session);
    session->fake = (struct fake_store *)(void *)store;
    return session;
}

static void fake_session_free(struct store_session *session)
{
    free(session);
}

static void fake_store_init(struct fake_store *fake, size_t servers)
{
    static const struct store_ops ops = { .name = "fake",
                                          .session_new = fake_session_new,
                                          .session_free = fake_session_free,
                                          .insert = fake_insert,
                                          .query = fake_query,
                                          .probe = fake_probe };
    static const char *const names[FAKE_SERVERS] = { "one", "two" };
    *fake = (struct fake_store){
        .store = { .ops = &ops, .server_count = servers, .server_names = names, .database = "default" },
        .engine = "ReplacingMergeTree",
        .late_calls = 5,
        .tokens = true
    };
    pthread_mutex_init(&fake->mutex, NULL);
    pthread_cond_init(&fake->changed, NULL);
}

static void fake_store_release(struct fake_store *fake)
{
    for (size_t i = 0; i < FAKE_SERVERS; i++) {
        buf_release(&fake->servers[i].rows);
        buf_release(&fake->servers[i].tokens);
    }
    buf_release(&fake->view);
    buf_release(&fake->late.ids);
    pthread_mutex_destroy(&fake->mutex);
    pthread_cond_destroy(&fake->changed);
}

/* Rows of all servers, repeats included. */
static inline size_t fake_store_rows(const struct fake_store *fake)
{
    return (fake->servers[0].rows.len + fake->servers[1].rows.len) / sizeof(struct event_id);
}
