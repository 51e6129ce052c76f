/* Turns the bytes of a WebSocket into the frame that is next. */
#include "proto/ws/ws_input.h"

#include "base/assert.h"
#include "pipeline/json/json.h"

#define CANNOT_BE WS_FLOWS_COUNT

enum ws_flow ws_flow_after(enum ws_flow flow, enum ws_flow_event event)
{
    /* clang-format off */
    static const enum ws_flow next[WS_FLOWS_COUNT][WS_FLOW_EVENTS] = {
        /*               LACKS_ROOM LACKS_TURN  ASKS_AGAIN  HAS_TURN  WAITS_NO_MORE HEARD_ALL */
        [WS_FLOWS]   = { WS_HELD,   WS_IN_LINE, WS_FLOWS,   WS_FLOWS, WS_FLOWS,  WS_OVER },
        [WS_HELD]    = { CANNOT_BE, CANNOT_BE,  WS_FLOWS,   WS_HELD,  WS_FLOWS,  WS_OVER },
        [WS_IN_LINE] = { CANNOT_BE, CANNOT_BE,  WS_IN_LINE, WS_FLOWS, WS_FLOWS,  WS_OVER },
        [WS_OVER]    = { CANNOT_BE, CANNOT_BE,  WS_OVER,    WS_OVER,  WS_OVER,   WS_OVER },
    };
    /* clang-format on */
    enum ws_flow after = next[flow][event];
    ASSERT(after != CANNOT_BE);
    return after;
}

void ws_input_init(struct ws_input *input)
{
    *input = (struct ws_input){ .begun_ns = WS_NOT_BEGUN };
}

void ws_input_release(struct ws_input *input)
{
    buf_release(&input->bytes);
    buf_release(&input->message);
    input->at = 0;
}

bool ws_input_receive(struct ws_input *input, struct slice bytes)
{
    buf_consume(&input->bytes, input->at);
    input->at = 0;
    if (!buf_reserve(&input->bytes, bytes.len + JSON_PADDING)) {
        return false;
    }
    buf_append_slice(&input->bytes, bytes);
    input->received += bytes.len;
    return true;
}

struct slice ws_input_take(struct ws_input *input, const struct ws_frame *frame)
{
    ASSERT(ws_input_is_whole(input, frame));
    char *payload = input->bytes.data + input->at + frame->header_length;
    ws_unmask(payload, (size_t)frame->length, frame->mask, 0);
    input->at += frame->header_length + (size_t)frame->length;
    return slice_make(payload, (size_t)frame->length);
}

void ws_input_drop(struct ws_input *input, const struct ws_frame *frame)
{
    input->next = WS_NEXT_UNKNOWN;
    input->at += frame->header_length;
    input->skip = frame->length;
}

void ws_input_drop_all(struct ws_input *input)
{
    input->at = input->bytes.len;
}

void ws_input_pass(struct ws_input *input)
{
    size_t rest = input->bytes.len - input->at;
    size_t skipped = input->skip < rest ? (size_t)input->skip : rest;
    input->skip -= skipped;
    input->at += skipped;
    if (input->next == WS_NEXT_PART) {
        input->next = WS_NEXT_UNKNOWN;
    }
}

void ws_input_lose(struct ws_input *input)
{
    bool is_of_next = input->next == WS_NEXT_PART || ws_input_waits(input);
    input->next = is_of_next ? WS_NEXT_LOST : WS_NEXT_UNKNOWN;
    input->fragments = WS_NO_FRAGMENTS;
    buf_release(&input->message);
}

void ws_input_settle(struct ws_input *input)
{
    if (ws_input_is_all_taken(input)) {
        buf_clear(&input->bytes);
        input->at = 0;
    }
    ws_input_check(input);
}

void ws_input_time(struct ws_input *input, bool waited_for, int64_t now_ns)
{
    if (!waited_for || !ws_input_has_message(input)) {
        input->begun_ns = WS_NOT_BEGUN;
    } else if (!ws_input_has_begun(input)) {
        input->begun_ns = now_ns;
    }
}

void ws_input_check(const struct ws_input *input)
{
    ASSERT_AT_MOST(input->at, input->bytes.len);
    ASSERT(input->bytes.len == 0 || input->bytes.cap - input->bytes.len >= JSON_PADDING);
    ASSERT(!ws_input_waits(input) || !ws_input_is_all_taken(input));
    ASSERT(input->fragments != WS_NO_FRAGMENTS || input->message.len == 0);
}
