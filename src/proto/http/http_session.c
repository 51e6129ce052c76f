/* Turns a connection's bytes into requests, and their answers into bytes. */
#include "proto/http/http_session.h"

#include "config/options/http_options.h"
#include "proto/front/session.h"
#include "proto/front/transport.h"
#include "proto/http/http_bounds.h"
#include "proto/http/http_fates.h"
#include "proto/http/http_progress.h"
#include "proto/http/http_session_private.h"
#include "proto/http/http_wait.h"
#include "proto/http/http_write.h"

#include <stdlib.h>

#define BUFFER_KEPT ((size_t)16 << 10)

static void want_flush(struct http_session *session)
{
    session->exchange.transport->ops->want_flush(session->exchange.transport);
}

static void want_close(struct http_session *session)
{
    session->exchange.transport->ops->close(session->exchange.transport);
}

/* Reading. */

/* What has come cannot be kept: it is answered 503, if it is the turn of a request that has begun. */
static void lack_memory(struct http_session *session)
{
    if (http_bounds_is_unfinished(session)) {
        http_progress_refuse(session, ERROR_OUT_OF_MEMORY);
    } else {
        want_close(session);
    }
}

static void receive(void *opaque, struct slice bytes)
{
    struct http_session *session = opaque;
    session->input_waits = false;
    if (!http_phase_keeps_input(session->phase)) {
        return;
    }
    if (!http_input_receive(&session->input, bytes)) {
        lack_memory(session);
        return;
    }
    http_bounds_receive(session, bytes.len);
    http_progress_advance(session);
}

static void end_of_input(void *opaque)
{
    struct http_session *session = opaque;
    if (http_phase_keeps_input(session->phase)) {
        http_session_step(session, HTTP_STEP_LAST);
        ws_terms_release(&session->exchange.terms);
        want_flush(session);
    }
}

/* Writing. */

/* Its silence is over if a request has come in the meantime, or lies at the socket: that is served, and the next silence
 * counts anew. Asked for last before the thread blocks, so that no request is taken behind it. */
static void end_silence(struct http_session *session)
{
    if (session->wait != WAIT_REQUEST || session->exchange.context->now_ns < session->deadline_ns) {
        return;
    }
    session->input_waits = session->exchange.transport->ops->has_input(session->exchange.transport);
    if (!session->input_waits) {
        want_close(session);
    }
}

static void flush(void *opaque)
{
    struct http_session *session = opaque;
    while (http_phase_writes(session->phase) && !session->out.blocked) {
        http_write_collect(session);
        if (outgoing_is_empty(&session->out) && session->phase != PHASE_LINGERS) {
            break;
        }
        if (!http_write_out(session)) {
            want_close(session);
            return;
        }
        http_progress_advance(session);
    }
    end_silence(session);
}

static void writable(void *opaque)
{
    struct http_session *session = opaque;
    if (!session->out.blocked) {
        return;
    }
    if (!http_write_out(session)) {
        want_close(session);
        return;
    }
    if (session->out.blocked || session->phase == PHASE_LINGERS) {
        http_progress_set_deadline(session);
        return;
    }
    flush(session);
    http_progress_advance(session);
    if (session->phase == PHASE_UPGRADE) {
        want_flush(session); /* whoever flushes looks whether the 101 is out */
    }
}

static void go_on(void *opaque)
{
    struct http_session *session = opaque;
    if (session->in_line) {
        session->in_line = false;
        session->exchange.share.granted = true;
        http_progress_advance(session);
    }
}

bool http_session_has_upgraded(const struct http_session *session)
{
    return session->phase == PHASE_UPGRADE && !http_session_owes(session);
}

void http_session_hand_over(struct http_session *session, struct ws_terms *terms, struct buf *rest)
{
    *terms = session->exchange.terms;
    *rest = session->input.bytes;
    session->exchange.terms = (struct ws_terms){ 0 };
    session->input.bytes = (struct buf){ 0 };
}

/* Time. */

