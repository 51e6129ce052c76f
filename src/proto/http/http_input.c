/* Turns the bytes of an HTTP connection into the part of a request that is next. */
#include "proto/http/http_input.h"

#include "base/assert.h"
#include "pipeline/json/json.h"
#include "proto/http_syntax/http_parse.h"

bool http_input_receive(struct http_input *input, struct slice bytes)
{
    if (!buf_reserve(&input->bytes, bytes.len + JSON_PADDING)) {
        return false;
    }
    buf_append_slice(&input->bytes, bytes);
    return true;
}

void http_input_begin_body(struct http_input *input, const struct http_request *request, bool is_event)
{
    ASSERT(input->part == HTTP_AT_HEAD);
    input->part = request->chunked ? HTTP_IN_CHUNKS : HTTP_IN_BODY;
    input->head_length = request->head_length;
    input->body_length = request->length;
    input->is_event = is_event;
    input->chunk_state = (struct http_chunked){ 0 };
    buf_clear(&input->body);
}

void http_input_clear(struct http_input *input)
{
    input->at = 0;
    buf_clear(&input->bytes);
    buf_clear(&input->body);
    http_input_end_body(input);
}

void http_input_release(struct http_input *input)
{
    buf_release(&input->bytes);
    buf_release(&input->body);
}

void http_input_check(const struct http_input *input)
{
    ASSERT_AT_MOST(input->at, input->bytes.len);
    ASSERT(input->bytes.len == 0 || input->bytes.cap - input->bytes.len >= JSON_PADDING);
    ASSERT(input->part == HTTP_AT_HEAD || input->bytes.len - input->at >= input->head_length);
}
