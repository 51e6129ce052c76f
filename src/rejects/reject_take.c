/* Turns a refusal into a copy of all that a line says of it. */
#include "rejects/reject_take.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "event/request_fields.h"
#include "event/stream.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/pipeline.h"
#include "pipeline/validate/json_write.h"

#include <stdlib.h>

/* Of what clients say, some of which is as long as they like. */
#define LONGEST_TEXT 1024

static const char *const protocols[] = METRICS_PROTOCOLS;

/* Reasons that lie in the bytes. Of what was refused for who sent it, for where it was sent or how much, nothing is kept: nobody has
 * shown that he may send it, and to retry it would let it in. */
static const bool is_of_bytes[ERROR_COUNT] = {
    [ERROR_UNSUPPORTED_TYPE] = true, [ERROR_INVALID_UTF8] = true,      [ERROR_UNSUPPORTED_DATA] = true,
    [ERROR_BAD_COMPRESSION] = true,  [ERROR_UNKNOWN_STREAM] = true,    [ERROR_INVALID_JSON] = true,
    [ERROR_TOO_MANY_EVENTS] = true,  [ERROR_PAYLOAD_TOO_LARGE] = true, [ERROR_BATCH_REFUSED] = true,
    [ERROR_BAD_ARGUMENT] = true,     [ERROR_NOT_AN_OBJECT] = true,     [ERROR_MISSING_FIELD] = true,
    [ERROR_UNKNOWN_FIELD] = true,    [ERROR_WRONG_TYPE] = true,        [ERROR_OUT_OF_RANGE] = true,
    [ERROR_TOO_LONG] = true,         [ERROR_TOO_SHORT] = true,         [ERROR_NOT_ALLOWED] = true,
    [ERROR_INVALID_VALUE] = true,    [ERROR_TIME_TOO_OLD] = true,      [ERROR_TIME_TOO_NEW] = true,
    [ERROR_CONFLICTING_KEYS] = true, [ERROR_EVENT_TOO_LARGE] = true,   [ERROR_TOO_MANY_KEYS] = true,
    [ERROR_TOO_MANY_PATHS] = true,   [ERROR_TOO_DEEP] = true,          [ERROR_EMPTY_PAYLOAD] = true,
};

static bool has_secrets(const struct refused_input *input)
{
    return input->payload != NULL && input->payload->shape != NULL && input->payload->shape->secret;
}

/* Does another configuration make an event of it, sent as it came? What is no JSON stays that. */
static bool is_sendable(const struct refusal *refusal, const struct refused_input *input)
{
    const struct payload *payload = input->payload;
    bool shaped = payload != NULL && payload->shape != NULL;
    if (payload == NULL || payload->stream == NULL || !is_of_bytes[refusal->error]) {
        return false;
    }
    if (input->document != NULL) {
        return !shaped || !payload->shape->atomic; /* of an atomic one its payload is kept, too */
    }
    bool named = refusal->error == ERROR_UNKNOWN_STREAM && payload->pick_stream;
    return input->whole && !shaped && payload->values == NULL && (named || refusal->error == ERROR_TOO_MANY_EVENTS);
}

static enum reject_form form_of(const struct refused_input *input)
{
    if ((!input->whole && !input->alone) || input->payload == NULL) {
        return REJECT_ITEM;
    }
    switch (input->payload->form) {
    case PAYLOAD_ONE: return REJECT_ONE;
    case PAYLOAD_LINES: return REJECT_LINES;
    default: return REJECT_MANY;
    }
}

/* Puts a copy of the text at the end of the block; its place is told from the block's beginning, as that may move. */
static struct slice put(struct buf *block, struct slice text)
{
    struct slice copy = { NULL, text.len < LONGEST_TEXT ? text.len : LONGEST_TEXT };
    if (copy.len != 0) {
        copy.data = (const char *)(uintptr_t)block->len;
        buf_append(block, text.data, copy.len);
    }
    return copy;
}

static struct slice in_block(const struct buf *block, struct slice text)
{
    return text.len == 0 ? SLICE("") : slice_make(block->data + (uintptr_t)text.data, text.len);
}

