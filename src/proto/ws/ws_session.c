/* Turns what a WebSocket's messages became into acknowledgements and a closing handshake, and watches its time. */
#include "config/options/websocket_options.h"
#include "proto/front/page_reply.h"
#include "proto/front/transport.h"
#include "proto/http/io_context.h"
#include "proto/ws/ws_bounds.h"
#include "proto/ws/ws_progress.h"
#include "proto/ws/ws_receive.h"
#include "proto/ws/ws_write.h"

#include <stdlib.h>

static void want_flush(struct ws_session *session)
{
    session->transport->ops->want_flush(session->transport);
}

static void want_close(struct ws_session *session)
{
    session->transport->ops->close(session->transport);
}

/* Writing. */

/* What is due, into `out`. */
static void collect(struct ws_session *session)
{
    ws_pings_write(&session->pings, &session->out.bytes);
    enum error failed = ws_write_acks(session);
    if (failed != OK) {
        ws_progress_end(session, failed);
        session->ending.why = (struct ws_end){ .error = failed }; /* whatever else was to end it later */
    }
    if (session->ending.phase == WS_PHASE_ENDING && !ws_session_owes_ack(session)) {
        ws_write_close(session);
    }
}

/* Nothing is put behind what the socket has not taken. */
static void flush(void *opaque)
{
    struct ws_session *session = opaque;
    if (ws_phase_is_over(session->ending.phase)) {
        return;
    }
    if (ws_phase_writes(session->ending.phase) && !session->out.blocked) {
        collect(session);
    }
    if (!session->out.blocked && !ws_write_out(session)) {
        want_close(session);
        return;
    }
    ws_progress_settle(session);
    ws_progress_advance(session);
}

static void go_on(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->input.flow == WS_IN_LINE) {
        ws_input_step(&session->input, WS_HAS_TURN);
        session->share.granted = true;
        ws_progress_advance(session);
    }
}

static void writable(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->out.blocked && !ws_write_out(session)) {
        want_close(session);
    } else if (!session->out.blocked) {
        flush(session);
    }
}

/* Reading. */

/* What was received cannot be kept, and so where the next frame begins is not known any more. What is here is counted. */
static void lack_memory(struct ws_session *session)
{
    ws_progress_end(session, ERROR_OUT_OF_MEMORY);
    ws_progress_advance(session);
    ws_input_step(&session->input, WS_HEARD_ALL);
}

static void receive(void *opaque, struct slice bytes)
{
    struct ws_session *session = opaque;
    ws_life_hear(&session->life, session->context->now_ns);
    if (ws_phase_is_over(session->ending.phase) || session->input.flow == WS_OVER) {
        return;
    }
    if (!ws_input_receive(&session->input, bytes)) {
        lack_memory(session);
        return;
    }
    ws_bounds_receive(session);
    ws_progress_advance(session);
}

static void end_of_input(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->ending.phase != WS_PHASE_CLOSED) {
        want_close(session);
    }
}

static void complete(void *opaque, const struct ticket *ticket)
{
    struct ws_session *session = opaque;
    if (session->ending.phase == WS_PHASE_CLOSED || ticket->token.generation != session->token.generation) {
        return;
    }
    ws_acks_complete(&session->acks, ticket);
    if (ticket->error != OK) {
        ws_progress_end(session, ticket->error);
    }
    want_flush(session);
}

static void stored(void *opaque, struct token token)
{
    (void)opaque, (void)token; /* no message waits for the store */
}

static void submitted(void *opaque, struct token token, struct large_payload *large)
{
    (void)token;
    struct ws_session *session = opaque;
    if (session->ending.phase != WS_PHASE_CLOSED) {
        ws_progress_submitted(session, large);
    }
}

static void page(void *opaque, struct token token, struct page_reply *reply)
{
    (void)opaque, (void)token; /* no message asks for a page */
    page_reply_release(reply);
}

/* Time. */

/* Without a sign of life, or without room for our bytes: there is nobody to say anything to. */
static void give_up(struct ws_session *session)
{
    if (ws_phase_writes(session->ending.phase)) {
        ws_write_count_closed(session, ERROR_TIMEOUT);
    }
    want_close(session);
}

static void tick_life(struct ws_session *session)
{
    const struct websocket_options *options = session->context->websocket;
    switch (ws_life_tick(&session->life, session->reading, session->context->now_ns, options->ping_interval_ns,
                         options->pong_timeout_ns)) {
    case WS_LIFE_GOES_ON: break;
    case WS_LIFE_ASKS:
        session->pings.ping = true;
        want_flush(session);
        break;
    case WS_LIFE_SILENT:
        if (!session->transport->ops->has_input(session->transport)) { /* a pong among it, or another sign of life */
            give_up(session);
        }
    }
}

