/* One I/O thread: a loop, the listening sockets it accepts from, and the connections it serves. */
#pragma once

#include "proto/front/client_address.h"
#include "proto/front/kept.h"
#include "proto/gate/gatekeeper.h"

#include <stdatomic.h>
#include <stdbool.h>

struct buf;
struct listener;
struct parking;
struct server_thread;

/* Shared by the threads that serve the same listeners; outlives them. */
struct server_shared {
    const struct http_options *options;
    const struct websocket_options *websocket;
    struct gatekeeper gatekeeper;
    struct address_ranges trusted;
    struct pipeline *pipeline;
    struct metrics *metrics;
    bool early;                  /* serves while the gateway still starts */
    struct kept_bound receiving; /* of all threads */
    struct kept_bound replying;
    int64_t max_connections;
    atomic_int_fast64_t connections; /* of all threads, against max_connections */
};

/* `name` is copied. NULL with *problem. */
struct server_thread *server_thread_new(struct server_shared *shared, const char *name, struct buf *problem);

/* Before it is started: it serves `fd`, a socket of this listener, and owns it from now on. At most HTTP_LISTENERS_MAX. */
void server_thread_listen(struct server_thread *thread, int fd, const struct listener *listener);
MUST_CHECK enum error server_thread_start(struct server_thread *thread);

/* Any thread: how long it has been at its present turn; 0 while it waits for events. */
int64_t server_thread_turn_ns(const struct server_thread *thread, int64_t now_ns);

/* Any other thread: it, or the thread beside it for large payloads, is asked to stand still (parking.h). */
struct parking *server_thread_park(struct server_thread *thread);
struct parking *server_thread_park_payloads(struct server_thread *thread);

/* While both stand: what it has taken over of the options is taken anew. */
void server_thread_refresh(struct server_thread *thread);

/* Any thread: closes the listening sockets and idle connections, the others close with their last answer. */
void server_thread_close(struct server_thread *thread);

/* Ends it once no answer is owed, or at the deadline, and waits for that. After it returns nothing is delivered, and a
 * wake or a page_post does nothing. */
void server_thread_stop(struct server_thread *thread, int64_t deadline_ns);

/* Once nobody can wake it any more. */
void server_thread_free(struct server_thread *thread);
