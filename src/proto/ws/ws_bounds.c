/* Turns what a WebSocket keeps into its shares of the I/O thread's bounds. */
#include "proto/ws/ws_bounds.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "config/options/http_options.h"
#include "config/options/websocket_options.h"
#include "proto/front/kept.h"
#include "proto/front/outgoing.h"
#include "proto/front/slowness.h"
#include "proto/front/transport.h"
#include "proto/http/io_context.h"
#include "proto/ws/ws_acks.h"
#include "proto/ws/ws_ending.h"
#include "proto/ws/ws_input.h"
#include "proto/ws/ws_session_private.h"

#include <stddef.h>
#include <stdint.h>

#define BUFFER_KEPT ((size_t)256 << 10)
#define KEPT_WHILE_TIGHT ((size_t)4 << 10)
#define LINGER_NS (2 * NS_PER_SECOND)
#define ROOM_PATIENCE_NS (5 * NS_PER_SECOND)

void ws_bounds_receive(struct ws_session *session)
{
    size_t kept = session->input.bytes.len + session->input.message.len;
    if (kept > session->received.bytes) {
        kept_set(&session->context->receiving, &session->received, kept);
    }
}

static bool is_to_stop(const struct ws_session *session)
{
    const struct kept_line *line = &session->context->receiving;
    if (!session->received.waits || session->ending.phase != WS_PHASE_OPEN) {
        return false;
    }
    return session->received.bytes > KEPT_BIG ? kept_is_tight(line) : kept_is_full(line);
}

static size_t replies(const struct ws_session *session)
{
    return session->out.bytes.cap + session->acks.errors.cap + session->acks.refused.cap;
}

void ws_bounds_settle(struct ws_session *session)
{
    struct io_context *context = session->context;
    struct ws_input *input = &session->input;
    bool keeps = session->ending.phase == WS_PHASE_OPEN && (!ws_input_is_all_taken(input) || input->message.len != 0);
    if (!keeps && input->bytes.len == 0 && kept_is_tight(&context->receiving)) {
        buf_shed(&input->bytes, KEPT_WHILE_TIGHT);
        buf_shed(&input->message, KEPT_WHILE_TIGHT);
    }
    size_t buffers = input->bytes.cap + input->message.cap;
    if (session->received.bytes > buffers) {
        kept_set(&context->receiving, &session->received, buffers);
    }
    if (keeps && input->flow != WS_IN_LINE) {
        kept_wait(&context->receiving, &session->received, session->transport);
    } else {
        kept_leave(&context->receiving, &session->received);
    }
    bool stopped = session->received.stopped;
    kept_stop(&context->receiving, &session->received, is_to_stop(session));
    if (session->received.stopped && !stopped) {
        session->stopped_ns = context->now_ns;
    }
    kept_set(&context->replying, &session->replies, replies(session));
    if (!session->out.blocked) {
        kept_leave(&context->replying, &session->replies);
    }
}

/* An idle connection keeps no buffer, a busy one none that only a huge message needed. */
void ws_bounds_shed(struct ws_session *session)
{
    struct ws_input *input = &session->input;
    size_t kept = kept_is_tight(&session->context->receiving) ? 0 : BUFFER_KEPT;
    if (input->bytes.len == 0) {
        buf_shed(&input->bytes, kept);
    }
    if (input->fragments == WS_NO_FRAGMENTS) {
        buf_shed(&input->message, kept);
    }
    bool idle = input->bytes.len == 0 && input->fragments == WS_NO_FRAGMENTS && !ws_session_owes_ack(session) &&
                session->pings.count == 0 && outgoing_waiting(&session->out) == 0 &&
                session->context->now_ns - session->life.heard_ns >= NS_PER_SECOND;
    if (idle) {
        buf_release(&input->bytes);
        buf_release(&input->message);
        buf_release(&session->out.bytes);
        buf_release(&session->pings.pongs);
        ws_acks_shed(&session->acks);
    }
    ws_bounds_settle(session);
}

/* Bytes that the client has taken, in all. */
static uint64_t taken_by_client(const struct ws_session *session)
{
    return session->out.taken - session->transport->ops->untaken(session->transport);
}

void ws_bounds_write(struct ws_session *session, bool taken)
{
    struct kept_line *line = &session->context->replying;
    if (taken) {
        kept_leave(line, &session->replies);
    }
    if (session->out.blocked && !session->replies.waits) {
        kept_wait(line, &session->replies, session->transport);
        slowness_restart(&session->taking, session->context->now_ns, taken_by_client(session));
    }
    kept_set(line, &session->replies, replies(session));
}

void ws_bounds_leave(struct ws_session *session)
{
    kept_leave(&session->context->receiving, &session->received);
    kept_leave(&session->context->replying, &session->replies);
    kept_set(&session->context->receiving, &session->received, 0);
    kept_set(&session->context->replying, &session->replies, 0);
}

bool ws_bounds_has_waited_for_room(const struct ws_session *session)
{
    return session->received.stopped && session->context->now_ns - session->stopped_ns >= ROOM_PATIENCE_NS;
}

void ws_bounds_lose_replies(struct ws_session *session)
{
    outgoing_clear(&session->out);
    buf_release(&session->out.bytes);
    ws_acks_forget(&session->acks);
    ws_acks_shed(&session->acks);
}

static bool sends_too_slowly(struct ws_session *session)
{
    const struct io_context *context = session->context;
    if (session->sending.since_ns < session->input.begun_ns) {
        slowness_restart(&session->sending, context->now_ns, session->input.received);
    }
    return slowness_shows(&session->sending, context->now_ns, session->input.received, context->options->min_body_rate);
}

bool ws_bounds_has_waited_in_vain(const struct ws_session *session)
{
    return session->input.flow == WS_HELD && session->full != OK &&
           session->context->now_ns - session->full_since_ns >= session->context->websocket->full_timeout_ns;
}

bool ws_bounds_is_too_late(struct ws_session *session)
{
    return ws_input_has_begun(&session->input) &&
           (session->context->now_ns - session->input.begun_ns >= session->context->websocket->message_timeout_ns ||
            sends_too_slowly(session));
}

/* How long the socket may take nothing. A drain waits for no client that does not read. */
static int64_t blocked_patience_ns(const struct io_context *context)
{
    return context->draining ? LINGER_NS : context->websocket->ping_interval_ns + context->websocket->pong_timeout_ns;
}

bool ws_bounds_takes_too_slowly(struct ws_session *session)
{
    const struct io_context *context = session->context;
    return context->now_ns - session->blocked_ns >= blocked_patience_ns(context) ||
           slowness_shows(&session->taking, context->now_ns, taken_by_client(session),
                          context->options->min_reply_rate);
}
