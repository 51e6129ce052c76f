/* Turns the bytes of a WebSocket into frames, frames into messages, and messages into submissions. */
#include "base/utf8.h"
#include "proto/ws/ws_bounds.h"
#include "proto/ws/ws_message.h"
#include "proto/ws/ws_session_private.h"

#define CODE_EMPTY 1005 /* what ws_close_parse calls a close frame without a code */

static struct slice input(const struct ws_session *session)
{
    return slice_after(buf_slice(&session->in), session->at);
}

/* Messages. */

/* Why the gateway takes no message of this connection now, or OK. One that waits for its stream's room alone looks again
 * at each tick: the others must not wait in line behind it. */
static enum error ask_to_enter(struct ws_session *session)
{
    struct io_context *context = session->context;
    enum error error = pipeline_admits(context->intake.pipeline);
    if (error == OK) {
        error = pipeline_admits_stream(context->intake.pipeline, session->terms.stream);
        if (error != OK || !context->room_is_awaited) {
            return error;
        }
        error = ERROR_QUEUE_FULL;
    }
    session->transport->ops->want_room(session->transport);
    return error;
}

/* Room for one more message in the connection's bounds, and in the gateway? */
static bool has_room(struct ws_session *session)
{
    const struct io_context *context = session->context;
    enum error before = session->full;
    session->full = OK;
    if (!ws_acks_make_room(&session->acks) || session->acks.events >= context->websocket->max_in_flight) {
        return false;
    }
    session->full = ask_to_enter(session);
    session->full_since_ns = before == OK ? context->now_ns : session->full_since_ns;
    return session->full == OK;
}

/* Of a connection that is gone: no acknowledgement follows. */
static void submit_unheard(struct ws_session *session, bool is_text, struct slice bytes, struct token token)
{
    const struct pipeline *pipeline = session->context->intake.pipeline;
    enum error full = pipeline_admits(pipeline);
    full = full != OK ? full : pipeline_admits_stream(pipeline, session->terms.stream);
    if (full != OK) {
        pipeline_count_refusal(session->context->intake.io, PROTOCOL_WS, session->terms.stream, full);
        return;
    }
    bool handed_on;
    enum error error = ws_message_submit(session->context, &session->terms, is_text, bytes, token, &handed_on);
    if (error != OK) {
        ws_session_end(session, error, NULL);
    }
}

/* A whole message, followed by JSON_PADDING readable bytes. */
static void take_message(struct ws_session *session, bool is_text, struct slice bytes)
{
    struct token token = session->token;
    token.sequence = session->acks.next;
    session->fragmented = false;
    session->message_begun = false;
    if (session->leaving) {
        submit_unheard(session, is_text, bytes, token);
        return;
    }
    bool handed_on;
    enum error error = ws_message_submit(session->context, &session->terms, is_text, bytes, token, &handed_on);
    turn_served(&session->context->turn, &session->share);
    if (error != OK) {
        ws_session_end(session, error, NULL);
    } else if (handed_on) {
        session->awaits_submitted = true;
    } else if (ws_acks_push(&session->acks, &session->context->intake.submission)) {
        ws_session_want_flush(session);
    }
}

void ws_receive_submitted(struct ws_session *session, struct large_payload *large)
{
    session->awaits_submitted = false;
    enum error error = ws_message_submitted(large);
    if (error != OK) {
        ws_session_end(session, error, NULL);
    } else {
        ws_acks_push(&session->acks, &large->submission);
    }
    ws_session_want_flush(session); /* goes on with what was held */
}

/* Text is judged as it comes: what is no UTF-8 ends the connection at the fragment where it shows (RFC 6455, 8.1). A
 * character that the next fragment goes on with is left to that. */
static bool is_text_so_far(struct ws_session *session)
{
    struct slice rest = slice_after(buf_slice(&session->message), session->text_length);
    rest.len -= utf8_unfinished(rest);
    session->text_length += rest.len;
    return json_is_utf8(rest);
}

