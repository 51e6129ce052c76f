/* Turns a whole WebSocket message into a submission to the pipeline. */
#include "proto/ws/ws_message.h"

#include "base/lz4.h"
#include "base/metrics/metrics.h"
#include "config/options/websocket_options.h"
#include "event/ticket.h"
#include "pipeline/json/json.h"
#include "pipeline/pipeline.h"
#include "proto/front/decode_fault.h"
#include "proto/front/large_payload.h"
#include "proto/gate/gatekeeper.h"
#include "proto/gate/toll.h"
#include "proto/http/http_upgrade.h"
#include "proto/http/io_context.h"
#include "proto/route/event_route.h"

#define SIZE_PREFIX 4

static bool looks_like_json(char first)
{
    return first != '\0' && strchr("{[ \t\r\n", first) != NULL;
}

/* What can be said of LZ4 by its first bytes: is it rather JSON, or nothing? */
static enum error judge_binary(struct slice payload, uint64_t max)
{
    if (payload.len <= SIZE_PREFIX) {
        return ERROR_UNSUPPORTED_DATA;
    }
    bool is_json = looks_like_json(payload.data[0]) && load_u32(payload.data) > max && !lz4_is_bare_block(payload);
    return is_json ? ERROR_UNSUPPORTED_DATA : OK;
}

static enum encoding packing(bool is_text)
{
    return is_text ? ENCODING_IDENTITY : ENCODING_LZ4;
}

static enum error unpack(struct io_context *context, bool is_text, struct slice *payload, bool *large)
{
    uint64_t max = context->websocket->max_decompressed_bytes;
    if (payload->len == 0) {
        return ERROR_EMPTY_PAYLOAD;
    }
    enum error error = is_text ? OK : judge_binary(*payload, max);
    if (is_text && !json_is_utf8(*payload)) {
        error = ERROR_INVALID_UTF8;
    }
    return error != OK ? error : io_context_unpack(context, packing(is_text), max, payload, large);
}

/* Refused whole, but the connection goes on: its acknowledgement says so. */
static bool is_told_in_ack(enum error error)
{
    return error == ERROR_EMPTY_PAYLOAD || error == ERROR_BAD_COMPRESSION;
}

static enum error refuse(struct io_context *context, const struct payload *payload, enum error error)
{
    pipeline_refuse(context->intake.io, payload, payload->stream, error);
    if (!is_told_in_ack(error)) {
        return error;
    }
    struct submission *submission = &context->intake.submission;
    buf_clear(&submission->detail);
    buf_clear(&submission->errors);
    buf_clear(&submission->refused);
    if (error == ERROR_BAD_COMPRESSION) {
        decode_describe_fault(ENCODING_LZ4, payload->bytes, &submission->detail);
    }
    submission->error = error;
    submission->pending = false;
    return OK;
}

/* What a submission says of the connection. */
static enum error judge(const struct submission *submission)
{
    return error_info(submission->error)->fate == FATE_DROPPED ? submission->error : OK;
}

static enum error hand_on(struct io_context *context, const struct payload *payload, bool is_text)
{
    const struct large_payload large = {
        .payload = *payload,
        .encoding = packing(is_text),
        .max_decompressed = context->websocket->max_decompressed_bytes,
        .blamed = payload->stream,
    };
    enum error error = io_context_hand_on(context, &large);
    if (error != OK) {
        pipeline_refuse(context->intake.io, payload, payload->stream, error);
    }
    return error;
}

static enum error submit(struct io_context *context, const struct ws_terms *terms, bool is_text, struct slice bytes,
                         struct token token, bool *handed_on)
{
    *handed_on = false;
    metric_add(context->intake.cells, METRIC_WEBSOCKET_MESSAGES, 1);
    metric_add_index(context->intake.cells, METRIC_RECEIVED_BYTES, PROTOCOL_WS, (int64_t)bytes.len);
    if (terms->key.counter != 0) {
        metric_add_index(context->intake.cells, METRIC_KEY_BYTES, terms->key.counter, (int64_t)bytes.len);
    }
    struct payload payload = {
        .stream = terms->stream,
        .bytes = bytes,
        .form = terms->route->form,
        .shape = terms->route->options != NULL ? &terms->route->shape : NULL,
        .protocol = PROTOCOL_WS,
        .token = token,
        .received_wall_ns = context->wall_ns,
        .client_ip = slice_make(terms->client_ip, terms->client_ip_length),
        .user_agent = buf_slice(&terms->user_agent),
        .request = &terms->request,
        .streams = terms->key.all_streams ? NULL : &terms->key.streams,
        .key = terms->key.counter,
    };
    enum error error = unpack(context, is_text, &payload.bytes, handed_on);
    if (error != OK) {
        return refuse(context, &payload, error);
    }
    if (*handed_on) {
        return hand_on(context, &payload, is_text);
    }
    pipeline_submit(context->intake.io, &payload, &context->intake.submission);
    return judge(&context->intake.submission);
}

static struct visitor visitor_of(const struct io_context *context, const struct ws_terms *terms)
{
    return toll_visitor(context->gatekeeper, &terms->address, terms->key.shown ? terms->key.hash : NULL,
                        context->wall_ns);
}

enum error ws_message_ask(const struct io_context *context, const struct ws_terms *terms, bool again)
{
    const struct visitor visitor = visitor_of(context, terms);
    const struct spending spending = { .requests = 1 };
    struct limit_state state;
    enum error error = limits_ask(context->gatekeeper->rates, &visitor, &spending, context->now_ns, &state);
    if (error != OK && !again) {
        limits_count_refusal(context->intake.cells, &state);
    }
    return error;
}

/* What goes to another thread is charged there, but for what is known here. */
static enum error RARE submit_and_pay(struct io_context *context, const struct ws_terms *terms, bool is_text,
                                      struct slice bytes, struct token token, bool *handed_on)
{
    const struct visitor visitor = visitor_of(context, terms);
    struct service service = service_begin(context->gatekeeper, context->turn.clock);
    struct spending spending = { .requests = 1, .bytes = bytes.len };
    context->visitor = &visitor;
    context->intake.submission.events = 0;
    enum error error = submit(context, terms, is_text, bytes, token, handed_on);
    context->visitor = NULL;
    if (!*handed_on || error != OK) {
        uint32_t events = context->intake.submission.events;
        spending.events = events != 0 ? events : 1;
    }
    service_end(service, &visitor, spending, context->now_ns, context->turn.clock);
    return error;
}

enum error ws_message_submit(struct io_context *context, const struct ws_terms *terms, bool is_text, struct slice bytes,
                             struct token token, bool *handed_on)
{
    return context->gatekeeper->rates == NULL ? submit(context, terms, is_text, bytes, token, handed_on)
                                              : submit_and_pay(context, terms, is_text, bytes, token, handed_on);
}

enum error ws_message_submitted(struct large_payload *large, const struct submission **known)
{
    *known = &large->submission;
    if (large->error == OK) {
        return judge(&large->submission);
    }
    large->submission.error = large->error;
    return is_told_in_ack(large->error) ? OK : large->error;
}
