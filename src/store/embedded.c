/* The store that is ClickHouse in process: a session is a connection to the engine of its own. */
#include "base/clock.h"
#include "config/options/store_options.h"
#include "store/chdb_statement.h"
#include "store/embedded_engine.h"
#include "store/embedded_insert.h"
#include "store/embedded_query.h"
#include "store/store.h"

#include <stdlib.h>

struct embedded {
    struct store base;
    struct embedded_engine engine;
    const char *names[1];
};

struct store_session {
    struct embedded *store;
    chdb_connection *connection;
    struct embedded_insert insert;
    struct embedded_limits limits;
};

static void embedded_insert(struct store_session *session, size_t server, const struct store_insert *insert,
                            struct store_reply *reply)
{
    (void)server;
    embedded_insert_run(&session->insert, &session->store->engine.chdb, *session->connection,
                        session->store->base.database, insert, reply);
}

static void embedded_query(struct store_session *session, size_t server, const struct store_query *query,
                           struct buf *out, struct store_reply *reply)
{
    (void)server;
    embedded_run_query(&session->store->engine.chdb, *session->connection, &session->limits, query, out, reply);
}

/* Statements of people leave half of the engine's memory to INSERTs. */
static void embedded_run_statement(struct store_session *session, const struct store_statement *statement,
                                   struct store_reply *reply)
{
    const struct embedded_engine *engine = &session->store->engine;
    chdb_statement_run(&engine->chdb, *session->connection, statement, engine->options->max_memory / 2, reply);
}

static void embedded_cancel_statement(struct store_session *session, const char *tag)
{
    chdb_statement_cancel(&session->store->engine.chdb, *session->connection, tag);
}

static void embedded_probe(struct store_session *session, size_t server, struct store_features *features,
                           struct store_reply *reply)
{
    (void)server;
    struct buf answer = { 0 };
    embedded_run(&session->store->engine.chdb, *session->connection, SLICE(STORE_PROBE_SQL), &answer, reply);
    if (reply->outcome == STORE_DONE && !store_parse_probe(buf_slice(&answer), clock_monotonic_ns(), features)) {
        store_reply_set(reply, STORE_ANSWERED, 0, 0, SLICE("the engine does not say its version"));
    }
    buf_release(&answer);
}

static void embedded_session_free(struct store_session *session)
{
    if (session->connection != NULL) {
        session->store->engine.chdb.close_conn(session->connection);
    }
    embedded_insert_release(&session->insert);
    free(session);
}

static struct store_session *embedded_session_new(struct store *base)
{
    struct embedded *store = (struct embedded *)base;
    struct store_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    session->store = store;
    session->connection = embedded_engine_connect(&store->engine);
    if (!embedded_insert_init(&session->insert) || session->connection == NULL) {
        embedded_session_free(session);
        return NULL;
    }
    return session;
}

static void embedded_free(struct store *base)
{
    struct embedded *store = (struct embedded *)base;
    embedded_engine_release(&store->engine);
    free(store);
}

static bool embedded_open(struct store *base, struct buf *problem)
{
    return embedded_engine_start(&((struct embedded *)base)->engine, problem);
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
    if (!embedded_engine_init(&store->engine, options, data_folder, problem)) {
        embedded_free(&store->base);
        return NULL;
    }
    store->base = (struct store){ .ops = &embedded_ops,
                                  .server_count = 1,
                                  .server_names = store->names,
                                  .in_process = true,
                                  .database = store->engine.database };
    return &store->base;
}