static void take_fragment(struct ws_session *session, const struct ws_frame *frame, struct slice payload)
{
    if (!session->fragmented) {
        session->fragmented = true;
        session->is_text = frame->opcode == WS_TEXT;
        session->text_length = 0;
    }
    buf_append_slice(&session->message, payload);
    if (!buf_reserve(&session->message, JSON_PADDING)) {
        ws_session_end(session, ERROR_OUT_OF_MEMORY, NULL);
    } else if (!frame->final && session->is_text && !is_text_so_far(session)) {
        ws_session_end(session, ERROR_INVALID_UTF8, NULL);
    } else if (frame->final) {
        take_message(session, session->is_text, buf_slice(&session->message));
        buf_clear(&session->message);
    }
}

/* Frames. */

/* What can be said of a data frame by its header. */
static enum error judge(const struct ws_session *session, const struct ws_frame *frame, const char **detail)
{
    bool continues = frame->opcode == WS_CONTINUATION;
    if (continues != session->fragmented) {
        *detail = continues ? "a continuation of no message" : "a message begins inside a fragmented one";
        return ERROR_BAD_FRAME;
    }
    uint64_t room = session->context->websocket->max_message_bytes - session->message.len;
    return frame->length > room ? ERROR_MESSAGE_TOO_LARGE : OK;
}

/* The payload of the frame at `at`, unmasked in place; the next frame begins behind it. */
static struct slice take_payload(struct ws_session *session, const struct ws_frame *frame)
{
    char *payload = session->in.data + session->at + frame->header_length;
    ws_unmask(payload, (size_t)frame->length, frame->mask, 0);
    session->at += frame->header_length + (size_t)frame->length;
    return slice_make(payload, (size_t)frame->length);
}

static bool is_whole(const struct ws_session *session, const struct ws_frame *frame)
{
    return input(session).len - frame->header_length >= frame->length;
}

/* The message that the frame ends. False: it waits for its turn. */
static bool is_its_turn(struct ws_session *session, const struct ws_frame *frame)
{
    struct io_context *context = session->context;
    bool is_text = session->fragmented ? session->is_text : frame->opcode == WS_TEXT;
    size_t length = session->message.len + (size_t)frame->length;
    if (turn_admits(&context->turn, &session->share, length, !is_text)) {
        return true;
    }
    session->in_line = true;
    session->transport->ops->want_turn(session->transport);
    return false;
}

static bool take_data(struct ws_session *session, const struct ws_frame *frame)
{
    const char *detail = NULL;
    enum error error = judge(session, frame, &detail);
    if (error != OK) {
        session->partial = error != ERROR_BAD_FRAME; /* a message too large is one; a stray continuation is none */
        ws_session_end(session, error, detail);
        return true;
    }
    if (!is_whole(session, frame)) {
        session->partial = true;
        return false;
    }
    if (frame->final && !session->leaving && (session->awaits_submitted || !has_room(session))) {
        session->held = true;
        return false;
    }
    if (frame->final && !session->leaving && !is_its_turn(session, frame)) {
        return false;
    }
    struct slice payload = take_payload(session, frame);
    if (session->fragmented || !frame->final) {
        take_fragment(session, frame, payload);
    } else {
        take_message(session, frame->opcode == WS_TEXT, payload);
    }
    return true;
}

static void take_close(struct ws_session *session, struct slice payload)
{
    unsigned code;
    if (!ws_close_parse(payload, &code)) {
        session->deaf = true;
        ws_session_end(session, ERROR_BAD_FRAME, "the close frame is not valid");
        return;
    }
    session->client_closed = true;
    if (session->phase == WS_PHASE_OPEN) {
        session->end_code = code == CODE_EMPTY ? 0 : code;
        ws_session_end(session, OK, NULL);
    }
    ws_session_settle(session);
}

