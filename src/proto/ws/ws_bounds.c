/* Turns what a WebSocket keeps into its shares of the context's bounds. */
#include "proto/ws/ws_bounds.h"

#define BUFFER_KEPT ((size_t)256 << 10)
#define KEPT_WHILE_TIGHT ((size_t)4 << 10)
#define LINGER_NS (2 * NS_PER_SECOND)
#define ROOM_PATIENCE_NS (5 * NS_PER_SECOND)

void ws_bounds_receive(struct ws_session *session, size_t bytes)
{
    size_t kept = session->in.len + session->message.len;
    session->received_bytes += bytes;
    if (kept > session->received.bytes) {
        kept_set(&session->context->receiving, &session->received, kept);
    }
}

static bool is_to_stop(const struct ws_session *session)
{
    const struct kept_line *line = &session->context->receiving;
    if (!session->received.waits || session->phase != WS_PHASE_OPEN) {
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
    bool keeps = session->phase == WS_PHASE_OPEN && (session->at < session->in.len || session->message.len != 0);
    if (!keeps && session->in.len == 0 && kept_is_tight(&context->receiving)) {
        buf_shed(&session->in, KEPT_WHILE_TIGHT);
        buf_shed(&session->message, KEPT_WHILE_TIGHT);
    }
    size_t buffers = session->in.cap + session->message.cap;
    if (session->received.bytes > buffers) {
        kept_set(&context->receiving, &session->received, buffers);
    }
    if (keeps && !session->in_line) {
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
    size_t kept = kept_is_tight(&session->context->receiving) ? 0 : BUFFER_KEPT;
    if (session->in.len == 0) {
        buf_shed(&session->in, kept);
    }
    if (!session->fragmented) {
        buf_shed(&session->message, kept);
    }
    bool idle = session->in.len == 0 && !session->fragmented && !ws_session_owes_ack(session) &&
                session->pongs_owed == 0 && outgoing_waiting(&session->out) == 0 &&
                session->context->now_ns - session->received_ns >= NS_PER_SECOND;
    if (idle) {
        buf_release(&session->in);
        buf_release(&session->message);
        buf_release(&session->out.bytes);
        buf_release(&session->pongs);
        ws_acks_shed(&session->acks);
    }
    ws_bounds_settle(session);
}

void ws_bounds_write(struct ws_session *session, bool taken)
{
    struct kept_line *line = &session->context->replying;
    if (taken) {
        kept_leave(line, &session->replies);
    }
    if (session->out.blocked && !session->replies.waits) {
        kept_wait(line, &session->replies, session->transport);
        slowness_restart(&session->taking, session->context->now_ns, session->out.taken);
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

void ws_bounds_resume(void *session)
{
    ws_receive_advance(session);
}

/* A message that is on its way is lost, one that is whole and was held back, too. */
static void lose_input(struct ws_session *session)
{
    session->partial = session->partial || session->held;
    ws_session_end(session, ERROR_RECEIVING_FULL, NULL);
    ws_receive_advance(session);
    if (session->in.len == 0) {
        buf_release(&session->in);
    }
}

static void lose_replies(struct ws_session *session)
{
    metric_add_index(session->context->intake.cells, METRIC_WEBSOCKETS_CLOSED, ERROR_REPLYING_FULL, 1);
    outgoing_clear(&session->out);
    buf_release(&session->out.bytes);
    ws_acks_forget(&session->acks);
    ws_acks_shed(&session->acks);
    session->transport->ops->close(session->transport);
}

void ws_bounds_give_way(void *opaque, enum error why)
{
    struct ws_session *session = opaque;
    if (why == ERROR_RECEIVING_FULL) {
        lose_input(session);
    } else {
        lose_replies(session);
    }
    ws_bounds_settle(session);
}

bool ws_bounds_sends_too_slowly(struct ws_session *session)
{
    const struct io_context *context = session->context;
    if (session->sending.since_ns < session->message_since_ns) {
        slowness_restart(&session->sending, context->now_ns, session->received_bytes);
    }
    return slowness_shows(&session->sending, context->now_ns, session->received_bytes, context->options->min_body_rate);
}

/* How long the socket may take nothing. A drain waits for no client that does not read. */
static int64_t blocked_patience_ns(const struct io_context *context)
{
    return context->draining ? LINGER_NS : context->websocket->ping_interval_ns + context->websocket->pong_timeout_ns;
}

bool ws_bounds_takes_too_slowly(struct ws_session *session)
{
    const struct io_context *context = session->context;
    uint64_t taken = session->out.taken - session->transport->ops->untaken(session->transport);
    return context->now_ns - session->blocked_ns >= blocked_patience_ns(context) ||
           slowness_shows(&session->taking, context->now_ns, taken, context->options->min_reply_rate);
}
