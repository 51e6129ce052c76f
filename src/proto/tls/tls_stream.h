/* TLS of one connection, between its session and its socket: what the socket brings goes in as bytes, what goes out is sent
 * to the descriptor at once. It keeps a record that the socket did not take whole, and one that has not come whole; nothing
 * else. Used on the connection's thread. */
#pragma once

#include "base/bytes.h"

#include <sys/types.h>

struct metrics_cells;
struct tls_acceptor;
struct tls_stream;

/* With what the acceptor has now; counts its handshake in `cells`. NULL: memory is short. */
struct tls_stream *tls_stream_new(struct tls_acceptor *acceptor, struct metrics_cells *cells);

/* Says no goodbye. NULL is fine. */
void tls_stream_free(struct tls_stream *stream);

/* The socket that is written to from now on, which stays the caller's; -1: there is none any more. */
void tls_stream_attach(struct tls_stream *stream, int fd);

enum tls_stream_state {
    TLS_STREAM_SHAKES_HANDS,
    TLS_STREAM_OPEN,
    TLS_STREAM_ENDED,      /* the client has said close_notify; it may still be written to */
    TLS_STREAM_PLAIN_HTTP, /* what came is a request without TLS */
    TLS_STREAM_REFUSED,    /* the handshake failed; an alert says why, if the client is to know */
    TLS_STREAM_BROKEN      /* nothing can be read or written any more */
};

/* Appends what `bytes`, as they came from the socket, mean to the session, and says where that leads. Bytes that come behind
 * the end, or a failure, are nothing. None: what a full socket had kept from being read is. */
enum tls_stream_state tls_stream_receive(struct tls_stream *stream, struct slice bytes, struct buf *plain);

/* As transport_ops.write; then the same bytes are given again, and maybe more. -1 before the handshake is done, too. */
ssize_t tls_stream_write(struct tls_stream *stream, struct slice plain);

/* The socket is full: it is to be told when that takes bytes again. */
bool tls_stream_is_full(const struct tls_stream *stream);

/* Says close_notify, unless it was said, or cannot be. False: the socket is full, and it is to be said again. */
bool tls_stream_finish(struct tls_stream *stream);

/* Of the certificate that the client proved to own (RFC 2253), once the stream is open; it lives as long as the stream. data
 * is NULL: it showed none. */
struct slice tls_stream_subject(const struct tls_stream *stream);

/* As tls_context_hsts; lives as long as the stream. */
struct slice tls_stream_hsts(const struct tls_stream *stream);
