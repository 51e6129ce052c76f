/* The connections of one I/O thread: slots that are found by number, recycled, and never move. */
#pragma once

#include "proto/http_session.h"

#include <stdatomic.h>

struct lws;

struct connection {
    struct http_session session;
    struct server_thread *thread;
    struct lws *wsi; /* NULL: libwebsockets has let go of it */
    int orphan_fd;   /* a duplicate of the socket, for answers owed to a client that sent FIN; or -1 */
    bool closing;
    /* The list of those that want attention before the loop blocks; link is NULL if it is not listed. */
    struct connection *next_listed;
    struct connection **link;
    struct connection *next_free;
};

#define CONNECTIONS_PER_BLOCK 64

struct connections {
    struct connection **blocks;
    size_t block_count;
    uint32_t made; /* slots [0, made) exist */
    struct connection *free;
    struct connection *listed;
};

/* A slot, fresh or used; NULL at the limit, or if memory is short. `open` counts those of all threads. */
struct connection *connections_take(struct connections *connections, atomic_int_fast64_t *open, int64_t max);
void connections_give(struct connections *connections, atomic_int_fast64_t *open, struct connection *connection);

/* NULL if there never was such a slot. */
struct connection *connections_find(const struct connections *connections, uint32_t slot);

/* Puts it on the list, once; takes the first off, or this one. */
void connections_list(struct connections *connections, struct connection *connection);
struct connection *connections_unlist(struct connections *connections);
void connections_unlist_one(struct connection *connection);

/* Writes to an orphan, at once or not at all. */
enum transport_result connection_send(const struct connection *connection, struct slice bytes);

/* To the session that a token names, if it still lives. */
void connections_complete(const struct connections *connections, const struct ticket *ticket);
void connections_stored(const struct connections *connections, struct token token);
void connections_page(const struct connections *connections, struct token token, struct page_reply *reply);

/* To all sessions. */
void connections_tick(const struct connections *connections);
void connections_drain(const struct connections *connections);

/* Any of them owes an answer. */
bool connections_owe(const struct connections *connections);

/* Frees all slots and what their sessions keep. */
void connections_release(struct connections *connections);
