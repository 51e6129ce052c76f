/* What comes in on a WebSocket: the bytes that were received, the frame that is next, the message that is on its way.
 * Knows nothing of what messages hold. Pure but for its memory. */
#pragma once

#include "proto/ws/ws_frame.h"

/* Are frames taken? */
enum ws_flow {
    WS_FLOWS,   /* as they come */
    WS_HELD,    /* no: the next one ends a message for which there is no room; asked again whenever there may be */
    WS_IN_LINE, /* no: the next one ends a message that waits for its turn */
    WS_OVER,    /* no more: the client's close frame came, or its framing is broken. What follows is dropped */
    WS_FLOWS_COUNT
};

enum ws_flow_event {
    WS_LACKS_ROOM,
    WS_LACKS_TURN,
    WS_ASKS_AGAIN, /* there may be room */
    WS_HAS_TURN,
    WS_WAITS_NO_MORE, /* for room or a turn: it is dropped, or the connection is gone */
    WS_HEARD_ALL,
    WS_FLOW_EVENTS
};

/* What is known of the frame at `at`. */
enum ws_next {
    WS_NEXT_UNKNOWN, /* not here, of no message, or not looked at */
    WS_NEXT_PART,    /* of a message that cannot be taken: not whole, or too large */
    WS_NEXT_LOST,    /* of a message that is counted as lost */
};

/* The message of which frames were taken already, and which goes on in another. */
enum ws_fragments { WS_NO_FRAGMENTS, WS_TEXT_FRAGMENTS, WS_BINARY_FRAGMENTS };

#define WS_NOT_BEGUN INT64_MIN

/* Invariants, of ws_input_check:
 *   - at <= bytes.len, and JSON_PADDING bytes of capacity stand behind bytes.len, so that a message of one frame is parsed
 *     where it lies;
 *   - a frame that waits (WS_HELD, WS_IN_LINE) is here;
 *   - without fragments `message` is empty;
 *   - bytes.len is bounded by the largest message and the bytes of one receive, message.len by max_message_bytes. */
struct ws_input {
    enum ws_flow flow;
    enum ws_next next;
    enum ws_fragments fragments;
    struct buf bytes;
    size_t at;     /* the next frame begins here */
    uint64_t skip; /* bytes still to come of a payload that is dropped */
    struct buf message;
    size_t text_length; /* of the message, if it is text: so much of it is known to be UTF-8 */
    int64_t begun_ns;   /* since when the message that is not whole is on its way, or WS_NOT_BEGUN */
    uint64_t received;  /* bytes, in all */
};

/* Where an event leads. One that cannot be is a fault of ours. */
enum ws_flow ws_flow_after(enum ws_flow flow, enum ws_flow_event event);

static inline void ws_input_step(struct ws_input *input, enum ws_flow_event event)
{
    input->flow = ws_flow_after(input->flow, event);
}

/* The frame at `at` is whole, and its message waits. */
static inline bool ws_input_waits(const struct ws_input *input)
{
    return input->flow == WS_HELD || input->flow == WS_IN_LINE;
}

static inline bool ws_input_is_all_taken(const struct ws_input *input)
{
    return input->at == input->bytes.len;
}

/* A message has begun and is not whole, or waits. */
static inline bool ws_input_has_message(const struct ws_input *input)
{
    return input->fragments != WS_NO_FRAGMENTS || !ws_input_is_all_taken(input);
}

static inline bool ws_input_has_begun(const struct ws_input *input)
{
    return input->begun_ns != WS_NOT_BEGUN;
}

/* The bytes from the next frame on. */
static inline struct slice ws_input_rest(const struct ws_input *input)
{
    return slice_after(buf_slice(&input->bytes), input->at);
}

static inline bool ws_input_is_whole(const struct ws_input *input, const struct ws_frame *frame)
{
    return ws_input_rest(input).len - frame->header_length >= frame->length;
}

/* Nothing has come. */
void ws_input_init(struct ws_input *input);
void ws_input_release(struct ws_input *input);

/* False: memory is short, and nothing was kept. */
MUST_CHECK bool ws_input_receive(struct ws_input *input, struct slice bytes);

/* The payload of the next frame, which is whole, unmasked in place; the one behind it is next. */
struct slice ws_input_take(struct ws_input *input, const struct ws_frame *frame);

/* The payload of the next frame is dropped as it comes; the one behind it is next. */
void ws_input_drop(struct ws_input *input, const struct ws_frame *frame);

/* All that is here is dropped. */
void ws_input_drop_all(struct ws_input *input);

/* Steps over what is dropped of a payload. What was said of the next frame is forgotten, but for WS_NEXT_LOST. */
void ws_input_pass(struct ws_input *input);

/* The message is lost, and counted as that: so is what still comes of it. */
void ws_input_lose(struct ws_input *input);

/* As many frames were taken as can be. */
void ws_input_settle(struct ws_input *input);

/* A message that is on its way is timed from now, or not at all if it is not waited for. */
void ws_input_time(struct ws_input *input, bool waited_for, int64_t now_ns);

void ws_input_check(const struct ws_input *input);
