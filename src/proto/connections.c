/* Turns slot numbers into connections, and used slots into fresh ones. */
#include "proto/connections.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool add_block(struct connections *connections)
{
    struct connection **blocks =
        realloc(connections->blocks, (connections->block_count + 1) * sizeof *connections->blocks);
    if (blocks == NULL) {
        return false;
    }
    connections->blocks = blocks;
    struct connection *block = calloc(CONNECTIONS_PER_BLOCK, sizeof *block);
    if (block == NULL) {
        return false;
    }
    blocks[connections->block_count++] = block;
    for (uint32_t i = CONNECTIONS_PER_BLOCK; i-- != 0;) {
        block[i].session.slot = connections->made + i;
        block[i].session.phase = PHASE_CLOSED;
        block[i].orphan_fd = -1;
        block[i].next_free = connections->free;
        connections->free = &block[i];
    }
    connections->made += CONNECTIONS_PER_BLOCK;
    return true;
}

struct connection *connections_take(struct connections *connections, atomic_int_fast64_t *open, int64_t max)
{
    bool full = atomic_fetch_add(open, 1) >= max;
    if (full || (connections->free == NULL && !add_block(connections))) {
        atomic_fetch_sub(open, 1);
        return NULL;
    }
    struct connection *connection = connections->free;
    connections->free = connection->next_free;
    connection->wsi = NULL;
    connection->orphan_fd = -1;
    connection->closing = false;
    return connection;
}

void connections_give(struct connections *connections, atomic_int_fast64_t *open, struct connection *connection)
{
    connections_unlist_one(connection);
    connection->wsi = NULL;
    connection->orphan_fd = -1;
    connection->next_free = connections->free;
    connections->free = connection;
    atomic_fetch_sub(open, 1);
}

struct connection *connections_find(const struct connections *connections, uint32_t slot)
{
    return slot < connections->made ? &connections->blocks[slot / CONNECTIONS_PER_BLOCK][slot % CONNECTIONS_PER_BLOCK]
                                    : NULL;
}

void connections_list(struct connections *connections, struct connection *connection)
{
    if (connection->link != NULL) {
        return;
    }
    connection->next_listed = connections->listed;
    connection->link = &connections->listed;
    if (connections->listed != NULL) {
        connections->listed->link = &connection->next_listed;
    }
    connections->listed = connection;
}

void connections_unlist_one(struct connection *connection)
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

struct connection *connections_unlist(struct connections *connections)
{
    struct connection *first = connections->listed;
    if (first != NULL) {
        connections_unlist_one(first);
    }
    return first;
}

enum transport_result connection_send(const struct connection *connection, struct slice bytes)
{
    ssize_t sent = send(connection->orphan_fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)bytes.len ? TRANSPORT_SENT : TRANSPORT_FAILED;
}

void connections_complete(const struct connections *connections, const struct ticket *ticket)
{
    struct connection *connection = connections_find(connections, ticket->token.slot);
    if (connection != NULL) {
        http_session_complete(&connection->session, ticket);
    }
}

void connections_stored(const struct connections *connections, struct token token)
{
    struct connection *connection = connections_find(connections, token.slot);
    if (connection != NULL) {
        http_session_stored(&connection->session, token);
    }
}

void connections_page(const struct connections *connections, struct token token, struct page_reply *reply)
{
    struct connection *connection = connections_find(connections, token.slot);
    if (connection != NULL) {
        http_session_page(&connection->session, token, reply);
    }
}

void connections_tick(const struct connections *connections)
{
    for (uint32_t slot = 0; slot < connections->made; slot++) {
        http_session_tick(&connections_find(connections, slot)->session);
    }
}

void connections_drain(const struct connections *connections)
{
    for (uint32_t slot = 0; slot < connections->made; slot++) {
        http_session_drain(&connections_find(connections, slot)->session);
    }
}

bool connections_owe(const struct connections *connections)
{
    for (uint32_t slot = 0; slot < connections->made; slot++) {
        if (http_session_owes(&connections_find(connections, slot)->session)) {
            return true;
        }
    }
    return false;
}

void connections_release(struct connections *connections)
{
    for (uint32_t slot = 0; slot < connections->made; slot++) {
        struct connection *connection = connections_find(connections, slot);
        if (connection->orphan_fd >= 0) {
            close(connection->orphan_fd);
        }
        http_session_release(&connection->session);
    }
    for (size_t i = 0; i < connections->block_count; i++) {
        free(connections->blocks[i]);
    }
    free(connections->blocks);
    *connections = (struct connections){ 0 };
}
