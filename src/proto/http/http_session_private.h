/* The inside of http_session, of its bounds, its progress, its waits, its fates and its writing half, not for others. */
#pragma once

#include "proto/front/kept.h"
#include "proto/front/outgoing.h"
#include "proto/front/slowness.h"
#include "proto/http/http_exchange.h"
#include "proto/http/http_input.h"
#include "proto/http/http_phase.h"
#include "proto/http/http_session.h"

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
    /* A reply that the socket has not taken whole: when its request was whole, and what will have been taken then. `end` 0: none. */
    struct {
        int64_t received_ns;
        uint64_t end;
        uint32_t series;
    } timed;

    struct kept_share received; /* `input` */
    struct kept_share replies;  /* `exchange.answers` and `out` */
    size_t owed;                /* bytes of the answers before `weighed` that are in the ring */
    uint64_t weighed;
    uint64_t received_bytes;
    struct slowness slowness; /* since `wait` */
};

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

/* The answer that is written now has no end. */
static inline bool http_session_streams(const struct http_session *session)
{
    return !answer_ring_is_empty(&session->exchange.answers) &&
           answer_ring_at(&session->exchange.answers, session->exchange.answers.first)->stream != NULL;
}

/* Answers are owed, or not all of them are out. */
static inline bool http_session_owes(const struct http_session *session)
{
    return session->phase != PHASE_CLOSED &&
           (!answer_ring_is_empty(&session->exchange.answers) || outgoing_waiting(&session->out) != 0);
}
