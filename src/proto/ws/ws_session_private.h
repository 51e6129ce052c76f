/* The inside of ws_session: shared by its reading half (ws_receive.c) and its writing half (ws_session.c), not for
 * others. */
#pragma once

#include "proto/front/slowness.h"
#include "proto/http/outgoing.h"
#include "proto/ws/ws_acks.h"
#include "proto/ws/ws_frame.h"
#include "proto/ws/ws_session.h"

/* OPEN → ENDING → SAID → LINGER → CLOSED.
 * ENDING: no further message is taken; acknowledgements are still owed. SAID: the close frame is written; waits until
 * it is out, and for the client's. LINGER: FIN is sent; waits for the client's. */
enum ws_phase { WS_PHASE_OPEN, WS_PHASE_ENDING, WS_PHASE_SAID, WS_PHASE_LINGER, WS_PHASE_CLOSED };

/* Pings that wait for their answers. Of more the newest takes the place of the one before it, as RFC 6455, 5.5.3, allows. */
#define WS_PONGS_MAX 16

struct ws_session {
    struct io_context *context;
    struct transport *transport; /* what carries it */
    struct token token;
    struct ws_terms terms;

    enum ws_phase phase;
    bool reading;
    bool client_closed; /* its close frame came; what follows is dropped */
    bool deaf;          /* its framing is broken; what follows is dropped */
    bool leaving;       /* the connection is gone; what came whole is submitted, nobody is told */
    unsigned pongs_owed;
    bool ping_owed;
    bool pinged; /* and nothing came since */

    /* Bytes received; the current frame begins at `at`. Invariant: at <= in.len, and JSON_PADDING bytes of capacity
     * stand behind in.len, so that a message of one frame is parsed where it lies. in.len is bounded by the largest
     * message and what one receive brings. */
    struct buf in;
    size_t at;
    uint64_t skip;      /* bytes still to come of a payload that is dropped */
    struct buf message; /* fragments so far, at most max_message_bytes; empty unless `fragmented` */
    size_t text_length; /* of the message, if it is text: so much of it is known to be UTF-8 */
    bool fragmented;
    bool is_text; /* the fragmented message */
    bool partial; /* the frame at `at` is of a message, and not whole */
    bool counted; /* as lost, the message that begins with the frame at `at` */
    bool held;    /* the frame at `at` ends a message for which there is no room: reading has stopped */
    bool in_line; /* the frame at `at` ends a message that waits for its turn: reading has stopped, go_on follows */
    struct turn_share share;
    enum error full; /* why the gateway takes none, or OK: the bounds of the connection are reached */
    int64_t full_since_ns;

    struct ws_acks acks;
    bool awaits_submitted; /* of a large message, which has the next place in acks; no other is taken meanwhile */
    struct outgoing out;   /* frames that the socket has not taken yet */
    struct buf pongs;      /* the frames owed, at most WS_PONGS_MAX; the last begins at last_pong */
    size_t last_pong;

    enum error end_error;   /* ENDING: why we end it; OK: the client does */
    unsigned end_code;      /* of the client's close frame, 0: an empty one */
    const char *end_detail; /* static; NULL: the error's own text */

    bool message_begun; /* since message_since_ns, and not whole */
    int64_t message_since_ns;
    int64_t received_ns; /* the last sign of life */
    int64_t pinged_ns;
    int64_t blocked_ns;

    struct kept_share received; /* `in` and `message`; see ws_bounds.h */
    struct kept_share replies;  /* `out` and `acks` */
    uint64_t received_bytes;
    int64_t stopped_ns; /* received.stopped since */
    struct slowness sending, taking;

    int64_t deadline_ns; /* SAID and LINGER, once what was written is out; 0: it is not */
};

/* Takes as many frames as there are and there is room for. */
void ws_receive_advance(struct ws_session *session);

/* What became of the large message. */
void ws_receive_submitted(struct ws_session *session, struct large_payload *large);

/* Is an acknowledgement owed? */
static inline bool ws_session_owes_ack(const struct ws_session *session)
{
    return session->awaits_submitted || !ws_acks_is_empty(&session->acks);
}

/* The connection is gone, and no close frame was written: submits what came whole if it was open, counts the rest. */
void ws_receive_leave(struct ws_session *session);

/* No further message is taken, one that has begun is lost; the close frame follows the acknowledgements that are owed.
 * OK: the client closed. Once; later calls do nothing. */
void ws_session_end(struct ws_session *session, enum error error, const char *detail);

/* The last steps of the closing handshake, if the time has come for them. */
void ws_session_settle(struct ws_session *session);

void ws_session_want_flush(struct ws_session *session);
