/* How far the end of a WebSocket has come (RFC 6455, section 7). Pure: time is an argument. */
#pragma once

#include "base/error.h"

#include <stdint.h>

/* WS_PHASE_OPEN → WS_PHASE_ENDING → WS_PHASE_SAID → WS_PHASE_LINGERS → WS_PHASE_CLOSED; from each of them to WS_PHASE_CLOSED if the connection is lost, from
 * WS_PHASE_OPEN by way of WS_PHASE_GONE. */
enum ws_phase {
    WS_PHASE_OPEN,
    WS_PHASE_GONE,    /* the connection is gone: what came whole is still submitted, nobody is told */
    WS_PHASE_ENDING,  /* no further message is taken; acknowledgements are still owed */
    WS_PHASE_SAID,    /* the close frame is written; waits until it is out, and for the client's */
    WS_PHASE_LINGERS, /* FIN is sent; waits for the client's */
    WS_PHASE_CLOSED,
    WS_PHASES
};

enum ws_step {
    WS_STEP_END,    /* a reason to end it was found */
    WS_STEP_SAY,    /* the close frame was written */
    WS_STEP_FINISH, /* nothing is to be written or heard any more */
    WS_STEP_LOSE,   /* the connection is gone */
    WS_STEP_CLOSE,  /* the session is over */
    WS_STEPS
};

struct ws_end {
    enum error error;   /* OK: the client closes */
    unsigned code;      /* of the client's close frame, 0: an empty one */
    const char *detail; /* static; NULL: the error's own text */
};

/* Zeroed it is open. */
struct ws_ending {
    enum ws_phase phase;
    struct ws_end why; /* from WS_PHASE_ENDING on */
    int64_t
        deadline_ns; /* WS_PHASE_SAID, WS_PHASE_LINGERS: then the connection is closed. WS_PHASE_SAID: 0 until all that was written is out */
};

static inline bool ws_phase_takes_messages(enum ws_phase phase)
{
    return phase == WS_PHASE_OPEN || phase == WS_PHASE_GONE;
}

/* Acknowledgements may still be written, and the close frame is to come. */
static inline bool ws_phase_writes(enum ws_phase phase)
{
    return phase == WS_PHASE_OPEN || phase == WS_PHASE_ENDING;
}

/* The close frame is written or about to be, and not known to be out. */
static inline bool ws_phase_owes_close(enum ws_phase phase)
{
    return phase == WS_PHASE_ENDING || phase == WS_PHASE_SAID;
}

/* Nothing is written or heard any more. */
static inline bool ws_phase_is_over(enum ws_phase phase)
{
    return phase == WS_PHASE_LINGERS || phase == WS_PHASE_CLOSED;
}

/* Where a step leads. One that cannot be taken in that phase is a fault of ours. */
enum ws_phase ws_phase_after(enum ws_phase phase, enum ws_step step);

static inline void ws_ending_step(struct ws_ending *ending, enum ws_step step)
{
    ending->phase = ws_phase_after(ending->phase, step);
}

/* A phase that takes messages. */
void ws_ending_begin(struct ws_ending *ending, struct ws_end why);

/* WS_PHASE_SAID, and all that was written is out. True: FIN is to be sent, for the client has nothing more to say. */
bool ws_ending_settle(struct ws_ending *ending, bool client_is_done, int64_t now_ns);

/* The client had its time to close. */
bool ws_ending_is_due(const struct ws_ending *ending, int64_t now_ns);
