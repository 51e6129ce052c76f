/* One HTTP connection: bytes in, requests out of them, their answers in order, bytes out. Knows no socket and no
 * libwebsockets: what it needs of them is struct transport.
 *
 * All functions are called on the thread of its context. Nothing is freed while one of them runs: the transport's close
 * only asks. */
#pragma once

#include "proto/front/kept.h"
#include "proto/front/session.h"
#include "proto/front/slowness.h"
#include "proto/http/http_exchange.h"
#include "proto/http/http_input.h"
#include "proto/http/http_phase.h"
#include "proto/http/outgoing.h"

/* What a connection waits for, and so which time-out it is under. */
enum http_wait { WAIT_REQUEST, WAIT_HEAD, WAIT_BODY, WAIT_ROOM, WAIT_ANSWER, WAIT_SOCKET, WAIT_LINGER };

/* The state of a connection is where it is in its life (`phase`), what comes in (`input`), which answers are owed
 * (`exchange.answers`), and what holds it up: `out.blocked`, `received.stopped`, `in_line`. The rest follows from that,
 * and holds whenever requests were taken as far as that goes (http_progress.c asserts it):
 *   reading        PHASE_OPEN: nothing holds it up, and there is room for an answer. PHASE_UPGRADE: never. Else: always
 *   wait           what http_wait_of says
 *   continue_owed  PHASE_OPEN: only while a body is on its way
 *   in_line        PHASE_OPEN: only while a request is here */
struct http_session {
    struct http_exchange exchange;
    struct http_input input;
    struct outgoing out; /* answers that the socket has not taken yet */

    enum http_phase phase;
    enum http_wait wait;
    int64_t deadline_ns;   /* of `wait` */
    uint64_t wait_request; /* the request that `wait` began with */
    bool reading;          /* as the transport was told */
    bool in_line;          /* a whole request waits for its turn; go_on follows */
    bool continue_owed;    /* 100 Continue, once earlier answers are out */
    bool input_waits;      /* at the socket of a connection that was to end for its silence */

    /* What is kept, and how fast the client is: see http_bounds.h. */
    struct kept_share received; /* `input` */
    struct kept_share replies;  /* `exchange.answers` and `out` */
    size_t owed;                /* bytes of the answers before `weighed` that are in the ring */
    uint64_t weighed;
    uint64_t received_bytes;
    struct slowness slowness; /* since `wait` */
};

/* A new connection: the session is zeroed before its first use, kept memory is reused after session_ops.close. `token`
 * names slot and generation; its sequence is not used. */
void http_session_open(struct http_session *session, struct io_context *context, const struct http_routes *routes,
                       struct transport *transport, struct token token, struct client_address peer);

/* Frees what session_ops.close keeps. */
void http_session_release(struct http_session *session);

/* The 101 is out: what follows are frames. */
bool http_session_has_upgraded(const struct http_session *session);

/* Hands over what the WebSocket goes on with: the terms, and the bytes received behind the handshake, both the caller's
 * to release. session_ops.close follows. */
void http_session_hand_over(struct http_session *session, struct ws_terms *terms, struct buf *rest);

static inline void http_session_step(struct http_session *session, enum http_step step)
{
    session->phase = http_phase_after(session->phase, step);
}

static inline bool http_session_is_in_body(const struct http_session *session)
{
    return session->phase == PHASE_OPEN && session->input.part != HTTP_AT_HEAD;
}

/* A body is on its way, and is event data. */
static inline bool http_session_is_in_event(const struct http_session *session)
{
    return http_session_is_in_body(session) && session->input.is_event;
}

/* How long the client has asked for nothing and is owed nothing. */
int64_t http_session_idle_ns(const struct http_session *session);

/* Answers are owed, or not all of them are out. */
static inline bool http_session_owes(const struct http_session *session)
{
    return session->phase != PHASE_CLOSED &&
           (!answer_ring_is_empty(&session->exchange.answers) || outgoing_waiting(&session->out) != 0);
}

/* What it does with what happens. After session_ops.close it can be opened again. session_ops.end_of_input: what is owed
 * is still written, with "Connection: close". session_ops.give_way: ERROR_RECEIVING_FULL is answered 503, if that can be
 * told; ERROR_REPLYING_FULL closes the connection. session_ops.drain closes an idle connection, answers a request that is
 * not whole by 503, and ends others with their last answer. */
extern const struct session_ops http_session_ops;
