/* How far an HTTP connection has come: from its first request to its last answer. Pure. */
#pragma once

#include <stdbool.h>

/* PHASE_OPEN → PHASE_LAST → PHASE_LINGERS → PHASE_CLOSED, or PHASE_OPEN → PHASE_UPGRADE → PHASE_CLOSED; from any of them
 * to PHASE_LINGERS if the connection is given up, and to PHASE_CLOSED. */
enum http_phase {
    PHASE_CLOSED,
    PHASE_OPEN,    /* requests are read */
    PHASE_UPGRADE, /* the 101 is owed; what was received behind the handshake is kept for the WebSocket */
    PHASE_LAST,    /* no further request is read, answers are still owed */
    PHASE_LINGERS, /* all is written, and FIN is sent, or about to be. What the client still sends is dropped, so that no
                    * reset overtakes the last answer */
    HTTP_PHASES
};

enum http_step {
    HTTP_STEP_OPEN,
    HTTP_STEP_UPGRADE, /* a request is answered by 101 */
    HTTP_STEP_LAST,    /* a request is the last, or the client's FIN came */
    HTTP_STEP_FINISH,  /* the last answer is written, or the connection is given up */
    HTTP_STEP_CLOSE,   /* it is gone, or speaks HTTP no more */
    HTTP_STEPS
};

static inline bool http_phase_keeps_input(enum http_phase phase)
{
    return phase == PHASE_OPEN || phase == PHASE_UPGRADE;
}

/* Answers may be written. */
static inline bool http_phase_writes(enum http_phase phase)
{
    return phase == PHASE_OPEN || phase == PHASE_UPGRADE || phase == PHASE_LAST;
}

/* Where a step leads. One that cannot be taken in that phase is a fault of ours. */
enum http_phase http_phase_after(enum http_phase phase, enum http_step step);
