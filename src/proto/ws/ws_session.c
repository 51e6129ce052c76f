/* Turns what a WebSocket's messages became into acknowledgements and a closing handshake, and watches its time. */
#include "proto/ws/ws_bounds.h"

#include <stdlib.h>

#define LINGER_NS (2 * NS_PER_SECOND)

void ws_session_want_flush(struct ws_session *session)
{
    if (!session->leaving) {
        session->transport->ops->want_flush(session->transport);
    }
}

static void want_close(struct ws_session *session)
{
    session->transport->ops->close(session->transport);
}

static void count_closed(struct ws_session *session, enum error error)
{
    metric_add_index(session->context->intake.cells, METRIC_WEBSOCKETS_CLOSED, error, 1);
}

/* Ending. */

static void lose_message(struct ws_session *session, enum error error)
{
    if (session->fragmented || session->partial) {
        pipeline_count_refusal(session->context->intake.io, PROTOCOL_WS, session->terms.stream, error);
    }
    session->counted = session->partial;
    session->fragmented = false;
    session->partial = false;
    buf_release(&session->message);
}

void ws_session_end(struct ws_session *session, enum error error, const char *detail)
{
    if (session->phase != WS_PHASE_OPEN) {
        return;
    }
    lose_message(session, error != OK ? error : ERROR_CONNECTION_CLOSED);
    session->phase = WS_PHASE_ENDING;
    session->held = false;
    session->in_line = false;
    session->end_error = error;
    session->end_detail = detail;
    ws_session_want_flush(session);
}

void ws_session_settle(struct ws_session *session)
{
    if (session->phase != WS_PHASE_SAID || outgoing_waiting(&session->out) != 0) {
        return;
    }
    if (session->client_closed || session->deaf) {
        session->phase = WS_PHASE_LINGER;
        session->transport->ops->finish(session->transport);
        session->deadline_ns = session->context->now_ns + LINGER_NS;
    } else if (session->deadline_ns == 0) {
        session->deadline_ns = session->context->now_ns + LINGER_NS;
    }
}

/* Writing. */

static void write_close(struct ws_session *session)
{
    const struct error_info *info = error_info(session->end_error);
    if (session->end_error == OK) {
        ws_frame_write_close(&session->out.bytes, session->end_code, SLICE(""));
    } else {
        const char *reason = session->end_detail != NULL ? session->end_detail : info->text;
        ws_frame_write_close(&session->out.bytes, (unsigned)info->close_code, slice_from_string(reason));
        count_closed(session, session->end_error);
    }
    session->phase = WS_PHASE_SAID;
}

static void write_acks(struct ws_session *session)
{
    struct buf *text = &session->context->text;
    enum error failed;
    if (ws_acks_take(&session->acks, text, &failed) && session->terms.acks) {
        session->out.bytes.failed |= text->failed;
        ws_frame_write(&session->out.bytes, WS_TEXT, buf_slice(text));
        metric_add(session->context->intake.cells, METRIC_WEBSOCKET_ACKS, 1);
    }
    if (failed != OK) {
        ws_session_end(session, failed, NULL);
        session->end_error = failed; /* whatever else was to end it later */
        session->end_detail = NULL;
        ws_acks_forget(&session->acks);
    }
}

/* What is due, into `out`. */
static void collect(struct ws_session *session)
{
    session->out.bytes.failed |= session->pongs.failed;
    buf_append_slice(&session->out.bytes, buf_slice(&session->pongs));
    buf_clear(&session->pongs);
    if (session->ping_owed) {
        ws_frame_write(&session->out.bytes, WS_PING, SLICE(""));
    }
    session->pongs_owed = 0;
    session->ping_owed = false;
    write_acks(session);
    if (session->phase == WS_PHASE_ENDING && !ws_session_owes_ack(session)) {
        write_close(session);
    }
}

/* False: the connection is lost. */
static bool write_out(struct ws_session *session)
{
    uint64_t before = session->out.taken;
    session->blocked_ns = session->context->now_ns;
    if (!outgoing_write(&session->out, session->transport)) {
        return false;
    }
    ws_bounds_write(session, session->out.taken != before);
    return true;
}

/* Nothing is put behind what the socket has not taken. */
static void flush(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->phase >= WS_PHASE_LINGER) {
        return;
    }
    if (session->phase <= WS_PHASE_ENDING && !session->out.blocked) {
        collect(session);
    }
    if (!session->out.blocked && !write_out(session)) {
        want_close(session);
        return;
    }
    ws_session_settle(session);
    ws_receive_advance(session);
}

static void go_on(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->in_line) {
        session->in_line = false;
        session->share.granted = true;
        ws_receive_advance(session);
    }
}

static void writable(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->out.blocked && !write_out(session)) {
        want_close(session);
    } else if (!session->out.blocked) {
        flush(session);
    }
}

/* Reading. */

static void receive(void *opaque, struct slice bytes)
{
    struct ws_session *session = opaque;
    session->received_ns = session->context->now_ns;
    session->pinged = false;
    if (session->phase >= WS_PHASE_LINGER || session->client_closed || session->deaf) {
        return;
    }
    buf_consume(&session->in, session->at);
    session->at = 0;
    if (!buf_reserve(&session->in, bytes.len + JSON_PADDING)) {
        session->deaf = true; /* where the next frame begins is not known any more */
        ws_session_end(session, ERROR_OUT_OF_MEMORY, NULL);
        return;
    }
    buf_append_slice(&session->in, bytes);
    ws_bounds_receive(session, bytes.len);
    ws_receive_advance(session);
}

