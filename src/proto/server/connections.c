/* Turns slot numbers into connections, and used slots into fresh ones. */
#include "proto/server/connections.h"

#include "base/assert.h"
#include "proto/front/session.h"
#include "proto/http/http_session.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/io_context.h"
#include "proto/server/listener.h"
#include "proto/tls/tls_stream.h"
#include "proto/ws/ws_session.h"

#include <stdlib.h>
#include <unistd.h>

void connections_init(struct connections *connections, struct io_context *context, atomic_int_fast64_t *open,
                      int64_t max)
{
    *connections = (struct connections){ .context = context, .open = open, .max = max };
    TAILQ_INIT(&connections->line);
}

static bool add_block(struct connections *connections)
{
    struct connection **blocks =
        realloc(connections->blocks, (connections->block_count + 1) * sizeof *connections->blocks);
    if (blocks == NULL) {
        return false;
    }
    connections->blocks = blocks;
    struct connection *block = calloc(CONNECTIONS_PER_BLOCK, sizeof *block);
    struct http_session *sessions = http_sessions_new(CONNECTIONS_PER_BLOCK);
    if (block == NULL || sessions == NULL) {
        free(block);
        free(sessions);
        return false;
    }
    blocks[connections->block_count++] = block;
    for (uint32_t i = CONNECTIONS_PER_BLOCK; i-- != 0;) {
        block[i].http = http_sessions_at(sessions, i);
        block[i].owner = connections;
        block[i].slot = connections->made + i;
        block[i].orphan_fd = -1;
        block[i].next_free = connections->free;
        connections->free = &block[i];
    }
    connections->made += CONNECTIONS_PER_BLOCK;
    return true;
}

struct connection *connections_take(struct connections *connections, const struct listener *listener,
                                    struct client_address peer)
{
    bool full = atomic_fetch_add(connections->open, 1) >= connections->max;
    struct tls_stream *tls = NULL;
    if (full || (connections->free == NULL && !add_block(connections)) ||
        (listener->tls != NULL && (tls = tls_stream_new(listener->tls, connections->context->intake.cells)) == NULL)) {
        atomic_fetch_sub(connections->open, 1);
        return NULL;
    }
    struct connection *connection = connections->free;
    connection->tls = tls;
    connection->finishing = false;
    connection->deaf = false;
    connection->secure_fd = -1;
    connections->free = connection->next_free;
    ASSERT(connection->ops == NULL && connection->link == NULL && !connection->in_line);
    connection->transport.ops = listener->transport;
    connection->ops = &http_session_ops;
    connection->session = connection->http;
    connection->closing = false;
    connection->orphan = false;
    connection->orphan_full = false;
    struct token token = { .slot = connection->slot, .generation = connection->generation };
    http_session_open(connection->http, connections->context, &listener->routes, &connection->transport, token, peer);
    return connection;
}

static void unlist_one(struct connection *connection)
{
    if (connection->link == NULL) {
        return;
    }
    *connection->link = connection->next_listed;
    if (connection->next_listed != NULL) {
        connection->next_listed->link = connection->link;
    }
    connection->link = NULL;
}

static void leave_line(struct connection *connection)
{
    if (connection->in_line) {
        TAILQ_REMOVE(&connection->owner->line, connection, place);
        connection->in_line = false;
    }
}

void connections_queue(struct connection *connection)
{
    if (!connection->in_line) {
        TAILQ_INSERT_TAIL(&connection->owner->line, connection, place);
        connection->in_line = true;
    }
}

struct connection *connections_next_in_line(struct connections *connections)
{
    struct connection *first = TAILQ_FIRST(&connections->line);
    if (first != NULL) {
        leave_line(first);
    }
    return first;
}

static void end_session(struct connection *connection)
{
    ASSERT(connection->ops != NULL);
    connection->ops->close(connection->session);
    connection->generation++;
    if (connection->websocket != NULL) {
        ws_session_free(connection->websocket);
        connection->websocket = NULL;
    }
    connection->ops = NULL;
}

void connections_give(struct connection *connection)
{
    struct connections *connections = connection->owner;
    end_session(connection);
    unlist_one(connection);
    leave_line(connection);
    tls_stream_free(connection->tls);
    connection->tls = NULL;
    if (connection->orphan_fd >= 0) {
        close(connection->orphan_fd);
    }
    connection->orphan_fd = -1;
    connection->wsi = NULL;
    connection->next_free = connections->free;
    connections->free = connection;
    atomic_fetch_sub(connections->open, 1);
}

struct connection *connections_find(const struct connections *connections, uint32_t slot)
{
    return slot < connections->made ? &connections->blocks[slot / CONNECTIONS_PER_BLOCK][slot % CONNECTIONS_PER_BLOCK]
                                    : NULL;
}

/* HTTP's part ends, and all its memory is given back, before the WebSocket's begins. */
bool connections_upgrade(struct connection *connection)
{
    ASSERT(connection->websocket == NULL && connection->session == connection->http);
    struct io_context *context = connection->owner->context;
    struct ws_terms terms;
    struct buf rest;
    http_session_hand_over(connection->http, &terms, &rest);
    http_session_ops.close(connection->http);
    http_session_release(connection->http);
    connection->generation++;
    connection->transport.ops->set_reading(&connection->transport, true);
    struct token token = { .slot = connection->slot, .generation = connection->generation };
    connection->websocket = ws_session_new(context, &connection->transport, token, &terms);
    if (connection->websocket != NULL) {
        connection->ops = &ws_session_ops;
        connection->session = connection->websocket;
        if (rest.len != 0) {
            connection->ops->receive(connection->session, buf_slice(&rest));
        }
        if (context->draining) {
            connection->ops->drain(connection->session);
        }
    }
    buf_release(&rest);
    return connection->websocket != NULL;
}

