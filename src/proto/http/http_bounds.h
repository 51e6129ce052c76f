/* What an HTTP session keeps and for how long, against the bounds of the front: the inner part of http_session, not for
 * others. */
#pragma once

#include "proto/http/http_session.h"

/* Bytes of answers that one connection may be owed; then its requests wait unread. */
#define HTTP_OWED_MAX ((size_t)1 << 20)

/* Bytes have been received. */
void http_bounds_receive(struct http_session *session, size_t bytes);

/* Counts the answers to requests just taken; is there room for more? */
bool http_bounds_weigh(struct http_session *session);

/* An answer has got another body. */
void http_bounds_weigh_again(struct http_session *session, struct http_answer *answer);

/* An answer leaves the ring. */
void http_bounds_unweigh(struct http_session *session, struct http_answer *answer);

/* Counts what is kept now, decides whether to read on, and who waits in line. */
void http_bounds_settle(struct http_session *session);

/* Nothing is kept any more. */
void http_bounds_leave(struct http_session *session);

/* The socket was given bytes; `taken`: it took some. */
void http_bounds_write(struct http_session *session, bool taken);

/* What the session waits for has changed. */
void http_bounds_restart(struct http_session *session);

/* A request has begun and is not whole: it can be refused. */
static inline bool http_bounds_is_unfinished(const struct http_session *session)
{
    return session->wait == WAIT_HEAD || session->wait == WAIT_BODY || session->wait == WAIT_ROOM;
}

/* Forgets all that it keeps, as the connection ends: a body that is cut off by that is counted as `why`. */
void http_bounds_abandon(struct http_session *session, enum error why);

void http_bounds_count_closed(const struct http_session *session, enum error why);

/* Once a second: the client sends or takes less than it must. */
bool http_bounds_is_too_slow(struct http_session *session);
