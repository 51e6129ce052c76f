/* The sockets of an I/O thread's connections, owned by libwebsockets in its raw role. The only place that knows
 * libwebsockets. All but sockets_wake is called on the thread that runs the loop. */
#pragma once

#include "proto/server/connections.h"

struct sockets;

/* Plain text on TCP. */
extern const struct transport_ops plain_transport;
/* TLS on TCP, for connections that have a stream for it. */
extern const struct transport_ops tls_transport;

/* On `loop` (see loop_handle). `woken` is called on its thread after sockets_wake. NULL: libwebsockets or its plugin for
 * libev could not be set up. */
struct sockets *sockets_new(void *loop, void (*woken)(void *context), void *context);

/* Closes what is still open: connection_life_closing and connection_life_closed come for each. */
void sockets_free(struct sockets *sockets);

/* Any thread. */
void sockets_wake(struct sockets *sockets);

/* Gives the socket to libwebsockets, in any case. False: it failed; the connection may have ended by that already. */
MUST_CHECK bool sockets_adopt(struct sockets *sockets, struct connection *connection, int fd);
