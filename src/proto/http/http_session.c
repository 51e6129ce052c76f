/* Turns a connection's bytes into requests, and their answers into bytes. */
#include "proto/http/http_session.h"

#include "proto/http/http_bounds.h"
#include "proto/http/http_fates.h"
#include "proto/http/http_read.h"
#include "proto/http/http_wait.h"

#define BUFFER_KEPT ((size_t)16 << 10)

static void want_flush(struct http_session *session)
{
    session->transport->ops->want_flush(session->transport);
}

static void want_close(struct http_session *session)
{
    session->transport->ops->close(session->transport);
}

/* Waiting. */

static void set_deadline(struct http_session *session)
{
    enum http_wait wait = http_wait_of(session);
    if (wait != session->wait || session->wait_request != session->answers.next) {
        session->wait = wait;
        session->wait_request = session->answers.next;
        session->deadline_ns = session->context->now_ns + http_wait_patience_ns(session->context->options, wait);
        http_bounds_restart(session);
    }
}

/* Reading. */

static void set_reading(struct http_session *session, bool on)
{
    if (session->reading != on) {
        session->reading = on;
        session->transport->ops->set_reading(session->transport, on);
    }
}

/* Takes as many requests as there are, and there is room and time for. */
static void advance(struct http_session *session)
{
    bool room = !session->out.blocked;
    bool more = true;
    while (more && room && session->phase <= PHASE_BODY && !session->in_line) {
        room = http_bounds_weigh(session) && answer_ring_make_room(&session->answers);
        more = room && session->at != session->in.len && http_read_request(session);
    }
    if (!room && !session->out.blocked && answer_ring_is_empty(&session->answers)) {
        /* Memory is short: no answer that goes out would make room, and it would never be read again. */
        want_close(session);
    }
    if (session->phase > PHASE_UPGRADE) {
        session->at = session->in.len;
    }
    buf_consume(&session->in, session->at);
    session->at = 0;
    http_bounds_settle(session);
    bool takes = room && session->phase != PHASE_UPGRADE && !session->in_line && !session->received.stopped;
    set_reading(session, takes || session->phase > PHASE_UPGRADE);
    set_deadline(session);
}

/* Of a request whose head or body is still on its way; it is waited for, so that there is room in the ring. */
static void refuse_unfinished(struct http_session *session, enum error error)
{
    http_read_refuse(session, session->phase == PHASE_BODY && session->is_event, error);
    advance(session);
}

/* What has come cannot be kept: it is answered 503, if it is the turn of a request that has begun. */
static void lack_memory(struct http_session *session)
{
    if (http_bounds_is_unfinished(session)) {
        refuse_unfinished(session, ERROR_OUT_OF_MEMORY);
    } else {
        want_close(session);
    }
}

void http_session_receive(struct http_session *session, struct slice bytes)
{
    session->input_waits = false;
    if (session->phase > PHASE_UPGRADE) {
        return;
    }
    if (!buf_reserve(&session->in, bytes.len + JSON_PADDING)) {
        lack_memory(session);
        return;
    }
    buf_append_slice(&session->in, bytes);
    http_bounds_receive(session, bytes.len);
    advance(session);
}

void http_session_end_of_input(struct http_session *session)
{
    if (session->phase <= PHASE_UPGRADE) {
        session->phase = PHASE_LAST;
        ws_terms_release(&session->terms);
        want_flush(session);
    }
}

/* Writing. */

/* The answer at the front of the ring is the last of this connection. */
static bool is_last(const struct http_session *session, const struct http_answer *answer)
{
    bool newest = session->answers.first + 1 == session->answers.next;
    bool ending = session->phase == PHASE_LAST || (session->context->draining && session->phase == PHASE_HEAD);
    return answer->reply.close || (newest && ending);
}