static void end_of_input(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->phase != WS_PHASE_CLOSED) {
        want_close(session);
    }
}

static void complete(void *opaque, const struct ticket *ticket)
{
    struct ws_session *session = opaque;
    if (session->phase == WS_PHASE_CLOSED || ticket->token.generation != session->token.generation) {
        return;
    }
    ws_acks_complete(&session->acks, ticket);
    if (ticket->error != OK) {
        ws_session_end(session, ticket->error, NULL);
    }
    ws_session_want_flush(session);
}

static void stored(void *opaque, struct token token)
{
    (void)opaque, (void)token; /* no message waits for the store */
}

static void submitted(void *opaque, struct large_payload *large)
{
    struct ws_session *session = opaque;
    if (session->phase != WS_PHASE_CLOSED) {
        ws_receive_submitted(session, large);
    }
}

static void page(void *opaque, struct token token, struct page_reply *reply)
{
    (void)opaque, (void)token; /* no message asks for a page */
    buf_release(&reply->body);
}

/* Time. */

/* Without a sign of life, or without room for our bytes: there is nobody to say anything to. */
static void give_up(struct ws_session *session)
{
    if (session->phase <= WS_PHASE_ENDING) {
        count_closed(session, ERROR_TIMEOUT);
    }
    want_close(session);
}

static void tick_life(struct ws_session *session, int64_t now_ns)
{
    const struct websocket_options *options = session->context->websocket;
    if (!session->reading) {
        session->received_ns = now_ns;
        session->pinged = false;
    } else if (session->pinged && now_ns - session->pinged_ns >= options->pong_timeout_ns) {
        if (!session->transport->ops->has_input(session->transport)) { /* a pong among it, or another sign of life */
            give_up(session);
        }
    } else if (!session->pinged && now_ns - session->received_ns >= options->ping_interval_ns) {
        session->pinged = true;
        session->pinged_ns = now_ns;
        session->ping_owed = true;
        ws_session_want_flush(session);
    }
}

static void tick_open(struct ws_session *session, int64_t now_ns)
{
    const struct websocket_options *options = session->context->websocket;
    if (session->held) {
        ws_receive_advance(session);
    }
    if (session->held && session->full != OK && now_ns - session->full_since_ns >= options->full_timeout_ns) {
        session->partial = true; /* it is whole, but waited in vain */
        ws_session_end(session, session->full, NULL);
    } else if (ws_bounds_has_waited_for_room(session)) {
        ws_session_end(session, ERROR_RECEIVING_FULL, NULL);
    } else if (session->message_begun && (now_ns - session->message_since_ns >= options->message_timeout_ns ||
                                          ws_bounds_sends_too_slowly(session))) {
        ws_session_end(session, ERROR_TIMEOUT, NULL);
    } else {
        tick_life(session, now_ns);
    }
}

static void tick(void *opaque)
{
    struct ws_session *session = opaque;
    int64_t now_ns = session->context->now_ns;
    if (session->phase == WS_PHASE_CLOSED) {
        return;
    }
    if (session->out.blocked) {
        if (ws_bounds_takes_too_slowly(session)) {
            give_up(session);
        }
    } else if (session->phase == WS_PHASE_OPEN) {
        tick_open(session, now_ns);
    } else if (session->phase >= WS_PHASE_SAID && now_ns >= session->deadline_ns) {
        if (session->phase == WS_PHASE_SAID) {
            session->transport->ops->finish(session->transport);
        }
        want_close(session);
    }
    ws_bounds_shed(session);
}

/* Begin and end. */

static void drain(void *opaque)
{
    ws_session_end(opaque, ERROR_DRAINING, NULL);
}

static bool owes(const void *opaque)
{
    const struct ws_session *session = opaque;
    bool closing = session->phase == WS_PHASE_ENDING || session->phase == WS_PHASE_SAID;
    bool owed =
        session->phase == WS_PHASE_OPEN && (session->in_line || (session->terms.acks && ws_session_owes_ack(session)));
    return session->phase != WS_PHASE_CLOSED && (closing || owed || outgoing_waiting(&session->out) != 0);
}

static bool outlives_fin(const void *opaque)
{
    (void)opaque; /* who sends FIN without a close frame has left */
    return false;
}

static void close_session(void *opaque)
{
    struct ws_session *session = opaque;
    if (session->phase == WS_PHASE_CLOSED) {
        return;
    }
    if (session->phase <= WS_PHASE_ENDING) {
        ws_receive_leave(session);
    }
    session->phase = WS_PHASE_CLOSED;
    metric_add(session->context->intake.cells, METRIC_WEBSOCKETS, -1);
    ws_bounds_leave(session);
    ws_acks_release(&session->acks);
    buf_release(&session->in);
    buf_release(&session->message);
    buf_release(&session->out.bytes);
    buf_release(&session->pongs);
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
    .resume = ws_bounds_resume,
    .give_way = ws_bounds_give_way,
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
    session->received_ns = context->now_ns;
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
