/* The connections of one I/O thread: slots that are found by number, recycled, and never move. A slot's generation rises
 * whenever its session ends, so that a completion that comes too late finds nobody. */
#pragma once

#include "proto/front/transport.h"

#include <stdatomic.h>
#include <sys/queue.h>

struct client_address;
struct connections;
struct http_session;
struct io_context;
struct large_payload;
struct listener;
struct lws;
struct page_reply;
struct session_ops;
struct ticket;
struct tls_stream;
struct token;
struct ws_session;

struct connection {
    struct transport transport;
    const struct session_ops *ops; /* NULL: the slot is free */
    void *session;                 /* what ops are called with: http or websocket */
    struct http_session *http;     /* the slot's own */
    struct ws_session *websocket;  /* NULL: not upgraded */
    struct connections *owner;
    struct tls_stream *tls; /* NULL: plain text */
    int secure_fd;          /* which `tls` writes to; -1: none */
    bool deaf;              /* what its client still sends is nothing: it said close_notify, or is refused */
    bool finishing;         /* our close_notify waits for room at the socket */
    struct lws *wsi;        /* NULL: libwebsockets has let go of it */
    int orphan_fd;          /* after_fin.h: a duplicate of the socket; or -1 */
    bool closing;
    bool orphan;      /* the client has sent its FIN, and answers are owed */
    bool orphan_full; /* its socket did not take all */
    bool of_address;  /* counted by the gatekeeper, as that of http.exchange.peer */
    uint32_t slot;
    uint32_t generation;
    /* On one of the lists `listed`, `waiting`, `later` and `held`; link is NULL if it is on none. */
    struct connection *next_listed;
    struct connection **link;
    bool in_line;
    TAILQ_ENTRY(connection) place; /* in the line */
    struct connection *next_free;
};

TAILQ_HEAD(line, connection);

#define CONNECTIONS_PER_BLOCK 64

#define IDLE_LINE 64

/* Those that a look at all connections found, the first to go last. Looks are dear, so one serves many newcomers. */
struct idle_line {
    struct idle_place {
        uint32_t slot, generation;
        int64_t since_ns; /* what never sent a byte is idle since long before */
    } places[IDLE_LINE];
    size_t count;
    int64_t looked_ns; /* 0: never */
};

struct connections {
    struct io_context *context;
    atomic_int_fast64_t *open; /* of all threads */
    int64_t max;               /* of those */
    struct connection **blocks;
    size_t block_count;
    uint32_t made;         /* slots [0, made) exist */
    struct idle_line idle; /* those that may go */
    struct connection *free;
    struct connection *listed;  /* those that want attention before the loop blocks */
    struct connection *later;   /* those that look again in a moment, newest first */
    int64_t later_ns;           /* when they do */
    struct connection *waiting; /* those that want it once the gateway has room, newest first */
    struct line line;           /* those that wait for their turn, the first first */
    struct connection *held;    /* orphans whose sockets are full */
    unsigned orphans;           /* since the last tick */
};

/* `open` counts the connections of all that share it, at most `max`. */
void connections_init(struct connections *connections, struct io_context *context, atomic_int_fast64_t *open,
                      int64_t max);

/* A slot, fresh or used, that begins to speak HTTP; NULL at the limit, or if memory is short. */
struct connection *connections_take(struct connections *connections, const struct listener *listener,
                                    struct client_address peer);

/* Closes its session, and the slot is free. */
void connections_give(struct connection *connection);

/* NULL if there never was such a slot. */
struct connection *connections_find(const struct connections *connections, uint32_t slot);

/* The 101 is out: from now on a WebSocket. False: memory is short, and the connection is to be ended. */
MUST_CHECK bool connections_upgrade(struct connection *connection);

/* Puts it on the list of those that want attention, once; takes the first off. */
void connections_list(struct connection *connection);
struct connection *connections_unlist(struct connections *connections);

/* Wants attention once the gateway has room, unless it is listed already; context->room_is_awaited from now on. */
void connections_await_room(struct connection *connection);
/* Wants attention in a moment, unless it is listed already: a limit has time itself to wait for. */
#define CONNECTIONS_LATER_NS (20 * NS_PER_MS)
void connections_await_later(struct connection *connection);
/* Those whose moment has come are flushed. */
void connections_flush_later(struct connections *connections);

/* There is room: those that wait for it are flushed, the oldest first. */
void connections_flush_waiting(struct connections *connections);

/* Puts it at the end of the line, once; takes the first off: NULL, nobody waits. */
void connections_queue(struct connection *connection);
struct connection *connections_next_in_line(struct connections *connections);
static inline bool connections_wait_in_line(const struct connections *connections)
{
    return !TAILQ_EMPTY(&connections->line);
}

/* An orphan whose socket is full; calls `push` for all of them. */
void connections_hold(struct connection *connection);
void connections_push_held(struct connections *connections, void (*push)(struct connection *connection));

/* To the session that a token names, if it still lives. */
void connections_complete(const struct connections *connections, const struct ticket *ticket);
void connections_stored(const struct connections *connections, struct token token);
void connections_submitted(const struct connections *connections, struct token token, struct large_payload *large);
void connections_page(const struct connections *connections, struct token token, struct page_reply *reply);

/* To all sessions. */
void connections_tick(struct connections *connections);
void connections_drain(const struct connections *connections);

/* While their thread stands still: the trusted proxies are others now. */
void connections_refresh(const struct connections *connections);

/* Any of them owes an answer. */
bool connections_owe(const struct connections *connections);

/* Frees all slots and what their sessions keep. */
void connections_release(struct connections *connections);
