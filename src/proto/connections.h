/* The connections of one I/O thread: slots that are found by number, recycled, and never move. */
#pragma once

#include "proto/http_session.h"

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

/* A slot, fresh or used; NULL if memory is short. */
struct connection *connections_take(struct connections *connections);
void connections_give(struct connections *connections, struct connection *connection);

/* NULL if there never was such a slot. */
struct connection *connections_find(const struct connections *connections, uint32_t slot);

/* Puts it on the list, once; takes the first off, or this one. */
void connections_list(struct connections *connections, struct connection *connection);
struct connection *connections_unlist(struct connections *connections);
void connections_unlist_one(struct connection *connection);

/* Frees all slots and what their sessions keep. */
void connections_release(struct connections *connections);
