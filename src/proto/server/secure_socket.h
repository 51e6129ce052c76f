/* What TLS changes about a connection: its bytes go through a stream of proto/tls before the session has them, and before
 * the socket does. */
#pragma once

#include "base/bytes.h"

#include <sys/types.h>

struct connection;

bool secure_socket_is_on(const struct connection *connection);

/* It is written to `fd` from now on; -1: no more. Of a plain connection: nothing happens, here and in what follows. */
void secure_socket_attach(struct connection *connection, int fd);

/* What came from the socket, or nothing but that the socket has room again; `plain` is of the caller, for a moment. False:
 * the connection is to be closed. */
MUST_CHECK bool secure_socket_receive(struct connection *connection, struct slice bytes, struct buf *plain);

/* As transport_ops.write. */
ssize_t secure_socket_write(struct connection *connection, struct slice bytes);

/* It is to be told when the socket takes bytes again, though its session wants to write nothing. */
bool secure_socket_is_full(const struct connection *connection);

/* The socket takes bytes again. False: the connection is to be closed. */
MUST_CHECK bool secure_socket_writable(struct connection *connection, struct buf *plain);

/* Says close_notify; false: once the socket takes it. */
bool secure_socket_goodbye(struct connection *connection);

/* The socket is about to be closed, and nothing goes there any more. */
void secure_socket_closing(struct connection *connection);
