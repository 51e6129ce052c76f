/* The TLS of all listeners of a server: made at its start, looked after while it serves, exchanged by a reload. Main thread. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct http_options;
struct listener;
struct metrics;
struct metrics_cells;
struct status_board;
struct ticket_keys;
struct tls_context;

struct server_tls {
    struct listener *listeners;
    size_t count;
    struct ticket_keys *tickets;
    struct metrics *metrics;
    struct metrics_cells *cells; /* of the main thread */
};

/* Gives each listener whose options have tls an acceptor, and the transport that goes with it. False with *problem;
 * server_tls_release follows either way, once no connection is left. */
MUST_CHECK bool server_tls_init(struct server_tls *tls, struct listener *listeners, size_t count,
                                struct metrics *metrics, struct status_board *board, struct buf *problem);
void server_tls_release(struct server_tls *tls);

/* About once a second: certificates that changed are read, and shown by the metrics. */
void server_tls_tick(struct server_tls *tls);

/* Reload. Reads what the listeners of `fresh` have, each for the one of the same address; changes nothing. NULL with
 * *problem: a file cannot be used, or a listener would begin or cease to speak TLS, which needs a restart. Any thread, while
 * server_tls_tick is not called. */
struct tls_context **server_tls_prepare(const struct server_tls *tls, const struct http_options *fresh,
                                        struct buf *problem);

/* Connections that come from now on get what was prepared, which is freed. `fresh` is borrowed until the next reload. */
void server_tls_reload(struct server_tls *tls, const struct http_options *fresh, struct tls_context **prepared);

/* Or it is given up. */
void server_tls_discard(const struct server_tls *tls, struct tls_context **prepared);
