/* Turns what was received into requests taken, and what each means into the connection's next state. */
#include "proto/http/http_progress.h"

#include "base/assert.h"
#include "proto/front/transport.h"
#include "proto/http/http_bounds.h"
#include "proto/http/http_read.h"
#include "proto/http/http_session_private.h"
#include "proto/http/http_wait.h"

void http_progress_set_deadline(struct http_session *session)
{
    enum http_wait wait = http_wait_of(session);
    if (wait != session->wait || session->wait_request != session->exchange.answers.next) {
        session->wait = wait;
        session->wait_request = session->exchange.answers.next;
        session->deadline_ns =
            session->exchange.context->now_ns + http_wait_patience_ns(session->exchange.context->options, wait);
        http_bounds_restart(session);
    }
}

static void set_reading(struct http_session *session, bool on)
{
    if (session->reading != on) {
        session->reading = on;
        session->exchange.transport->ops->set_reading(session->exchange.transport, on);
    }
}

static void wait_in_line(struct http_session *session)
{
    struct http_exchange *exchange = &session->exchange;
    session->in_line = true;
    exchange->whole_ns = exchange->whole_ns == 0 ? exchange->context->now_ns : exchange->whole_ns;
}

/* What a request means for the connection. False: no more can be taken. */
static bool act_on(struct http_session *session, enum http_read read)
{
    switch (read) {
    case HTTP_READ_NOTHING: return false;
    case HTTP_READ_LACKS_TURN: wait_in_line(session); return false;
    case HTTP_READ_HEAD: return true;
    case HTTP_READ_EXPECTATION:
        session->continue_owed = true;
        session->exchange.transport->ops->want_flush(session->exchange.transport);
        return true;
    case HTTP_READ_REQUEST: break;
    case HTTP_READ_LAST: http_session_step(session, HTTP_STEP_LAST); break;
    case HTTP_READ_UPGRADE: http_session_step(session, HTTP_STEP_UPGRADE); break;
    }
    session->continue_owed = false;
    return true;
}

/* False: the answers that are owed must go out first. */
static bool take_requests(struct http_session *session)
{
    bool room = !session->out.blocked;
    bool more = true;
    while (more && room && session->phase == PHASE_OPEN && !session->in_line) {
        room = http_bounds_weigh(session) && answer_ring_make_room(&session->exchange.answers);
        more = room && session->input.at != session->input.bytes.len &&
               act_on(session, http_read_request(&session->input, &session->exchange));
    }
    return room;
}

/* What struct http_session says of its state. */
static void check(const struct http_session *session)
{
    http_input_check(&session->input);
    if (session->phase != PHASE_OPEN) {
        ASSERT(session->reading == (session->phase != PHASE_UPGRADE));
        return;
    }
    ASSERT(!session->continue_owed || session->input.part != HTTP_AT_HEAD);
    ASSERT(!session->in_line || session->input.bytes.len != 0);
    ASSERT(!session->reading || !(session->in_line || session->received.stopped || session->out.blocked));
}

void http_progress_advance(struct http_session *session)
{
    bool room = take_requests(session);
    if (!room && !session->out.blocked && answer_ring_is_empty(&session->exchange.answers)) {
        /* Memory is short: no answer that goes out would make room, and it would never be read again. */
        session->exchange.transport->ops->close(session->exchange.transport);
    }
    if (!http_phase_keeps_input(session->phase)) {
        session->input.at = session->input.bytes.len;
        http_input_end_body(&session->input);
    }
    http_input_settle(&session->input);
    http_bounds_settle(session);
    bool takes = room && session->phase == PHASE_OPEN && !session->in_line && !session->received.stopped;
    set_reading(session, takes || !http_phase_keeps_input(session->phase));
    http_progress_set_deadline(session);
    check(session);
}

void http_progress_refuse(struct http_session *session, enum error error)
{
    if (!http_phase_writes(session->phase)) {
        return; /* it was given up */
    }
    http_read_refuse(&session->input, &session->exchange, http_session_is_in_event(session), error);
    http_session_step(session, HTTP_STEP_LAST);
    http_progress_advance(session);
}
