/* The inside of ws_session, of its reading half (ws_receive.c) and its bounds (ws_bounds.c), not for others. */
#pragma once

#include "proto/front/kept.h"
#include "proto/front/outgoing.h"
#include "proto/front/slowness.h"
#include "proto/front/turn.h"
#include "proto/http/http_upgrade.h"
#include "proto/ws/ws_acks.h"
#include "proto/ws/ws_ending.h"
#include "proto/ws/ws_input.h"
#include "proto/ws/ws_life.h"
#include "proto/ws/ws_pings.h"
#include "proto/ws/ws_session.h"

/* Three states: what comes in (`input`), whether the client is there (`life`), how far the end has come (`ending`).
 * Between calls a frame waits (ws_input_waits) only while the phase is WS_PHASE_OPEN, and nothing is heard any more (WS_OVER)
 * only when it is not. */
struct ws_session {
    struct io_context *context;
    struct transport *transport; /* what carries it */
    struct token token;
    struct ws_terms terms;

    struct ws_input input;
    struct ws_life life;
    struct ws_ending ending;
    bool reading; /* as the transport was told */

    struct turn_share share;
    enum error full; /* WS_HELD: why the gateway takes none, or OK: the bounds of the connection are reached */
    int64_t full_since_ns;
    int64_t whole_ns; /* when the message was whole that waits for room or its turn, or was handed on; 0: none is */

    struct ws_acks acks;
    bool awaits_submitted; /* of a large message, which has the next place in acks; no other is taken meanwhile */
    struct ws_pings pings;
    struct outgoing out; /* frames that the socket has not taken yet */
    int64_t blocked_ns;

    struct kept_share received; /* of `input`; see ws_bounds.h */
    struct kept_share replies;  /* of `out` and `acks` */
    int64_t stopped_ns;         /* received.stopped since */
    struct slowness sending, taking;
};

/* Is an acknowledgement owed? */
static inline bool ws_session_owes_ack(const struct ws_session *session)
{
    return session->awaits_submitted || !ws_acks_is_empty(&session->acks);
}