static void put_request(struct reject *reject, struct buf *block, const struct payload *payload)
{
    const struct request_fields *request = payload->request;
    reject->received_ns = payload->received_wall_ns;
    reject->client_ip = put(block, payload->client_ip);
    reject->user_agent = put(block, payload->user_agent);
    if (request != NULL) {
        reject->host = put(block, request->host);
        reject->referer = put(block, request->referer);
        reject->accept_language = put(block, request->accept_language);
    }
}

/* The event's JSON, or its bytes; false: it is too large, and left out. */
static bool put_event(struct taken_reject *taken, struct buf *block, const struct refused_input *input)
{
    size_t from = block->len;
    if (input->document != NULL) {
        struct buf path = { 0 };
        struct json_extent extent;
        bool written = !json_is_larger(input->document, input->at, REJECT_MAX_EVENT) &&
                       json_write(input->document, input->at, false, block, &path, &extent) == OK;
        buf_release(&path);
        if (!written) {
            return false;
        }
    } else {
        uint64_t len = input->bytes.len < REJECT_MAX_EVENT ? input->bytes.len : REJECT_MAX_EVENT;
        taken->reject.bytes = len < input->bytes.len ? input->bytes.len : 0;
        buf_append(block, input->bytes.data, len);
    }
    taken->bytes = (struct slice){ (const char *)(uintptr_t)from, block->len - from };
    buf_append_fill(block, ' ', JSON_PADDING);
    return true;
}

static void settle(struct taken_reject *taken, const struct buf *block)
{
    struct slice *const texts[] = { &taken->reject.message,         &taken->reject.key,  &taken->reject.client_ip,
                                    &taken->reject.user_agent,      &taken->reject.host, &taken->reject.referer,
                                    &taken->reject.accept_language, &taken->bytes };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        *texts[i] = in_block(block, *texts[i]);
    }
    ASSERT(block->len >= sizeof *taken);
}

static void describe(struct taken_reject *taken, struct buf *block, const struct refusal *refusal,
                     const struct refused_input *input, struct slice message)
{
    bool whole = input->whole && input->events > 1;
    taken->stream = input->stream;
    taken->error = refusal->error;
    taken->protocol = refusal->protocol;
    taken->field = refusal->field;
    taken->weight = input->events;
    taken->read = input->document != NULL;
    taken->merged = input->merged;
    taken->sendable = is_sendable(refusal, input);
    taken->reject.stream = slice_from_string(input->stream != NULL ? input->stream->name : refusal->stream);
    taken->reject.protocol = slice_from_string(protocols[refusal->protocol]);
    taken->reject.code = slice_from_string(error_info(refusal->error)->code);
    taken->reject.field = slice_from_string(refusal->field);
    taken->reject.events = whole ? input->events : 0;
    taken->reject.form = form_of(input);
    taken->reject.picks = taken->reject.form != REJECT_ITEM && input->payload->pick_stream;
    taken->reject.sent_ns = input->sent_ns < 0 || input->alone ? 0 : input->sent_ns;
    taken->reject.message = put(block, message);
    taken->reject.key = put(block, input->key_name);
    if (input->payload != NULL) {
        put_request(&taken->reject, block, input->payload);
    }
    if (taken->reject.received_ns == 0) {
        taken->reject.received_ns = clock_wall_ns();
    }
    bool keeps = is_of_bytes[refusal->error] && !has_secrets(input) && put_event(taken, block, input);
    taken->sendable = taken->sendable && keeps;
}

struct taken_reject *reject_take(const struct refusal *refusal, const struct refused_input *input, struct slice message)
{
    struct buf block = { 0 };
    struct taken_reject taken = { 0 };
    if (!buf_reserve(&block, sizeof taken + 512)) {
        return NULL;
    }
    buf_append_fill(&block, 0, sizeof taken);
    describe(&taken, &block, refusal, input, message);
    if (block.failed) {
        buf_release(&block);
        return NULL;
    }
    settle(&taken, &block);
    taken.size = block.cap;
    memcpy(block.data, &taken, sizeof taken);
    return (struct taken_reject *)(void *)block.data;
}
