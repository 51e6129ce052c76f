/* Turns the bytes of a WebSocket into frames, frames into messages, and messages into submissions. */
#include "proto/ws/ws_receive.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "base/utf8.h"
#include "config/options/websocket_options.h"
#include "event/ticket.h"
#include "pipeline/json/json.h"
#include "pipeline/pipeline.h"
#include "proto/front/transport.h"
#include "proto/front/turn.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/io_context.h"
#include "proto/route/event_route.h"
#include "proto/ws/ws_acks.h"
#include "proto/ws/ws_ending.h"
#include "proto/ws/ws_frame.h"
#include "proto/ws/ws_input.h"
#include "proto/ws/ws_message.h"
#include "proto/ws/ws_pings.h"
#include "proto/ws/ws_session_private.h"

#define CODE_EMPTY 1005 /* what ws_close_parse calls a close frame without a code */

static enum ws_received breaks(struct ws_end *why, enum error error, const char *detail)
{
    *why = (struct ws_end){ .error = error, .detail = detail };
    return WS_BREAKS;
}

/* Messages. */

/* Why the gateway takes no message of this connection now, or OK. One that has to wait for a limit looks again soon. One that waits for its stream's room alone looks again
 * at each tick: the others must not wait in line behind it. */
static enum error ask_for_room(struct ws_session *session, bool again)
{
    struct io_context *context = session->context;
    enum error error = context->gatekeeper->rates == NULL ? OK : ws_message_ask(context, &session->terms, again);
    if (error != OK) {
        session->transport->ops->want_later(session->transport);
        return error;
    }
    error = gatekeeper_admits(context->gatekeeper, NULL);
    if (error == OK) {
        error = gatekeeper_admits(context->gatekeeper, session->terms.stream);
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
    session->full = ask_for_room(session, before == ERROR_RATE_LIMITED);
    session->full_since_ns = before == OK ? context->now_ns : session->full_since_ns;
    return session->full == OK;
}

/* Losing. */

static void count_refusal(const struct ws_session *session, enum error error)
{
    pipeline_count_refusal(session->context->intake.io, PROTOCOL_WS, session->terms.stream, error);
    pipeline_count_key_refusal(session->context->intake.io, session->terms.key.counter, error);
}

/* The key of the connection. */

enum error ws_receive_ask_key(struct ws_session *session)
{
    const struct io_context *context = session->context;
    const struct access *access = context->gatekeeper->access;
    struct ws_terms *terms = &session->terms;
    if (!access_hold_must_ask(&terms->key, access, context->wall_ns)) {
        return OK;
    }
    const struct stream *stream = terms->route->shape.choice == NULL ? terms->stream : NULL;
    enum error error = access_hold_ask(&terms->key, access, stream, terms->route->open, context->wall_ns);
    if (error != OK) {
        metric_add_index(context->intake.cells, METRIC_KEY_REFUSALS, (size_t)error, 1);
    } else if (!terms->key.shown) {
        terms->request.key_name = SLICE(""); /* of a key that is none any more, where nobody needs one */
    }
    return error;
}

void ws_receive_refuse(struct ws_session *session, enum error error)
{
    count_refusal(session, error);
    ws_input_lose(&session->input);
}

/* Whole messages. */

/* Of a connection that is gone: no acknowledgement follows. */
static enum ws_received submit_unheard(struct ws_session *session, bool is_text, struct slice bytes, struct token token,
                                       struct ws_end *why)
{
    enum error full = ws_receive_ask_key(session);
    full = full != OK ? full : gatekeeper_admits(session->context->gatekeeper, session->terms.stream);
    if (full != OK) {
        count_refusal(session, full);
        return WS_TAKEN;
    }
    bool handed_on;
    enum error error = ws_message_submit(session->context, &session->terms, is_text, bytes, token, &handed_on);
    return error != OK ? breaks(why, error, NULL) : WS_TAKEN;
}

static void note_whole(struct ws_session *session)
{
    session->whole_ns = session->whole_ns == 0 ? session->context->now_ns : session->whole_ns;
}

static int64_t take_whole(struct ws_session *session)
{
    int64_t whole_ns = session->whole_ns == 0 ? session->context->now_ns : session->whole_ns;
    session->whole_ns = 0;
    return whole_ns;
}

/* Followed by JSON_PADDING readable bytes. */
static enum ws_received take_message(struct ws_session *session, bool is_text, struct slice bytes, struct ws_end *why)
{
    struct token token = session->token;
    token.sequence = session->acks.next;
    session->input.fragments = WS_NO_FRAGMENTS;
    session->input.begun_ns = WS_NOT_BEGUN;
    if (session->ending.phase == WS_PHASE_GONE) {
        return submit_unheard(session, is_text, bytes, token, why);
    }
    ASSERT(!session->awaits_submitted);
    enum error error = ws_receive_ask_key(session);
    if (error != OK) {
        count_refusal(session, error);
        return breaks(why, error, NULL);
    }
    bool handed_on;
    error = ws_message_submit(session->context, &session->terms, is_text, bytes, token, &handed_on);
    turn_served(&session->context->turn, &session->share);
    if (error != OK) {
        return breaks(why, error, NULL);
    }
    session->awaits_submitted = handed_on;
    if (handed_on) {
        note_whole(session);
        return WS_TAKEN;
    }
    const struct submission *submission = &session->context->intake.submission;
    return ws_acks_push(&session->acks, submission, take_whole(session)) ? WS_ANSWERED : WS_TAKEN;
}

enum ws_received ws_receive_submitted(struct ws_session *session, struct large_payload *large, struct ws_end *why)
{
    ASSERT(session->awaits_submitted);
    session->awaits_submitted = false;
    const struct submission *known;
    enum error error = ws_message_submitted(large, &known);
    if (error != OK) {
        return breaks(why, error, NULL);
    }
    ws_acks_push(&session->acks, known, take_whole(session));
    return WS_ANSWERED;
}

/* Text is judged as it comes: what is no UTF-8 ends the connection at the fragment where it shows (RFC 6455, 8.1). A
 * character that the next fragment goes on with is left to that. */
static bool is_text_so_far(struct ws_input *input)
{
    struct slice rest = slice_after(buf_slice(&input->message), input->text_length);
    rest.len -= utf8_unfinished(rest);
    input->text_length += rest.len;
    return json_is_utf8(rest);
}

static enum ws_received take_fragment(struct ws_session *session, const struct ws_frame *frame, struct slice payload,
                                      struct ws_end *why)
{
    struct ws_input *input = &session->input;
    if (input->fragments == WS_NO_FRAGMENTS) {
        input->fragments = frame->opcode == WS_TEXT ? WS_TEXT_FRAGMENTS : WS_BINARY_FRAGMENTS;
        input->text_length = 0;
    }
    bool is_text = input->fragments == WS_TEXT_FRAGMENTS;
    buf_append_slice(&input->message, payload);
    if (!buf_reserve(&input->message, JSON_PADDING)) {
        return breaks(why, ERROR_OUT_OF_MEMORY, NULL);
    }
    if (!frame->final) {
        return is_text && !is_text_so_far(input) ? breaks(why, ERROR_INVALID_UTF8, NULL) : WS_TAKEN;
    }
    enum ws_received received = take_message(session, is_text, buf_slice(&input->message), why);
    buf_clear(&input->message);
    return received;
}

/* Data frames. */

/* What can be said of one by its header. */
static enum error judge(const struct ws_session *session, const struct ws_frame *frame, const char **detail)
{
    bool continues = frame->opcode == WS_CONTINUATION;
    if (continues != (session->input.fragments != WS_NO_FRAGMENTS)) {
        *detail = continues ? "a continuation of no message" : "a message begins inside a fragmented one";
        return ERROR_BAD_FRAME;
    }
    /* The bound may have become smaller in the middle of a message. */
    uint64_t most = session->context->websocket->max_message_bytes, had = session->input.message.len;
    uint64_t room = had < most ? most - had : 0;
    return gatekeeper_weigh(frame->length, room, ERROR_MESSAGE_TOO_LARGE);
}

/* Is there room for the message that the frame ends, and is it its turn? Of a connection that is gone it is not asked. */
static bool may_end_message(struct ws_session *session, const struct ws_frame *frame)
{
    struct io_context *context = session->context;
    struct ws_input *input = &session->input;
    if (session->awaits_submitted || !has_room(session)) {
        if (!session->awaits_submitted) { /* whose time it is until then */
            note_whole(session);
        }
        ws_input_step(input, WS_LACKS_ROOM);
        return false;
    }
    bool is_text = frame->opcode == WS_TEXT || input->fragments == WS_TEXT_FRAGMENTS;
    size_t length = input->message.len + (size_t)frame->length;
    if (!turn_admits(&context->turn, &session->share, length, !is_text)) {
        note_whole(session);
        ws_input_step(input, WS_LACKS_TURN);
        session->transport->ops->want_turn(session->transport);
        return false;
    }
    return true;
}

static enum ws_received take_data(struct ws_session *session, const struct ws_frame *frame, struct ws_end *why)
{
    struct ws_input *input = &session->input;
    const char *detail = NULL;
    enum error error = judge(session, frame, &detail);
    if (error != OK) {
        if (error == ERROR_MESSAGE_TOO_LARGE) {
            input->next = WS_NEXT_PART; /* a stray continuation is of none */
        }
        return breaks(why, error, detail);
    }
    if (!ws_input_is_whole(input, frame)) {
        input->next = WS_NEXT_PART;
        return WS_NOTHING;
    }
    if (frame->final && session->ending.phase != WS_PHASE_GONE && !may_end_message(session, frame)) {
        return WS_NOTHING;
    }
    struct slice payload = ws_input_take(input, frame);
    if (input->fragments != WS_NO_FRAGMENTS || !frame->final) {
        return take_fragment(session, frame, payload, why);
    }
    return take_message(session, frame->opcode == WS_TEXT, payload, why);
}

/* Of a message that comes too late, and is counted where it begins. */
static enum ws_received drop_data(struct ws_session *session, const struct ws_frame *frame)
{
    if (frame->opcode != WS_CONTINUATION && session->input.next != WS_NEXT_LOST) {
        enum error why = session->ending.why.error;
        count_refusal(session, error_info(why)->fate == FATE_DROPPED ? why : ERROR_CONNECTION_CLOSED);
    }
    ws_input_drop(&session->input, frame);
    return WS_TAKEN;
}

/* Control frames. */

static enum ws_received take_close(struct ws_session *session, struct slice payload, struct ws_end *why)
{
    unsigned code;
    ws_input_step(&session->input, WS_HEARD_ALL);
    if (!ws_close_parse(payload, &code)) {
        return breaks(why, ERROR_BAD_FRAME, "the close frame is not valid");
    }
    *why = (struct ws_end){ .code = code == CODE_EMPTY ? 0 : code };
    return WS_CLIENT_CLOSES;
}

static enum ws_received take_control(struct ws_session *session, const struct ws_frame *frame, struct ws_end *why)
{
    struct ws_input *input = &session->input;
    if (!ws_input_is_whole(input, frame)) {
        return WS_NOTHING;
    }
    struct slice payload = ws_input_take(input, frame);
    if (input->fragments == WS_NO_FRAGMENTS) {
        input->begun_ns = WS_NOT_BEGUN;
    }
    if (frame->opcode == WS_CLOSE) {
        return take_close(session, payload, why);
    }
    if (frame->opcode == WS_PING) {
        ws_pings_owe_pong(&session->pings, payload);
        return WS_ANSWERED;
    }
    return WS_TAKEN;
}

/* Frames. */

static bool begins_message(uint8_t first)
{
    return (first & 0x0F) == WS_TEXT || (first & 0x0F) == WS_BINARY;
}

static enum ws_received await_header(struct ws_input *input)
{
    if (begins_message((uint8_t)ws_input_rest(input).data[0]) && input->next == WS_NEXT_UNKNOWN) {
        input->next = WS_NEXT_PART;
    }
    return WS_NOTHING;
}

enum ws_received ws_receive_frame(struct ws_session *session, struct ws_end *why)
{
    struct ws_input *input = &session->input;
    ws_input_pass(input);
    if (input->flow == WS_OVER) {
        ws_input_drop_all(input);
    }
    if (ws_input_is_all_taken(input)) {
        return WS_NOTHING;
    }
    struct ws_frame frame;
    const char *reason = NULL;
    switch (ws_frame_parse(ws_input_rest(input), &frame, &reason)) {
    case WS_PARTIAL: return await_header(input);
    case WS_BAD: ws_input_step(input, WS_HEARD_ALL); return breaks(why, ERROR_BAD_FRAME, reason);
    case WS_DONE: break;
    }
    if (ws_is_control(frame.opcode)) {
        return take_control(session, &frame, why);
    }
    return ws_phase_takes_messages(session->ending.phase) ? take_data(session, &frame, why)
                                                          : drop_data(session, &frame);
}
