/* Turns what happens to a WebSocket into how far its end has come. */
#include "proto/ws/ws_ending.h"

#include "base/assert.h"
#include "base/clock.h"

#define LINGER_NS (2 * NS_PER_SECOND)
#define CANNOT_BE WS_PHASES

enum ws_phase ws_phase_after(enum ws_phase phase, enum ws_step step)
{
    /* clang-format off */
    static const enum ws_phase next[WS_PHASES][WS_STEPS] = {
        /*               END        SAY        FINISH      LOSE       CLOSE */
        [WS_PHASE_OPEN]    = { WS_PHASE_ENDING, CANNOT_BE, CANNOT_BE,  WS_PHASE_GONE,   CANNOT_BE },
        [WS_PHASE_GONE]    = { WS_PHASE_ENDING, CANNOT_BE, CANNOT_BE,  CANNOT_BE, WS_PHASE_CLOSED },
        [WS_PHASE_ENDING]  = { CANNOT_BE, WS_PHASE_SAID,   CANNOT_BE,  WS_PHASE_ENDING, WS_PHASE_CLOSED },
        [WS_PHASE_SAID]    = { CANNOT_BE, CANNOT_BE, WS_PHASE_LINGERS, WS_PHASE_SAID,   WS_PHASE_CLOSED },
        [WS_PHASE_LINGERS] = { CANNOT_BE, CANNOT_BE, CANNOT_BE,  WS_PHASE_LINGERS, WS_PHASE_CLOSED },
        [WS_PHASE_CLOSED]  = { CANNOT_BE, CANNOT_BE, CANNOT_BE,  CANNOT_BE, CANNOT_BE },
    };
    /* clang-format on */
    enum ws_phase after = next[phase][step];
    ASSERT(after != CANNOT_BE);
    return after;
}

void ws_ending_begin(struct ws_ending *ending, struct ws_end why)
{
    ws_ending_step(ending, WS_STEP_END);
    ending->why = why;
}

bool ws_ending_settle(struct ws_ending *ending, bool client_is_done, int64_t now_ns)
{
    ASSERT(ending->phase == WS_PHASE_SAID);
    if (client_is_done) {
        ws_ending_step(ending, WS_STEP_FINISH);
        ending->deadline_ns = now_ns + LINGER_NS;
    } else if (ending->deadline_ns == 0) {
        ending->deadline_ns = now_ns + LINGER_NS;
    }
    return client_is_done;
}

bool ws_ending_is_due(const struct ws_ending *ending, int64_t now_ns)
{
    return (ending->phase == WS_PHASE_SAID || ending->phase == WS_PHASE_LINGERS) && now_ns >= ending->deadline_ns;
}
