/* Turns what an HTTP session keeps into its shares of the context's bounds. */
#include "proto/http/http_bounds.h"

#include "config/options/http_options.h"
#include "proto/front/transport.h"
#include "proto/http/http_session_private.h"

#define KEPT_WHILE_TIGHT ((size_t)4 << 10)

static bool keeps_input(const struct http_session *session)
{
    return http_phase_keeps_input(session->phase) && session->input.bytes.len != 0;
}

static bool is_to_stop(const struct http_session *session)
{
    const struct kept_line *line = &session->exchange.context->receiving;
    bool can_be_refused =
        session->exchange.answers.next - session->exchange.answers.first < session->exchange.answers.size;
    if (!session->received.waits || !can_be_refused || session->phase == PHASE_UPGRADE) {
        return false;
    }
    return session->received.bytes > KEPT_BIG ? kept_is_tight(line) : kept_is_full(line);
}

void http_bounds_settle_anew(struct http_session *session)
{
    struct io_context *context = session->exchange.context;
    bool waits = keeps_input(session) && !session->in_line; /* in line it is whole, and the gateway's to be quick */
    if (!keeps_input(session) && kept_is_tight(&context->receiving)) {
        buf_shed(&session->input.bytes, KEPT_WHILE_TIGHT);
        buf_shed(&session->input.body, KEPT_WHILE_TIGHT);
    }
    size_t buffers = session->input.bytes.cap + session->input.body.cap;
    if (session->received.bytes > buffers) {
        kept_set(&context->receiving, &session->received, buffers);
    }
    if (waits) {
        kept_wait(&context->receiving, &session->received, session->exchange.transport);
    } else {
        kept_leave(&context->receiving, &session->received);
    }
    kept_stop(&context->receiving, &session->received, is_to_stop(session));
    kept_set(&context->replying, &session->replies, http_bounds_replies(session));
    if (!session->out.blocked) {
        kept_leave(&context->replying, &session->replies);
    }
}

void http_bounds_leave(struct http_session *session)
{
    session->owed = 0;
    session->weighed = session->exchange.answers.next;
    kept_leave(&session->exchange.context->receiving, &session->received);
    kept_leave(&session->exchange.context->replying, &session->replies);
    kept_set(&session->exchange.context->receiving, &session->received,
             session->input.bytes.cap + session->input.body.cap);
    kept_set(&session->exchange.context->replying, &session->replies, session->out.bytes.cap);
}

void http_bounds_count_closed(const struct http_session *session, enum error why)
{
    metric_add_index(session->exchange.context->intake.cells, METRIC_CONNECTIONS_CLOSED, (size_t)why, 1);
}

void http_bounds_abandon(struct http_session *session, enum error why)
{
    if (http_session_is_in_event(session)) {
        pipeline_count_refusal(session->exchange.context->intake.io, PROTOCOL_HTTP, NULL, why);
    }
    http_session_step(session, HTTP_STEP_FINISH);
    http_input_clear(&session->input);
    outgoing_clear(&session->out);
    answer_ring_clear(&session->exchange.answers);
    session->owed = 0;
    session->weighed = session->exchange.answers.next;
}

/* How far the client has come with what is waited for. */
static uint64_t progress(const struct http_session *session)
{
    struct transport *transport = session->exchange.transport;
    return session->wait == WAIT_SOCKET ? session->out.taken - transport->ops->untaken(transport)
                                        : session->received_bytes;
}

void http_bounds_measure(struct http_session *session)
{
    slowness_restart(&session->slowness, session->exchange.context->now_ns, progress(session));
}

bool http_bounds_is_too_slow(struct http_session *session)
{
    const struct http_options *options = session->exchange.context->options;
    if (session->wait != WAIT_BODY && session->wait != WAIT_SOCKET) {
        return false;
    }
    uint64_t rate = session->wait == WAIT_BODY ? options->min_body_rate : options->min_reply_rate;
    return slowness_shows(&session->slowness, session->exchange.context->now_ns, progress(session), rate);
}