/* Moves the answers that are next in order into `out`, until that is enough for the socket. */
static void collect(struct http_session *session)
{
    while (!answer_ring_is_empty(&session->answers)) {
        struct http_answer *answer = answer_ring_at(&session->answers, session->answers.first);
        if (answer->state != ANSWER_READY || session->out.bytes.len >= OUTGOING_ENOUGH) {
            return;
        }
        answer->reply.close = is_last(session, answer);
        http_bounds_unweigh(session, answer);
        http_answer_write(answer, session->context, &session->out.bytes);
        session->answers.first++;
        if (answer->reply.close) {
            session->phase = PHASE_LINGER;
            answer_ring_clear(&session->answers);
            return;
        }
    }
    if (session->continue_owed) {
        buf_append_slice(&session->out.bytes, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
        session->continue_owed = false;
    }
}

/* False: the connection is lost. */
static bool write_out(struct http_session *session)
{
    uint64_t before = session->out.taken;
    if (!outgoing_write(&session->out, session->transport)) {
        return false;
    }
    http_bounds_write(session, session->out.taken != before);
    if (session->phase == PHASE_LINGER && !session->out.blocked) {
        session->transport->ops->finish(session->transport);
    }
    return true;
}

/* Its silence is over if a request has come in the meantime, or lies at the socket: that is served, and the next silence
 * counts anew. Asked for last before the thread blocks, so that no request is taken behind it. */
static void end_silence(struct http_session *session)
{
    if (session->wait != WAIT_REQUEST || session->context->now_ns < session->deadline_ns) {
        return;
    }
    session->input_waits = session->transport->ops->has_input(session->transport);
    if (!session->input_waits) {
        want_close(session);
    }
}

void http_session_flush(struct http_session *session)
{
    while (session->phase < PHASE_LINGER && !session->out.blocked) {
        collect(session);
        if (outgoing_is_empty(&session->out)) {
            break;
        }
        if (!write_out(session)) {
            want_close(session);
            return;
        }
        advance(session);
    }
    end_silence(session);
}

void http_session_writable(struct http_session *session)
{
    if (!session->out.blocked) {
        return;
    }
    if (!write_out(session)) {
        want_close(session);
        return;
    }
    if (session->out.blocked || session->phase == PHASE_LINGER) {
        set_deadline(session);
        return;
    }
    http_session_flush(session);
    advance(session);
    if (session->phase == PHASE_UPGRADE) {
        want_flush(session); /* whoever flushes looks whether the 101 is out */
    }
}

void http_session_go_on(struct http_session *session)
{
    if (session->in_line) {
        session->in_line = false;
        session->share.granted = true;
        advance(session);
    }
}

bool http_session_has_upgraded(const struct http_session *session)
{
    return session->phase == PHASE_UPGRADE && !http_session_owes(session);
}

void http_session_hand_over(struct http_session *session, struct ws_terms *terms, struct buf *rest)
{
    *terms = session->terms;
    *rest = session->in;
    session->terms = (struct ws_terms){ 0 };
    session->in = (struct buf){ 0 };
}

/* Time. */

static void time_out(struct http_session *session)
{
    if (http_bounds_is_unfinished(session)) {
        refuse_unfinished(session, session->wait == WAIT_ROOM ? ERROR_RECEIVING_FULL : ERROR_TIMEOUT);
    } else if (session->wait == WAIT_REQUEST) {
        want_flush(session);
    } else {
        if (session->wait == WAIT_SOCKET) {
            http_bounds_count_closed(session, ERROR_TIMEOUT);
        }
        want_close(session);
    }
}

int64_t http_session_idle_ns(const struct http_session *session)
{
    int64_t since_ns = session->deadline_ns - session->context->options->idle_timeout_ns;
    return session->wait == WAIT_REQUEST ? session->context->now_ns - since_ns : 0;
}

static void shed_all(struct http_session *session, size_t kept)
{
    buf_shed(&session->in, kept);
    buf_shed(&session->out.bytes, kept);
    buf_shed(&session->body, kept);
}

/* A connection that is idle keeps no buffer, a busy one none that only a huge request needed. */
static void shed(struct http_session *session)
{
    if (session->in.len == 0 && http_session_idle_ns(session) >= NS_PER_SECOND) {
        shed_all(session, 0);
        answer_ring_shed(&session->answers);
    } else if (session->phase == PHASE_HEAD && session->in.len == 0 && outgoing_waiting(&session->out) == 0) {
        shed_all(session, kept_is_tight(&session->context->receiving) ? 0 : BUFFER_KEPT);
    }
    http_bounds_settle(session);
}

void http_session_tick(struct http_session *session)
{
    if (session->phase == PHASE_CLOSED) {
        return;
    }
    int64_t now_ns = session->context->now_ns;
    for (uint64_t sequence = session->answers.first; sequence != session->answers.next; sequence++) {
        struct http_answer *answer = answer_ring_at(&session->answers, sequence);
        if (answer->state == ANSWER_STORE && now_ns >= answer->deadline_ns) {
            http_answer_expire(answer);
            want_flush(session);
        }
    }
    if (http_wait_is_silent(session)) {
        session->deadline_ns = now_ns; /* who opens a connection has something to say */
    }
    if (now_ns >= session->deadline_ns || http_bounds_is_too_slow(session)) {
        time_out(session);
    }
    shed(session);
}

void http_session_drain(struct http_session *session)
{
    if (session->phase == PHASE_CLOSED) {
        return;
    }
    for (uint64_t sequence = session->answers.first; sequence != session->answers.next; sequence++) {
        http_fates_stop_waiting(session, answer_ring_at(&session->answers, sequence));
        want_flush(session);
    }
    if (session->wait == WAIT_REQUEST) {
        session->deadline_ns = session->context->now_ns;
        want_flush(session);
    } else if (http_bounds_is_unfinished(session)) {
        refuse_unfinished(session, ERROR_DRAINING);
    }
}

/* Others need the room. */

void http_session_resume(struct http_session *session)
{
    advance(session);
}

void http_session_give_way(struct http_session *session, enum error why)
{
    if (why == ERROR_RECEIVING_FULL && http_bounds_is_unfinished(session)) {
        refuse_unfinished(session, why);
    } else {
        http_bounds_count_closed(session, why);
        http_bounds_abandon(session, why);
        want_close(session);
    }
    shed_all(session, 0);
    http_bounds_settle(session);
}

/* Begin and end. */

void http_session_open(struct http_session *session, struct io_context *context, const struct http_routes *routes,
                       struct transport *transport, struct token token, struct client_address peer)
{
    session->context = context;
    session->slot = token.slot;
    session->generation = token.generation;
    session->routes = routes;
    session->transport = transport;
    session->phase = PHASE_HEAD;
    session->wait = WAIT_REQUEST;
    session->wait_request = session->answers.next;
    session->weighed = session->answers.next;
    session->received_bytes = 0;
    session->deadline_ns = context->now_ns + context->options->idle_timeout_ns;
    session->reading = true;
    session->in_line = false;
    session->share = (struct turn_share){ 0 };
    session->continue_owed = false;
    session->input_waits = false;
    session->peer = peer;
    session->peer_trusted = address_ranges_hold(context->trusted, &peer);
    session->peer_text_length = client_address_format(&peer, session->peer_text);
}

void http_session_close(struct http_session *session)
{
    if (session->phase == PHASE_BODY && session->is_event) {
        pipeline_count_refusal(session->context->intake.io, PROTOCOL_HTTP, NULL, ERROR_CONNECTION_CLOSED);
    }
    answer_ring_clear(&session->answers);
    ws_terms_release(&session->terms);
    session->phase = PHASE_CLOSED;
    session->in_line = false;
    session->at = 0;
    buf_clear(&session->in);
    outgoing_clear(&session->out);
    buf_clear(&session->body);
    shed_all(session, 0);
    http_bounds_leave(session);
}

void http_session_release(struct http_session *session)
{
    answer_ring_release(&session->answers);
    buf_release(&session->in);
    buf_release(&session->out.bytes);
    buf_release(&session->body);
}
