/* Turns the bytes that a connection has received into requests, one at a time. */
#include "proto/http/http_read.h"

#include "config/options/http_options.h"
#include "pipeline/json/json.h"
#include "proto/front/http_method.h"
#include "proto/front/kept.h"
#include "proto/front/transport.h"
#include "proto/gate/gatekeeper.h"
#include "proto/http/http_exchange.h"
#include "proto/http/http_input.h"
#include "proto/http/http_serve.h"
#include "proto/http/io_context.h"
#include "proto/http_syntax/http_parse.h"

static enum http_verdict parse(const struct http_exchange *exchange, struct slice bytes, struct http_request *request,
                               enum error *error, const char **reason)
{
    *error = OK;
    *reason = "";
    return http_parse_head(bytes, exchange->context->options->max_header_bytes, request, error, reason);
}

void http_read_refuse(struct http_input *input, struct http_exchange *exchange, bool is_event, enum error error)
{
    struct http_request unknown = { .method = HTTP_POST, .minor_version = 1 };
    struct http_destination to = { .is_event = is_event };
    http_input_end_body(input);
    exchange->context->key = NULL; /* the head is gone */
    http_serve_refusal(exchange, &unknown, &to, error, SLICE(""));
}

static void refuse_head(struct http_exchange *exchange, struct http_request *request, enum error error,
                        const char *reason)
{
    struct http_destination to = http_serve_find(exchange, request);
    to.allow = 0;
    http_serve_refusal(exchange, request, &to, error, slice_from_string(reason));
}

/* Serves a request that is whole, if it is its turn. */
static enum http_read serve_in_turn(struct http_input *input, struct http_exchange *exchange,
                                    const struct http_request *request, const struct http_destination *to,
                                    struct slice body)
{
    struct turn *turn = &exchange->context->turn;
    if (!turn_admits(turn, &exchange->share, body.len, request->encoding != ENCODING_IDENTITY)) {
        exchange->transport->ops->want_turn(exchange->transport);
        return HTTP_READ_LACKS_TURN;
    }
    http_input_end_body(input);
    enum http_outcome outcome = http_serve(exchange, request, to, body);
    exchange->toll.asked = false; /* the next request is another */
    turn_served(turn, &exchange->share);
    switch (outcome) {
    case HTTP_GOES_ON: break;
    case HTTP_IS_LAST: return HTTP_READ_LAST;
    case HTTP_UPGRADES: return HTTP_READ_UPGRADE;
    }
    return HTTP_READ_REQUEST;
}

/* The body is not here yet. */
static enum http_read await_body(struct http_input *input, struct http_exchange *exchange,
                                 const struct http_request *request, const struct http_destination *to)
{
    if (to->error != OK) {
        http_serve_refusal(exchange, request, to, to->error, to->detail);
        return HTTP_READ_LAST;
    }
    http_input_begin_body(input, request, to->is_event);
    bool expects = request->expect_continue && http_input_rest(input).len == request->head_length;
    return expects ? HTTP_READ_EXPECTATION : HTTP_READ_HEAD;
}

static enum http_read read_head(struct http_input *input, struct http_exchange *exchange)
{
    struct http_request request;
    enum error error;
    const char *reason;
    struct slice bytes = http_input_rest(input);
    switch (parse(exchange, bytes, &request, &error, &reason)) {
    case HTTP_PARTIAL: return HTTP_READ_NOTHING;
    case HTTP_BAD: refuse_head(exchange, &request, error, reason); return HTTP_READ_LAST;
    case HTTP_DONE: break;
    }
    struct http_destination to = http_serve_find(exchange, &request);
    bool waits = request.has_body && (request.chunked || bytes.len - request.head_length < request.length);
    if (waits && to.error == OK && kept_is_full(&exchange->context->receiving)) {
        to.error = ERROR_RECEIVING_FULL;
    }
    if (exchange->context->gatekeeper->rates != NULL) {
        http_serve_ask(exchange, &request, &to);
    }
    if (waits) {
        return await_body(input, exchange, &request, &to);
    }
    struct slice body = slice_make(bytes.data + request.head_length, request.length);
    enum http_read read = serve_in_turn(input, exchange, &request, &to, body);
    if (read != HTTP_READ_LACKS_TURN) {
        input->at += request.head_length + request.length;
    }
    return read;
}

/* The head was parsed before, and lies where it lay; its slices may have moved since. */
static enum http_read serve_with_body(struct http_input *input, struct http_exchange *exchange, struct slice body)
{
    struct http_request request;
    enum error error;
    const char *reason;
    if (parse(exchange, http_input_rest(input), &request, &error, &reason) != HTTP_DONE) {
        http_read_refuse(input, exchange, input->is_event, ERROR_INTERNAL);
        return HTTP_READ_LAST;
    }
    struct http_destination to = http_serve_find(exchange, &request);
    return serve_in_turn(input, exchange, &request, &to, body);
}

static void drop_framing(struct buf *bytes, size_t at, size_t length)
{
    memmove(bytes->data + at, bytes->data + at + length, bytes->len - at - length);
    bytes->len -= length;
}

/* Data goes to `body`, framing is dropped as it is read. */
static enum http_read read_chunks(struct http_input *input, struct http_exchange *exchange)
{
    size_t used = 0, framing = input->at + input->head_length;
    enum error error = OK;
    enum http_verdict verdict = HTTP_DONE;
    if (input->part == HTTP_IN_CHUNKS) {
        verdict = http_parse_chunked(&input->chunk_state, slice_after(buf_slice(&input->bytes), framing),
                                     exchange->context->options->max_body_bytes, &input->body, &used, &error);
    }
    if (verdict == HTTP_PARTIAL) {
        drop_framing(&input->bytes, framing, used);
        return HTTP_READ_NOTHING;
    }
    if (verdict == HTTP_DONE && !buf_reserve(&input->body, JSON_PADDING)) {
        verdict = HTTP_BAD;
        error = ERROR_OUT_OF_MEMORY;
    }
    if (verdict == HTTP_BAD) {
        http_read_refuse(input, exchange, input->is_event, error);
        return HTTP_READ_LAST;
    }
    enum http_read read = serve_with_body(input, exchange, buf_slice(&input->body));
    if (read == HTTP_READ_LACKS_TURN) {
        drop_framing(&input->bytes, framing, used);
        input->part = HTTP_GATHERED;
    } else {
        input->at = framing + used;
    }
    return read;
}

static enum http_read read_body(struct http_input *input, struct http_exchange *exchange)
{
    struct slice bytes = slice_after(http_input_rest(input), input->head_length);
    if (bytes.len < input->body_length) {
        return HTTP_READ_NOTHING;
    }
    enum http_read read = serve_with_body(input, exchange, slice_make(bytes.data, input->body_length));
    if (read != HTTP_READ_LACKS_TURN) {
        input->at += input->head_length + input->body_length;
    }
    return read;
}

enum http_read http_read_request(struct http_input *input, struct http_exchange *exchange)
{
    switch (input->part) {
    case HTTP_AT_HEAD: break;
    case HTTP_IN_BODY: return read_body(input, exchange);
    case HTTP_IN_CHUNKS:
    case HTTP_GATHERED: return read_chunks(input, exchange);
    }
    return read_head(input, exchange);
}
