/* Turns what is decided into acknowledgements, and the reason to end a WebSocket into its close frame. */
#include "proto/ws/ws_write.h"

#include "proto/http/io_context.h"
#include "proto/ws/ws_bounds.h"

void ws_write_count_closed(struct ws_session *session, enum error error)
{
    metric_add_index(session->context->intake.cells, METRIC_WEBSOCKETS_CLOSED, error, 1);
}

static void observe(void *opaque, int64_t received_ns, uint32_t messages)
{
    const struct ws_session *session = opaque;
    const struct io_context *context = session->context;
    if (session->terms.acks) {
        metric_observe(context->intake.cells, METRIC_REPLY_SECONDS, session->terms.ack_series,
                       context->now_ns - received_ns, messages);
    }
}

enum error ws_write_acks(struct ws_session *session)
{
    struct buf *text = &session->context->text;
    enum error failed;
    const struct ws_acks_clock clock = { observe, session };
    if (ws_acks_take(&session->acks, text, &clock, &failed) && session->terms.acks) {
        session->out.bytes.failed |= text->failed;
        ws_frame_write(&session->out.bytes, WS_TEXT, buf_slice(text));
        metric_add(session->context->intake.cells, METRIC_WEBSOCKET_ACKS, 1);
    }
    if (failed != OK) {
        ws_acks_forget(&session->acks);
    }
    return failed;
}

void ws_write_close(struct ws_session *session)
{
    const struct ws_end *why = &session->ending.why;
    const struct error_info *info = error_info(why->error);
    if (why->error == OK) {
        ws_frame_write_close(&session->out.bytes, why->code, SLICE(""));
    } else {
        const char *reason = why->detail != NULL ? why->detail : info->text;
        ws_frame_write_close(&session->out.bytes, (unsigned)info->close_code, slice_from_string(reason));
        ws_write_count_closed(session, why->error);
    }
    ws_ending_step(&session->ending, WS_STEP_SAY);
}

bool ws_write_out(struct ws_session *session)
{
    uint64_t before = session->out.taken;
    session->blocked_ns = session->context->now_ns;
    if (!outgoing_write(&session->out, session->transport)) {
        return false;
    }
    ws_bounds_write(session, session->out.taken != before);
    return true;
}
