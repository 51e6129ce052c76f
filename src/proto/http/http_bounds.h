/* What an HTTP session keeps and for how long, against the bounds of the context: the inner part of http_session, not for
 * others. */
#pragma once

#include "proto/http/http_session_private.h"
#include "proto/http/io_context.h"

/* Bytes of answers that one connection may be owed; then its requests wait unread. */
#define HTTP_OWED_MAX ((size_t)1 << 20)

/* Bytes have been received: the most that its buffers held is what their memory has touched. */
static inline void http_bounds_receive(struct http_session *session, size_t bytes)
{
    size_t kept = session->input.bytes.len + session->input.body.len;
    session->received_bytes += bytes;
    if (kept > session->received.bytes) {
        kept_set(&session->exchange.context->receiving, &session->received, kept);
    }
}

static inline size_t http_bounds_replies(const struct http_session *session)
{
    return session->owed + session->out.bytes.cap;
}

static inline void http_bounds_weigh_one(struct http_session *session, struct http_answer *answer)
{
    size_t bytes = answer->body.len + (answer->route_reply != NULL ? ROUTE_REPLY_BYTES : 0);
    session->owed += bytes - answer->weighed;
    answer->weighed = bytes;
}

/* Counts the answers to requests just taken; is there room for more? */
static inline bool http_bounds_weigh(struct http_session *session)
{
    for (; session->weighed != session->exchange.answers.next; session->weighed++) {
        http_bounds_weigh_one(session, answer_ring_at(&session->exchange.answers, session->weighed));
    }
    return session->owed < HTTP_OWED_MAX;
}

/* An answer has got another body. */
static inline void http_bounds_weigh_again(struct http_session *session, struct http_answer *answer)
{
    http_bounds_weigh_one(session, answer);
    kept_set(&session->exchange.context->replying, &session->replies, http_bounds_replies(session));
}

/* An answer leaves the ring. */
static inline void http_bounds_unweigh(struct http_session *session, struct http_answer *answer)
{
    session->owed -= answer->weighed;
    answer->weighed = 0;
}

/* It waits for nothing, and what it keeps is counted. */
static inline bool http_bounds_is_settled(const struct http_session *session)
{
    bool waits = session->received.waits || session->replies.waits;
    bool counted = session->received.bytes <= session->input.bytes.cap + session->input.body.cap &&
                   session->replies.bytes == http_bounds_replies(session);
    return session->phase == PHASE_OPEN && session->input.bytes.len == 0 && counted && !waits &&
           !kept_is_tight(&session->exchange.context->receiving);
}

/* http_bounds_settle, of a session that is not settled. */
void http_bounds_settle_anew(struct http_session *session);

/* Counts what is kept now, decides whether to read on, and who waits in line. */
static inline void http_bounds_settle(struct http_session *session)
{
    http_bounds_weigh(session);
    if (!http_bounds_is_settled(session)) {
        http_bounds_settle_anew(session);
    }
}

/* Nothing is kept any more. */
void http_bounds_leave(struct http_session *session);

/* The socket was given bytes; `taken`: it took some. */
static inline void http_bounds_write(struct http_session *session, bool taken)
{
    struct kept_line *line = &session->exchange.context->replying;
    if (taken) {
        kept_leave(line, &session->replies);
    }
    if (session->out.blocked) {
        kept_wait(line, &session->replies, session->exchange.transport);
    }
    kept_set(line, &session->replies, http_bounds_replies(session));
}

/* The client's speed is looked at from now on. */
void http_bounds_measure(struct http_session *session);

/* What the session waits for has changed. */
static inline void http_bounds_restart(struct http_session *session)
{
    if (session->wait == WAIT_BODY || session->wait == WAIT_SOCKET) {
        http_bounds_measure(session);
    }
}

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