static void owe_pong(struct ws_session *session, struct slice payload)
{
    if (session->pongs_owed == WS_PONGS_MAX) {
        session->pongs.len = session->last_pong;
    } else {
        session->pongs_owed++;
    }
    session->last_pong = session->pongs.len;
    ws_frame_write(&session->pongs, WS_PONG, payload);
    ws_session_want_flush(session);
}

static bool take_control(struct ws_session *session, const struct ws_frame *frame)
{
    if (!is_whole(session, frame)) {
        return false;
    }
    struct slice payload = take_payload(session, frame);
    session->message_begun = session->message_begun && session->fragmented;
    if (frame->opcode == WS_CLOSE) {
        take_close(session, payload);
    } else if (frame->opcode == WS_PING) {
        owe_pong(session, payload);
    }
    return true;
}

/* Of a message that comes too late, and is counted where it begins. */
static bool drop_data(struct ws_session *session, const struct ws_frame *frame)
{
    if (frame->opcode != WS_CONTINUATION && !session->counted) {
        bool ours = error_info(session->end_error)->fate == FATE_DROPPED;
        pipeline_count_refusal(session->context->intake.io, PROTOCOL_WS, session->terms.stream,
                               ours ? session->end_error : ERROR_CONNECTION_CLOSED);
    }
    session->counted = false;
    session->at += frame->header_length;
    session->skip = frame->length;
    return true;
}

static bool drop_all(struct ws_session *session)
{
    session->at = session->in.len;
    return false;
}

static bool begins_message(uint8_t first)
{
    return (first & 0x0F) == WS_TEXT || (first & 0x0F) == WS_BINARY;
}

/* False: nothing more can be done with the bytes that are here. */
static bool take_frame(struct ws_session *session)
{
    size_t rest = session->in.len - session->at;
    size_t skipped = session->skip < rest ? (size_t)session->skip : rest;
    session->skip -= skipped;
    session->at += skipped;
    session->partial = false;
    if (session->client_closed || session->deaf) {
        return drop_all(session);
    }
    if (session->at == session->in.len) {
        return false;
    }
    struct slice bytes = input(session);
    struct ws_frame frame;
    const char *reason = NULL;
    switch (ws_frame_parse(bytes, &frame, &reason)) {
    case WS_PARTIAL: session->partial = begins_message((uint8_t)bytes.data[0]); return false;
    case WS_BAD:
        session->deaf = true;
        ws_session_end(session, ERROR_BAD_FRAME, reason);
        return drop_all(session);
    case WS_DONE: break;
    }
    if (ws_is_control(frame.opcode)) {
        return take_control(session, &frame);
    }
    return session->phase == WS_PHASE_OPEN ? take_data(session, &frame) : drop_data(session, &frame);
}

/* Flow. */

static void time_message(struct ws_session *session)
{
    bool waits = session->phase == WS_PHASE_OPEN && !session->held && !session->in_line && !session->received.stopped &&
                 !session->out.blocked;
    bool begun = waits && (session->fragmented || session->at < session->in.len);
    if (begun && !session->message_begun) {
        session->message_since_ns = session->context->now_ns;
    }
    session->message_begun = begun;
}

static void set_reading(struct ws_session *session)
{
    bool on = session->phase != WS_PHASE_OPEN ||
              (!session->held && !session->in_line && !session->received.stopped && !session->out.blocked);
    if (session->reading != on) {
        session->reading = on;
        session->received_ns = session->context->now_ns;
        session->transport->ops->set_reading(session->transport, on);
    }
}

void ws_receive_advance(struct ws_session *session)
{
    session->held = false;
    while ((session->phase != WS_PHASE_OPEN || (!session->out.blocked && !session->in_line)) && take_frame(session)) {
    }
    if (session->at == session->in.len) {
        buf_clear(&session->in);
        session->at = 0;
    }
    ws_bounds_settle(session);
    time_message(session);
    set_reading(session);
}

void ws_receive_leave(struct ws_session *session)
{
    session->leaving = true;
    while (take_frame(session)) {
    }
    ws_session_end(session, ERROR_CONNECTION_CLOSED, NULL); /* counts what is not whole */
}
