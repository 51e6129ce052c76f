/* Turns any bytes into a request head and a chunked body, and holds the parser to its promises: a prefix of what it
 * takes is never refused, and no split changes a chunked body. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "http_cases.h"
#include "proto/http_syntax/http_chunked.h"

#define MAX_BODY 4096

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static enum http_verdict head_of(struct slice in, struct http_request *request)
{
    enum error error = OK;
    const char *reason = NULL;
    enum http_verdict verdict = http_parse_head(in, CASE_MAX_HEAD, request, &error, &reason);
    must((verdict == HTTP_BAD) == (error != OK) && (verdict == HTTP_BAD) == (reason != NULL));
    return verdict;
}

static bool within(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_head(struct slice in, size_t cut)
{
    struct http_request request, ignored;
    enum http_verdict verdict = head_of(in, &request);
    if (verdict == HTTP_DONE) {
        struct slice head = slice_make(in.data, request.head_length);
        must(request.head_length <= in.len && request.head_length <= CASE_MAX_HEAD);
        must(head_of(head, &ignored) == HTTP_DONE);
        must(head_of(slice_make(in.data, cut % request.head_length), &ignored) == HTTP_PARTIAL);
        must(within(request.query, head) && within(request.host, head) && within(request.user_agent, head));
        must(request.path.len > 0 && request.target.len > 0 && !(request.chunked && request.has_length));
    } else if (in.len != 0 && in.len <= CASE_MAX_HEAD) {
        enum http_verdict part = head_of(slice_make(in.data, cut % in.len), &ignored);
        must(part == HTTP_PARTIAL || (part == HTTP_BAD && verdict == HTTP_BAD));
    }
}

/* Feeds pieces of `piece` bytes. */
static enum http_verdict chunked_in_pieces(struct slice in, size_t piece, struct buf *body, size_t *total)
{
    struct http_chunked chunked = { 0 };
    enum http_verdict verdict = HTTP_PARTIAL;
    *total = 0;
    while (verdict == HTTP_PARTIAL && *total < in.len) {
        size_t used;
        enum error error = OK;
        struct slice rest = slice_after(in, *total);
        rest.len = rest.len < piece ? rest.len : piece;
        verdict = http_parse_chunked(&chunked, rest, MAX_BODY, body, &used, &error);
        must(used <= rest.len && (verdict != HTTP_PARTIAL || used == rest.len) && body->len <= MAX_BODY);
        *total += used;
    }
    return verdict;
}

static void check_chunked(struct slice in, size_t piece)
{
    struct buf whole = { 0 }, parts = { 0 };
    size_t whole_used, parts_used;
    enum http_verdict once = chunked_in_pieces(in, SIZE_MAX, &whole, &whole_used);
    enum http_verdict pieces = chunked_in_pieces(in, piece, &parts, &parts_used);
    must(once == pieces && whole_used == parts_used && slice_equal(buf_slice(&whole), buf_slice(&parts)));
    buf_release(&whole);
    buf_release(&parts);
}

static void take(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    size_t cut = size != 0 ? data[size - 1] : 0;
    check_head(in, cut);
    check_chunked(in, cut % 7 + 1);
    const void *body = size != 0 ? memmem(data, size, "\r\n\r\n", 4) : NULL;
    if (body != NULL) {
        size_t at = (size_t)((const uint8_t *)body - data) + 4;
        check_chunked(slice_after(in, at), cut % 7 + 1);
    }
}

COST_FUZZER(take, 400)
