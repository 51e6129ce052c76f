/* Chunked bodies (RFC 9112, 7.1). Pure but for the memory of the body. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "proto/http_syntax/http_verdict.h"

/* A chunked body, fed piece by piece in any split. Zeroed to begin with. */
struct http_chunked {
    int state;
    uint64_t left;
    size_t line;
};

/* Takes bytes from the front of `in`: appends data to `body` (empty at first, never above max_body), sets *used.
 * HTTP_DONE: the last chunk and the trailers were read; bytes behind *used belong to the next request. HTTP_BAD: *error
 * is ERROR_BAD_REQUEST or ERROR_BODY_TOO_LARGE or ERROR_OUT_OF_MEMORY. */
enum http_verdict http_parse_chunked(struct http_chunked *chunked, struct slice in, uint64_t max_body, struct buf *body,
                                     size_t *used, enum error *error);