static void time_out(struct http_session *session)
{
    if (http_bounds_is_unfinished(session)) {
        http_progress_refuse(session, session->wait == WAIT_ROOM ? ERROR_RECEIVING_FULL : ERROR_TIMEOUT);
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
    int64_t since_ns = session->deadline_ns - session->exchange.context->options->idle_timeout_ns;
    return session->wait == WAIT_REQUEST ? session->exchange.context->now_ns - since_ns : 0;
}

bool http_session_is_silent(const struct http_session *session)
{
    return session->received_bytes == 0;
}

static void shed_all(struct http_session *session, size_t kept)
{
    buf_shed(&session->input.bytes, kept);
    buf_shed(&session->out.bytes, kept);
    buf_shed(&session->input.body, kept);
}

/* A connection that is idle keeps no buffer, a busy one none that only a huge request needed. */
static void shed(struct http_session *session)
{
    if (session->input.bytes.len == 0 && http_session_idle_ns(session) >= NS_PER_SECOND) {
        shed_all(session, 0);
        answer_ring_shed(&session->exchange.answers);
    } else if (session->phase == PHASE_OPEN && session->input.bytes.len == 0 && outgoing_waiting(&session->out) == 0) {
        shed_all(session, kept_is_tight(&session->exchange.context->receiving) ? 0 : BUFFER_KEPT);
    }
    http_bounds_settle(session);
}

static void tick(void *opaque)
{
    struct http_session *session = opaque;
    if (session->phase == PHASE_CLOSED) {
        return;
    }
    int64_t now_ns = session->exchange.context->now_ns;
    for (uint64_t sequence = session->exchange.answers.first; sequence != session->exchange.answers.next; sequence++) {
        struct http_answer *answer = answer_ring_at(&session->exchange.answers, sequence);
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

static void drain(void *opaque)
{
    struct http_session *session = opaque;
    if (session->phase == PHASE_CLOSED) {
        return;
    }
    for (uint64_t sequence = session->exchange.answers.first; sequence != session->exchange.answers.next; sequence++) {
        http_fates_stop_waiting(session, answer_ring_at(&session->exchange.answers, sequence));
        want_flush(session); /* of a stream, its end */
    }
    if (session->wait == WAIT_REQUEST) {
        session->deadline_ns = session->exchange.context->now_ns;
        want_flush(session);
    } else if (http_bounds_is_unfinished(session)) {
        http_progress_refuse(session, ERROR_DRAINING);
    }
}

/* Others need the room. */

static void resume(void *opaque)
{
    http_progress_advance(opaque);
}

static void give_way(void *opaque, enum error why)
{
    struct http_session *session = opaque;
    if (why == ERROR_RECEIVING_FULL && http_bounds_is_unfinished(session)) {
        http_progress_refuse(session, why);
    } else {
        http_bounds_count_closed(session, why);
        http_bounds_abandon(session, why);
        want_close(session);
    }
    shed_all(session, 0);
    http_bounds_settle(session);
}

/* Begin and end. */

void http_session_open(struct http_session *session, struct io_context *context, const struct route_table *routes,
                       struct transport *transport, struct token token, struct client_address peer)
{
    session->exchange.context = context;
    session->exchange.slot = token.slot;
    session->exchange.generation = token.generation;
    session->exchange.routes = routes;
    session->exchange.transport = transport;
    http_session_step(session, HTTP_STEP_OPEN);
    session->wait = WAIT_REQUEST;
    session->wait_request = session->exchange.answers.next;
    session->weighed = session->exchange.answers.next;
    session->received_bytes = 0;
    session->deadline_ns = context->now_ns + context->options->idle_timeout_ns;
    session->reading = true;
    session->in_line = false;
    session->exchange.share = (struct turn_share){ 0 };
    session->exchange.toll.asked = false;
    session->exchange.known.length = 0;
    session->continue_owed = false;
    session->input_waits = false;
    session->exchange.certificate_subject = session->exchange.hsts = (struct slice){ 0 };
    session->exchange.peer = peer;
    session->exchange.peer_text_length = client_address_format(&peer, session->exchange.peer_text);
    http_session_refresh(session);
}

void http_session_refresh(struct http_session *session)
{
    struct http_exchange *exchange = &session->exchange;
    exchange->peer_trusted = address_ranges_hold(exchange->context->trusted, &exchange->peer);
}

static void close_session(void *opaque)
{
    struct http_session *session = opaque;
    if (http_session_is_in_event(session)) {
        pipeline_count_refusal(session->exchange.context->intake.io, PROTOCOL_HTTP, NULL, ERROR_CONNECTION_CLOSED);
    }
    answer_ring_clear(&session->exchange.answers);
    ws_terms_release(&session->exchange.terms);
    http_session_step(session, HTTP_STEP_CLOSE);
    session->in_line = false;
    http_input_clear(&session->input);
    outgoing_clear(&session->out);
    shed_all(session, 0);
    http_bounds_leave(session);
}

struct http_session *http_sessions_new(size_t count)
{
    return calloc(count, sizeof(struct http_session));
}

struct http_session *http_sessions_at(struct http_session *sessions, size_t index)
{
    return &sessions[index];
}

void http_sessions_free(struct http_session *sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        http_session_release(&sessions[i]);
    }
    free(sessions);
}

void http_session_secure(struct http_session *session, struct slice subject, struct slice hsts)
{
    session->exchange.certificate_subject = subject;
    session->exchange.hsts = hsts;
}

const struct client_address *http_session_peer(const struct http_session *session)
{
    return &session->exchange.peer;
}

void http_session_release(struct http_session *session)
{
    answer_ring_release(&session->exchange.answers);
    http_input_release(&session->input);
    buf_release(&session->out.bytes);
}

/* Or a request is about to be read, or waits in line. */
static bool owes(const void *opaque)
{
    const struct http_session *session = opaque;
    return http_session_owes(session) || (session->phase != PHASE_CLOSED && (session->input_waits || session->in_line));
}

/* A body that will never be whole, a client that does not read, or a reply without an end is nothing to stay for. */
static bool outlives_fin(const void *opaque)
{
    const struct http_session *session = opaque;
    return http_session_owes(session) && !session->out.blocked && !http_session_is_in_body(session) &&
           !http_session_streams(session);
}

const struct session_ops http_session_ops = {
    .receive = receive,
    .end_of_input = end_of_input,
    .flush = flush,
    .go_on = go_on,
    .writable = writable,
    .complete = http_fates_complete,
    .stored = http_fates_stored,
    .submitted = http_fates_submitted,
    .page = http_fates_page,
    .tick = tick,
    .resume = resume,
    .give_way = give_way,
    .drain = drain,
    .owes = owes,
    .outlives_fin = outlives_fin,
    .close = close_session,
};