static void tick_open(struct ws_session *session)
{
    enum error error = ws_receive_ask_key(session);
    if (error != OK) {
        ws_progress_end(session, error);
        return;
    }
    if (session->input.flow == WS_HELD) {
        ws_progress_advance(session);
    }
    if (ws_bounds_has_waited_in_vain(session)) {
        ws_receive_refuse(session, session->full);
        ws_progress_end(session, session->full);
    } else if (ws_bounds_has_waited_for_room(session)) {
        ws_progress_end(session, ERROR_RECEIVING_FULL);
    } else if (ws_bounds_is_too_late(session)) {
        ws_progress_end(session, ERROR_TIMEOUT);
    } else {
        tick_life(session);
    }
}

static void tick(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->ending.phase == WS_PHASE_CLOSED) {
        return;
    }
    if (session->out.blocked) {
        if (ws_bounds_takes_too_slowly(session)) {
            give_up(session);
        }
    } else if (session->ending.phase == WS_PHASE_OPEN) {
        tick_open(session);
    } else if (ws_ending_is_due(&session->ending, session->context->now_ns)) {
        if (session->ending.phase == WS_PHASE_SAID) {
            session->transport->ops->finish(session->transport);
        }
        want_close(session);
    }
    ws_bounds_shed(session);
}

/* Others need the room. */

static void resume(void *opaque)
{
    ws_progress_advance(opaque);
}

/* A message that is on its way is lost, one that is whole and was held back, too. */
static void lose_input(struct ws_session *session)
{
    if (session->input.flow == WS_HELD) {
        ws_receive_refuse(session, ERROR_RECEIVING_FULL);
    }
    ws_progress_end(session, ERROR_RECEIVING_FULL);
    ws_progress_advance(session);
    if (session->input.bytes.len == 0) {
        buf_release(&session->input.bytes);
    }
}

static void give_way(void *opaque, enum error why)
{
    struct ws_session *session = opaque;
    if (why == ERROR_RECEIVING_FULL) {
        lose_input(session);
    } else {
        ws_write_count_closed(session, ERROR_REPLYING_FULL);
        ws_bounds_lose_replies(session);
        want_close(session);
    }
    ws_bounds_settle(session);
}

/* Begin and end. */

static void drain(void *opaque)
{
    ws_progress_end(opaque, ERROR_DRAINING);
}

static bool owes(const void *opaque)
{
    const struct ws_session *session = opaque;
    bool owed = session->ending.phase == WS_PHASE_OPEN &&
                (session->input.flow == WS_IN_LINE || (session->terms.acks && ws_session_owes_ack(session)));
    return session->ending.phase != WS_PHASE_CLOSED &&
           (ws_phase_owes_close(session->ending.phase) || owed || outgoing_waiting(&session->out) != 0);
}

static bool outlives_fin(const void *opaque)
{
    (void)opaque; /* who sends FIN without a close frame has left */
    return false;
}

static void close_session(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->ending.phase == WS_PHASE_CLOSED) {
        return;
    }
    bool counted = !ws_phase_writes(session->ending.phase); /* what came behind its close frame is nothing to count */
    ws_ending_step(&session->ending, WS_STEP_LOSE);
    if (!counted) {
        ws_progress_leave(session);
    }
    ws_ending_step(&session->ending, WS_STEP_CLOSE);
    metric_add(session->context->intake.cells, METRIC_WEBSOCKETS, -1);
    ws_bounds_leave(session);
    ws_acks_release(&session->acks);
    ws_input_release(&session->input);
    buf_release(&session->out.bytes);
    buf_release(&session->pings.pongs);
    ws_terms_release(&session->terms);
}

const struct session_ops ws_session_ops = {
    .receive = receive,
    .end_of_input = end_of_input,
    .flush = flush,
    .go_on = go_on,
    .writable = writable,
    .complete = complete,
    .stored = stored,
    .submitted = submitted,
    .page = page,
    .tick = tick,
    .resume = resume,
    .give_way = give_way,
    .drain = drain,
    .owes = owes,
    .outlives_fin = outlives_fin,
    .close = close_session,
};

struct ws_session *ws_session_new(struct io_context *context, struct transport *transport, struct token token,
                                  struct ws_terms *terms)
{
    struct ws_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        ws_terms_release(terms);
        return NULL;
    }
    session->context = context;
    session->transport = transport;
    session->token = token;
    session->terms = *terms;
    session->reading = true;
    ws_input_init(&session->input);
    ws_life_restart(&session->life, context->now_ns);
    ws_acks_init(&session->acks);
    metric_add(context->intake.cells, METRIC_WEBSOCKETS, 1);
    metric_add(context->intake.cells, METRIC_WEBSOCKETS_OPENED, 1);
    if (context->draining) {
        drain(session);
    }
    return session;
}

void ws_session_free(struct ws_session *session)
{
    free(session);
}
