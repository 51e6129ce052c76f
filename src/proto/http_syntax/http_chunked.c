/* Turns a chunked body, in any split, into its bytes (RFC 9112, 7.1). */
#include "proto/http_syntax/http_chunked.h"

#include "proto/http_syntax/http_chars.h"

/* A chunk's size with its extensions, and all trailers together: more than any honest client sends. */
#define MAX_SIZE_LINE 256
#define MAX_TRAILERS 4096

enum chunked_state {
    AT_SIZE, /* first digit */
    IN_SIZE,
    IN_EXTENSION,
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_TRAILER,
    IN_TRAILER_NAME,
    IN_TRAILER_VALUE,
    AT_TRAILER_LF,
    AT_END_LF,
    AT_END,
    IS_BAD,
};

static enum chunked_state on_size(struct http_chunked *chunked, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0 && chunked->left <= UINT64_MAX >> 4) {
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return IN_SIZE;
    }
    if (chunked->state == AT_SIZE || digit >= 0) {
        return IS_BAD;
    }
    return c == '\r' ? AT_SIZE_LF : c == ';' ? IN_EXTENSION : IS_BAD;
}

static bool is_text_char(char c)
{
    return http_is_text(slice_make(&c, 1));
}

static enum chunked_state on_trailer(struct http_chunked *chunked, char c)
{
    bool token = (http_char_classes[(uint8_t)c] & CHAR_TOKEN) != 0;
    switch ((enum chunked_state)chunked->state) {
    case AT_TRAILER: return c == '\r' ? AT_END_LF : token ? IN_TRAILER_NAME : IS_BAD;
    case IN_TRAILER_NAME: return c == ':' ? IN_TRAILER_VALUE : token ? IN_TRAILER_NAME : IS_BAD;
    case IN_TRAILER_VALUE: return c == '\r' ? AT_TRAILER_LF : is_text_char(c) ? IN_TRAILER_VALUE : IS_BAD;
    case AT_TRAILER_LF: return c == '\n' ? AT_TRAILER : IS_BAD;
    case AT_END_LF: return c == '\n' ? AT_END : IS_BAD;
    default: return IS_BAD;
    }
}

/* Where one byte leads that is not data. */
static enum chunked_state on_byte(struct http_chunked *chunked, char c)
{
    switch ((enum chunked_state)chunked->state) {
    case AT_SIZE:
    case IN_SIZE: return on_size(chunked, c);
    case IN_EXTENSION: return c == '\r' ? AT_SIZE_LF : is_text_char(c) ? IN_EXTENSION : IS_BAD;
    case AT_SIZE_LF: return c != '\n' ? IS_BAD : chunked->left == 0 ? AT_TRAILER : IN_DATA;
    case AT_DATA_CR: return c == '\r' ? AT_DATA_LF : IS_BAD;
    case AT_DATA_LF: return c == '\n' ? AT_SIZE : IS_BAD;
    default: return on_trailer(chunked, c);
    }
}

static bool is_in_size_line(int state)
{
    return state == AT_SIZE || state == IN_SIZE || state == IN_EXTENSION || state == AT_SIZE_LF;
}

/* Steps over a byte of framing; `line` counts what came since the last data. */
static bool step(struct http_chunked *chunked, char c)
{
    chunked->state = (int)on_byte(chunked, c);
    chunked->line = chunked->state == AT_SIZE || chunked->state == IN_DATA ? 0 : chunked->line + 1;
    size_t limit = is_in_size_line(chunked->state) ? MAX_SIZE_LINE : MAX_TRAILERS;
    return chunked->state != IS_BAD && chunked->line <= limit;
}

enum http_verdict http_parse_chunked(struct http_chunked *chunked, struct slice in, uint64_t max_body, struct buf *body,
                                     size_t *used, enum error *error)
{
    *used = 0;
    while (*used < in.len) {
        if (chunked->state == IN_DATA) {
            size_t here = in.len - *used < chunked->left ? in.len - *used : (size_t)chunked->left;
            buf_append(body, in.data + *used, here);
            if (body->failed) {
                *error = ERROR_OUT_OF_MEMORY;
                return HTTP_BAD;
            }
            *used += here;
            chunked->left -= here;
            chunked->state = chunked->left == 0 ? AT_DATA_CR : IN_DATA;
            continue;
        }
        if (!step(chunked, in.data[(*used)++])) {
            *error = ERROR_BAD_REQUEST;
            return HTTP_BAD;
        }
        if (chunked->state == IN_DATA && (body->len > max_body || chunked->left > max_body - body->len)) {
            *error = ERROR_BODY_TOO_LARGE;
            return HTTP_BAD;
        }
        if (chunked->state == AT_END) {
            return HTTP_DONE;
        }
    }
    return HTTP_PARTIAL;
}
