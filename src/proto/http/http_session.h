/* One HTTP connection: bytes in, requests out of them, their answers in order, bytes out. Knows no socket and no
 * libwebsockets: what it needs of them is struct transport.
 *
 * All functions are called on the thread of its context. Nothing is freed while one of them runs: the transport's close
 * only asks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct client_address;
struct http_session;
struct io_context;
struct route_table;
struct session_ops;
struct slice;
struct token;
struct transport;
struct ws_terms;

/* So many in one piece, of which http_sessions_at is one. NULL: memory is short. */
struct http_session *http_sessions_new(size_t count);
struct http_session *http_sessions_at(struct http_session *sessions, size_t index);

/* With what session_ops.close keeps. */
void http_sessions_free(struct http_session *sessions, size_t count);

/* A new connection: of a session that is new, or was closed by session_ops.close; kept memory is reused. `token`
 * names slot and generation; its sequence is not used. */
void http_session_open(struct http_session *session, struct io_context *context, const struct route_table *routes,
                       struct transport *transport, struct token token, struct client_address peer);

/* Frees what session_ops.close keeps. */
void http_session_release(struct http_session *session);

/* The 101 is out: what follows are frames. */
bool http_session_has_upgraded(const struct http_session *session);

/* Hands over what the WebSocket goes on with: the terms, and the bytes received behind the handshake, both the caller's
 * to release. session_ops.close follows. */
void http_session_hand_over(struct http_session *session, struct ws_terms *terms, struct buf *rest);

/* Before what it receives: whose certificate the client showed, and the line of replies that has browsers come by TLS alone. Either
 * may be empty; both live as long as the connection. */
void http_session_secure(struct http_session *session, struct slice subject, struct slice hsts);

/* The trusted proxies are others now. */
void http_session_refresh(struct http_session *session);

/* Who is at the other end. */
const struct client_address *http_session_peer(const struct http_session *session);

/* How long the client has asked for nothing and is owed nothing. */
int64_t http_session_idle_ns(const struct http_session *session);

/* The client has not sent a byte yet. */
bool http_session_is_silent(const struct http_session *session);

/* What it does with what happens. After session_ops.close it can be opened again. session_ops.end_of_input: what is owed
 * is still written, with "Connection: close". session_ops.give_way: ERROR_RECEIVING_FULL is answered 503, if that can be
 * told; ERROR_REPLYING_FULL closes the connection. session_ops.drain closes an idle connection, answers a request that is
 * not whole by 503, and ends others with their last answer. */
extern const struct session_ops http_session_ops;
