/* Turns what happens to an HTTP connection into how far it has come. */
#include "proto/http/http_phase.h"

#include "base/assert.h"

#define CANNOT_BE HTTP_PHASES

enum http_phase http_phase_after(enum http_phase phase, enum http_step step)
{
    /* clang-format off */
    static const enum http_phase next[HTTP_PHASES][HTTP_STEPS] = {
        /*                  OPEN        UPGRADE        LAST           FINISH         CLOSE */
        [PHASE_CLOSED]  = { PHASE_OPEN, CANNOT_BE,     CANNOT_BE,     CANNOT_BE,     PHASE_CLOSED },
        [PHASE_OPEN]    = { CANNOT_BE,  PHASE_UPGRADE, PHASE_LAST,    PHASE_LINGERS, PHASE_CLOSED },
        [PHASE_UPGRADE] = { CANNOT_BE,  CANNOT_BE,     PHASE_LAST,    PHASE_LINGERS, PHASE_CLOSED },
        [PHASE_LAST]    = { CANNOT_BE,  CANNOT_BE,     PHASE_LAST,    PHASE_LINGERS, PHASE_CLOSED },
        [PHASE_LINGERS] = { CANNOT_BE,  CANNOT_BE,     PHASE_LINGERS, PHASE_LINGERS, PHASE_CLOSED },
    };
    /* clang-format on */
    enum http_phase after = next[phase][step];
    ASSERT(after != CANNOT_BE);
    return after;
}
