/* Turns the answers that are next in order into bytes, and gives them to the socket. */
#include "proto/http/http_write.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "proto/front/transport.h"
#include "proto/http/http_bounds.h"
#include "proto/http/http_session_private.h"
#include "proto/http/io_context.h"

/* The answer at the front of the ring is the last of this connection. */
static bool is_last(const struct http_session *session, const struct http_answer *answer)
{
    bool newest = session->exchange.answers.first + 1 == session->exchange.answers.next;
    bool ending = session->phase == PHASE_LAST || (session->exchange.context->draining &&
                                                   session->phase == PHASE_OPEN && session->input.part == HTTP_AT_HEAD);
    return answer->reply.close || (newest && ending);
}

static void finish(struct http_session *session)
{
    http_session_step(session, HTTP_STEP_FINISH);
    answer_ring_clear(&session->exchange.answers);
}

static void observe(const struct http_session *session, int64_t received_ns, uint32_t series)
{
    const struct io_context *context = session->exchange.context;
    metric_observe_ns(context->intake.cells, METRIC_REPLY_SECONDS, series, context->now_ns - received_ns);
}

/* A reply was put behind those that wait. Of several the first is timed until it is taken; the others are as soon, unless their client
 * takes nothing. */
static void time_reply(struct http_session *session, int64_t received_ns, uint32_t series)
{
    if (session->timed.end != 0) {
        observe(session, received_ns, series);
        return;
    }
    session->timed.received_ns = received_ns;
    session->timed.end = session->out.taken + outgoing_waiting(&session->out);
    session->timed.series = series;
}

static inline void note_taken(struct http_session *session)
{
    if (session->timed.end != 0 && session->out.taken >= session->timed.end) {
        observe(session, session->timed.received_ns, session->timed.series);
        session->timed.end = 0;
    }
}

/* What a reply without an end has by now; a gateway that ends, ends it. */
static void collect_stream(struct http_session *session, struct http_answer *answer)
{
    ASSERT(session->phase != PHASE_OPEN);
    bool goes_on = http_answer_stream(answer, &session->out.bytes);
    if (!goes_on || session->exchange.context->draining) {
        finish(session);
    }
}

/* An answer that is ready. False: it is the last, or has no end. */
static bool collect_one(struct http_session *session, struct http_answer *answer)
{
    answer->reply.close = is_last(session, answer);
    http_bounds_unweigh(session, answer);
    int64_t received_ns = answer->received_ns;
    uint32_t series = answer->series;
    http_answer_write(answer, session->exchange.context, &session->out.bytes);
    if (answer->state == ANSWER_STREAM) {
        collect_stream(session, answer);
        return false;
    }
    time_reply(session, received_ns, series);
    session->exchange.answers.first++;
    if (answer->reply.close) {
        finish(session);
    }
    return !answer->reply.close;
}

void http_write_collect(struct http_session *session)
{
    while (!answer_ring_is_empty(&session->exchange.answers)) {
        struct http_answer *answer = answer_ring_at(&session->exchange.answers, session->exchange.answers.first);
        if (session->out.bytes.len >= OUTGOING_ENOUGH) {
            return;
        }
        if (answer->state == ANSWER_STREAM) {
            collect_stream(session, answer);
            return;
        }
        if (answer->state != ANSWER_READY || !collect_one(session, answer)) {
            return;
        }
    }
    if (session->continue_owed) {
        buf_append_slice(&session->out.bytes, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        session->continue_owed = false;
    }
}

bool http_write_out(struct http_session *session)
{
    uint64_t before = session->out.taken;
    if (!outgoing_write(&session->out, session->exchange.transport)) {
        return false;
    }
    note_taken(session);
    http_bounds_write(session, session->out.taken != before);
    if (session->phase == PHASE_LINGERS && !session->out.blocked) {
        session->exchange.transport->ops->finish(session->exchange.transport);
    }
    return true;
}
