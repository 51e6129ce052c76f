/* Turns what the reading half says of a WebSocket into its next state. */
#include "proto/ws/ws_progress.h"

#include "base/assert.h"
#include "proto/front/outgoing.h"
#include "proto/front/transport.h"
#include "proto/http/io_context.h"
#include "proto/ws/ws_bounds.h"
#include "proto/ws/ws_ending.h"
#include "proto/ws/ws_input.h"
#include "proto/ws/ws_life.h"
#include "proto/ws/ws_receive.h"
#include "proto/ws/ws_session_private.h"

static void want_flush(struct ws_session *session)
{
    session->transport->ops->want_flush(session->transport);
}

/* Ending. */

/* No further message is taken, one that has begun is lost. False: it was so already. */
static bool stop_taking(struct ws_session *session, const struct ws_end *why)
{
    struct ws_input *input = &session->input;
    if (!ws_phase_takes_messages(session->ending.phase)) {
        return false;
    }
    if (input->fragments != WS_NO_FRAGMENTS || input->next == WS_NEXT_PART) {
        ws_receive_refuse(session, why->error != OK ? why->error : ERROR_CONNECTION_CLOSED);
    }
    ws_input_step(input, WS_WAITS_NO_MORE);
    ws_ending_begin(&session->ending, *why);
    return true;
}

static void end_with(struct ws_session *session, const struct ws_end *why)
{
    if (stop_taking(session, why)) {
        want_flush(session);
    }
}

void ws_progress_end(struct ws_session *session, enum error error)
{
    end_with(session, &(struct ws_end){ .error = error });
}

void ws_progress_settle(struct ws_session *session)
{
    if (session->ending.phase == WS_PHASE_SAID && outgoing_waiting(&session->out) == 0 &&
        ws_ending_settle(&session->ending, session->input.flow == WS_OVER, session->context->now_ns)) {
        session->transport->ops->finish(session->transport);
    }
}

/* Taking messages. */

/* What was received is read on, as far as that goes. */
static bool takes_frames(const struct ws_session *session)
{
    return session->ending.phase != WS_PHASE_OPEN || (!session->out.blocked && session->input.flow != WS_IN_LINE);
}

/* False: no more of it can be taken. */
static bool act_on(struct ws_session *session, enum ws_received received, const struct ws_end *why)
{
    switch (received) {
    case WS_NOTHING: return false;
    case WS_TAKEN: return true;
    case WS_ANSWERED: want_flush(session); return true;
    case WS_BREAKS: end_with(session, why); return true;
    case WS_CLIENT_CLOSES:
        end_with(session, why);
        ws_progress_settle(session);
        return true;
    }
    return false;
}

/* While frames are taken as they come, reading is on, and a message that is not whole is timed. */
static void set_reading(struct ws_session *session)
{
    bool open = session->ending.phase == WS_PHASE_OPEN;
    bool flows = !ws_input_waits(&session->input) && !session->received.stopped && !session->out.blocked;
    bool on = !open || flows;
    ws_input_time(&session->input, open && flows, session->context->now_ns);
    if (session->reading != on) {
        session->reading = on;
        ws_life_restart(&session->life, session->context->now_ns);
        session->transport->ops->set_reading(session->transport, on);
    }
}

void ws_progress_advance(struct ws_session *session)
{
    struct ws_end why;
    ws_input_step(&session->input, WS_ASKS_AGAIN);
    while (takes_frames(session) && act_on(session, ws_receive_frame(session, &why), &why)) {
    }
    ws_input_settle(&session->input);
    ws_bounds_settle(session);
    set_reading(session);
    if (session->ending.phase == WS_PHASE_OPEN) {
        ASSERT(session->input.flow != WS_OVER);
    } else {
        ASSERT(!ws_input_waits(&session->input));
    }
}

void ws_progress_leave(struct ws_session *session)
{
    struct ws_end why;
    enum ws_received received;
    ws_input_step(&session->input, WS_WAITS_NO_MORE);
    while ((received = ws_receive_frame(session, &why)) != WS_NOTHING) {
        if (received == WS_CLIENT_CLOSES || received == WS_BREAKS) {
            stop_taking(session, &why);
        }
    }
    stop_taking(session, &(struct ws_end){ .error = ERROR_CONNECTION_CLOSED });
}

void ws_progress_submitted(struct ws_session *session, struct large_payload *large)
{
    struct ws_end why;
    act_on(session, ws_receive_submitted(session, large, &why), &why);
    want_flush(session); /* goes on with what was held */
}