static void put_first(struct connection *connection, struct connection **list)
{
    unlist_one(connection);
    connection->next_listed = *list;
    connection->link = list;
    if (*list != NULL) {
        (*list)->link = &connection->next_listed;
    }
    *list = connection;
}

/* One that is listed already comes first again: its turn is before the loop blocks in any case. */
void connections_list(struct connection *connection)
{
    put_first(connection, &connection->owner->listed);
}

void connections_await_room(struct connection *connection)
{
    if (connection->link == NULL) {
        put_first(connection, &connection->owner->waiting);
    }
    connection->owner->context->room_is_awaited = true;
}

void connections_await_later(struct connection *connection)
{
    struct connections *connections = connection->owner;
    if (connections->later == NULL) {
        connections->later_ns = connections->context->now_ns + CONNECTIONS_LATER_NS;
    }
    if (connection->link == NULL) {
        put_first(connection, &connections->later);
    }
}

/* The oldest first. */
static void flush_all(struct connection **list)
{
    struct connection *oldest = NULL;
    while (*list != NULL) {
        put_first(*list, &oldest);
    }
    while (oldest != NULL) {
        struct connection *connection = oldest;
        unlist_one(connection);
        connection->ops->flush(connection->session);
    }
}

void connections_flush_waiting(struct connections *connections)
{
    connections->context->room_is_awaited = false;
    flush_all(&connections->waiting);
}

void connections_flush_later(struct connections *connections)
{
    if (connections->context->now_ns >= connections->later_ns) {
        flush_all(&connections->later);
    }
}

void connections_hold(struct connection *connection)
{
    put_first(connection, &connection->owner->held);
}

void connections_push_held(struct connections *connections, void (*push)(struct connection *connection))
{
    struct connection *held = NULL;
    while (connections->held != NULL) {
        put_first(connections->held, &held);
    }
    while (held != NULL) {
        struct connection *connection = held;
        unlist_one(connection);
        push(connection);
    }
}

struct connection *connections_unlist(struct connections *connections)
{
    struct connection *first = connections->listed;
    if (first != NULL) {
        unlist_one(first);
    }
    return first;
}

/* NULL: the session that the token was made for has ended. */
static struct connection *find_alive(const struct connections *connections, struct token token)
{
    struct connection *connection = connections_find(connections, token.slot);
    bool alive = connection != NULL && connection->ops != NULL && connection->generation == token.generation;
    return alive ? connection : NULL;
}

void connections_complete(const struct connections *connections, const struct ticket *ticket)
{
    struct connection *connection = find_alive(connections, ticket->token);
    if (connection != NULL) {
        connection->ops->complete(connection->session, ticket);
    }
}

void connections_stored(const struct connections *connections, struct token token)
{
    struct connection *connection = find_alive(connections, token);
    if (connection != NULL) {
        connection->ops->stored(connection->session, token);
    }
}

void connections_submitted(const struct connections *connections, struct token token, struct large_payload *large)
{
    struct connection *connection = find_alive(connections, token);
    if (connection != NULL) {
        connection->ops->submitted(connection->session, token, large);
    }
}

void connections_page(const struct connections *connections, struct token token, struct page_reply *reply)
{
    struct connection *connection = find_alive(connections, token);
    if (connection != NULL) {
        connection->ops->page(connection->session, token, reply);
    }
}

/* The first connection in use at or behind *slot, and *slot behind it; NULL: no more. */
static struct connection *next_open(const struct connections *connections, uint32_t *slot)
{
    struct connection *connection;
    while ((connection = connections_find(connections, *slot)) != NULL) {
        ++*slot;
        if (connection->ops != NULL) {
            return connection;
        }
    }
    return NULL;
}

void connections_tick(struct connections *connections)
{
    struct connection *connection;
    uint32_t slot = 0;
    connections->orphans = 0;
    while ((connection = next_open(connections, &slot)) != NULL) {
        connection->ops->tick(connection->session);
    }
}

void connections_drain(const struct connections *connections)
{
    struct connection *connection;
    uint32_t slot = 0;
    while ((connection = next_open(connections, &slot)) != NULL) {
        connection->ops->drain(connection->session);
    }
}

void connections_refresh(const struct connections *connections)
{
    struct connection *connection;
    uint32_t slot = 0;
    while ((connection = next_open(connections, &slot)) != NULL) {
        http_session_refresh(connection->http);
    }
}

bool connections_owe(const struct connections *connections)
{
    struct connection *connection;
    uint32_t slot = 0;
    while ((connection = next_open(connections, &slot)) != NULL) {
        if (connection->ops->owes(connection->session)) {
            return true;
        }
    }
    return false;
}

void connections_release(struct connections *connections)
{
    struct connection *connection;
    uint32_t slot = 0;
    while ((connection = next_open(connections, &slot)) != NULL) {
        connections_give(connection);
    }
    for (size_t i = 0; i < connections->block_count; i++) {
        http_sessions_free(connections->blocks[i]->http, CONNECTIONS_PER_BLOCK); /* the first is where they begin */
        free(connections->blocks[i]);
    }
    free(connections->blocks);
    *connections = (struct connections){ 0 };
}
