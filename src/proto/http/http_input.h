/* What comes in on an HTTP connection: the bytes that were received, and the part of a request that is next. */
#pragma once

#include "proto/http_syntax/http_chunked.h"

struct http_request;

enum http_part {
    HTTP_AT_HEAD,
    HTTP_IN_BODY,   /* body_length bytes, behind the head */
    HTTP_IN_CHUNKS, /* chunks; their data goes to `body`, their framing is dropped as it is read */
    HTTP_GATHERED   /* all of them are in `body`: it waits for its turn */
};

/* Invariants, of http_input_check: at <= bytes.len, and JSON_PADDING bytes of capacity stand behind bytes.len, so that a
 * body is parsed where it lies; but at HTTP_AT_HEAD the head of the request is here. Kept memory is reused. */
struct http_input {
    struct buf bytes;
    size_t at; /* the current request begins here */
    enum http_part part;

    /* Not HTTP_AT_HEAD: the request whose body is read; its head is at bytes[at], [at + head_length). */
    size_t head_length;
    uint64_t body_length;
    bool is_event; /* counted if it never becomes whole */
    struct http_chunked chunk_state;
    struct buf body;
};

static inline struct slice http_input_rest(const struct http_input *input)
{
    return slice_after(buf_slice(&input->bytes), input->at);
}

/* The bytes before `at` are done with. */
static inline void http_input_settle(struct http_input *input)
{
    buf_consume(&input->bytes, input->at);
    input->at = 0;
}

/* False: memory is short, and nothing was kept. */
MUST_CHECK bool http_input_receive(struct http_input *input, struct slice bytes);

/* The body of this request follows, and is not here yet. */
void http_input_begin_body(struct http_input *input, const struct http_request *request, bool is_event);

/* The body is done with, or will never be whole: a head is next. */
static inline void http_input_end_body(struct http_input *input)
{
    input->part = HTTP_AT_HEAD;
}

/* Forgets what is here; keeps its memory. */
void http_input_clear(struct http_input *input);
void http_input_release(struct http_input *input);

void http_input_check(const struct http_input *input);
