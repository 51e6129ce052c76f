/* Turns raw requests into verdicts, whole and cut at every byte, in front of a page that must not be touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "http_cases.h"
#include "proto/http_syntax/http_chars.h"
#include "proto/http_syntax/http_chunked.h"

#define FENCE_ROOM 65536

static char *fence; /* the first byte that faults when touched */

static int set_up(void **state)
{
    (void)state;
    char *pages = mmap(NULL, FENCE_ROOM + (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return -1;
    }
    fence = pages + FENCE_ROOM;
    return mprotect(fence, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE);
}

/* The bytes again, ending right before the fence. */
static struct slice fenced(struct slice s)
{
    assert_true(s.len <= FENCE_ROOM);
    if (s.len != 0) {
        memcpy(fence - s.len, s.data, s.len);
    }
    return slice_make(fence - s.len, s.len);
}

static enum error last_error;
static const char *last_reason;

static enum http_verdict parse(struct slice in, struct http_request *request)
{
    last_error = OK;
    last_reason = NULL;
    return http_parse_head(in, CASE_MAX_HEAD, request, &last_error, &last_reason);
}

static struct http_request parsed(const char *text)
{
    struct http_request request;
    assert_int_equal(parse(slice_from_string(text), &request), HTTP_DONE);
    return request;
}

#define assert_slice(actual, expected) assert_true(slice_equal((actual), slice_from_string(expected)))

static void every_case_of_the_table_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
        int status = http_case_status(fenced(http_cases[i].raw));
        if (status != http_cases[i].status) {
            fail_msg("%s: %d instead of %d", http_cases[i].name, status, http_cases[i].status);
        }
    }
}

static void every_prefix_of_a_head_is_partial(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
        struct http_request request;
        struct slice raw = http_cases[i].raw;
        if (parse(raw, &request) != HTTP_DONE) {
            continue;
        }
        for (size_t cut = 0; cut < request.head_length; cut++) {
            struct http_request ignored;
            if (parse(fenced(slice_make(raw.data, cut)), &ignored) != HTTP_PARTIAL) {
                fail_msg("%s, cut at %zu: %s", http_cases[i].name, cut, last_reason);
            }
        }
        struct slice head = fenced(slice_make(raw.data, request.head_length));
        assert_int_equal(parse(head, &request), HTTP_DONE);
        assert_int_equal(request.head_length, head.len);
    }
}

static void a_prefix_of_a_bad_head_is_never_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
        struct http_request request;
        struct slice raw = http_cases[i].raw;
        if (parse(raw, &request) != HTTP_BAD) {
            continue;
        }
        for (size_t cut = 0; cut < raw.len; cut++) {
            if (parse(fenced(slice_make(raw.data, cut)), &request) == HTTP_DONE) {
                fail_msg("%s, cut at %zu: done", http_cases[i].name, cut);
            }
        }
    }
}

static void of_many_forwarded_fields_the_last_are_kept(void **state)
{
    (void)state;
    struct http_request r = parsed("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\n"
                                   "X-Forwarded-For: 3\r\nX-Forwarded-For: 4\r\nX-Forwarded-For: 5\r\n"
                                   "X-Forwarded-For: 6\r\n\r\n");
    assert_int_equal(r.forwarded_for_count, HTTP_FORWARDED_FIELDS);
    assert_slice(r.forwarded_for[0], "3");
    assert_slice(r.forwarded_for[HTTP_FORWARDED_FIELDS - 1], "6");
}

static void the_parts_of_a_request_are_found(void **state)
{
    (void)state;
    struct http_request r = parsed("POST /events/bulk?stream=s&ids=0 HTTP/1.1\r\nHost: example.org:8080\r\n"
                                   "User-Agent: curl/8\r\nOrigin: https://o\r\nContent-Type: application/json\r\n"
                                   "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\n"
                                   "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: a, b\r\n"
                                   "Content-Length: 12\r\nConnection: x , close\r\n\r\n");
    assert_int_equal(r.method, HTTP_POST);
    assert_slice(r.method_name, "POST");
    assert_slice(r.target, "/events/bulk?stream=s&ids=0");
    assert_slice(r.path, "/events/bulk");
    assert_slice(r.query, "stream=s&ids=0");
    assert_slice(r.host, "example.org:8080");
    assert_slice(r.user_agent, "curl/8");
    assert_slice(r.origin, "https://o");
    assert_int_equal(r.forwarded_for_count, 2);
    assert_slice(r.forwarded_for[0], "1.1.1.1");
    assert_slice(r.forwarded_for[1], "2.2.2.2, 3.3.3.3");
    assert_slice(r.access_control_request_method, "POST");
    assert_slice(r.access_control_request_headers, "a, b");
    assert_int_equal(r.minor_version, 1);
    assert_int_equal(r.length, 12);
    assert_true(r.has_length && r.has_body && !r.keep_alive && !r.chunked && !r.expect_continue);
    assert_int_equal(r.content, CONTENT_OTHER);
    assert_int_equal(r.encoding, ENCODING_IDENTITY);
}

static void a_target_is_reduced_to_origin_form(void **state)
{
    (void)state;
    static const struct {
        const char *line, *target, *path, *query, *host;
    } cases[] = {
        { "GET / HTTP/1.1", "/", "/", "", "h" },
        { "GET /? HTTP/1.1", "/?", "/", "", "h" },
        { "GET /a?b?c HTTP/1.1", "/a?b?c", "/a", "b?c", "h" },
        { "GET http://o:1/a?b HTTP/1.1", "/a?b", "/a", "b", "o:1" },
        { "GET https://o HTTP/1.1", "/", "/", "", "o" },
        { "GET http://o?b HTTP/1.1", "?b", "/", "b", "o" },
        { "OPTIONS * HTTP/1.1", "*", "*", "", "h" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[256];
        snprintf(text, sizeof text, "%s\r\nHost: h\r\n\r\n", cases[i].line);
        struct http_request r = parsed(text);
        assert_slice(r.target, cases[i].target);
        assert_slice(r.path, cases[i].path);
        assert_slice(r.query, cases[i].query);
        assert_slice(r.host, cases[i].host);
    }
}

static void methods_are_told_apart_by_case(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } cases[] = {
        { "GET", HTTP_GET },       { "HEAD", HTTP_HEAD },       { "POST", HTTP_POST },   { "PUT", HTTP_PUT },
        { "DELETE", HTTP_DELETE }, { "OPTIONS", HTTP_OPTIONS }, { "PATCH", HTTP_PATCH }, { "get", HTTP_OTHER },
        { "GETS", HTTP_OTHER },    { "M-SEARCH", HTTP_OTHER },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char text[64];
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", cases[i].name);
        assert_int_equal(parsed(text).method, cases[i].method);
    }
}

/* The request with these field lines, which must be good. */
static struct http_request with_fields(int minor, const char *fields)
{
    static char text[1024]; /* the slices live on */
    snprintf(text, sizeof text, "POST / HTTP/1.%d\r\nHost: h\r\n%s\r\n", minor, fields);
    return parsed(text);
}

static void a_connection_lives_on_as_version_and_tokens_say(void **state)
{
    (void)state;
    static const struct {
        int minor;
        const char *fields;
        bool keep_alive;
    } cases[] = {
        { 1, "", true },
        { 0, "", false },
        { 1, "Connection: Close\r\n", false },
        { 0, "Connection: Keep-Alive\r\n", true },
        { 0, "Connection: keep-alive, close\r\n", false },
        { 1, "Connection: ,, keep-alive ,\r\nConnection: close\r\n", false },
        { 1, "Connection: closed\r\n", true },
        { 1, "Connection: not close\r\n", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(with_fields(cases[i].minor, cases[i].fields).keep_alive, cases[i].keep_alive);
    }
}

static void codings_and_types_are_known_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        enum encoding encoding;
        enum http_content content;
    } cases[] = {
        { "", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Encoding: \r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Encoding: identity\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Encoding: GZip\r\n", ENCODING_GZIP, CONTENT_OTHER },
        { "Content-Encoding: x-gzip\r\n", ENCODING_GZIP, CONTENT_OTHER },
        { "Content-Encoding: deflate\r\n", ENCODING_DEFLATE, CONTENT_OTHER },
        { "Content-Encoding: lz4\r\n", ENCODING_LZ4, CONTENT_OTHER },
        { "Content-Encoding: zstd\r\n", ENCODING_ZSTD, CONTENT_OTHER },
        { "Content-Encoding: br\r\n", ENCODING_OTHER, CONTENT_OTHER },
        { "Content-Encoding: gzip, gzip\r\n", ENCODING_OTHER, CONTENT_OTHER },
        { "Content-Encoding: identity, gzip\r\n", ENCODING_OTHER, CONTENT_OTHER },
        { "Content-Encoding: gzip\r\nContent-Encoding: zstd\r\n", ENCODING_OTHER, CONTENT_OTHER },
        { "Content-Type: application/x-ndjson\r\n", ENCODING_IDENTITY, CONTENT_NDJSON },
        { "Content-Type: Application/NDJSON ; charset=utf-8\r\n", ENCODING_IDENTITY, CONTENT_NDJSON },
        { "Content-Type: application/jsonl\r\n", ENCODING_IDENTITY, CONTENT_NDJSON },
        { "Content-Type: application/x-jsonlines\r\n", ENCODING_IDENTITY, CONTENT_NDJSON },
        { "Content-Type: application/x-ndjsonx\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/json\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/cloudevents-batch+json; charset=utf-8\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/json-seq\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: text/plain;charset=UTF-8\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/octet-stream\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/csp-report\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: */*\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type:\r\n", ENCODING_IDENTITY, CONTENT_OTHER },
        { "Content-Type: application/x-www-form-urlencoded\r\n", ENCODING_IDENTITY, CONTENT_FORM },
        { "Content-Type: multipart/form-data; boundary=x\r\n", ENCODING_IDENTITY, CONTENT_MULTIPART },
        { "Content-Type: Multipart/Mixed\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: image/png\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: text/csv\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: application/atom+XML\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: application/x-protobuf\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: application/msgpack\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
        { "Content-Type: application/gzip\r\n", ENCODING_IDENTITY, CONTENT_FOREIGN },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct http_request r = with_fields(1, cases[i].fields);
        assert_int_equal(r.encoding, cases[i].encoding);
        assert_int_equal(r.content, cases[i].content);
    }
}

static void expectations_are_met_only_in_http_1_1(void **state)
{
    (void)state;
    assert_true(with_fields(1, "Expect: 100-Continue\r\n").expect_continue);
    assert_false(with_fields(0, "Expect: 100-continue\r\n").expect_continue);
}

static void an_upgrade_needs_both_fields_and_http_1_1(void **state)
{
    (void)state;
    const char *fields = "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\n"
                         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p, q\r\n";
    struct http_request r = with_fields(1, fields);
    assert_true(r.upgrade_websocket);
    assert_slice(r.websocket_key, "k");
    assert_slice(r.websocket_version, "13");
    assert_slice(r.websocket_protocol, "p, q");
    assert_false(with_fields(0, fields).upgrade_websocket);
    assert_false(with_fields(1, "Upgrade: websocket\r\n").upgrade_websocket);
    assert_false(with_fields(1, "Connection: upgrade\r\nUpgrade: h2c\r\n").upgrade_websocket);
}

static void a_websocket_key_given_twice_is_refused(void **state)
{
    (void)state;
    struct http_request ignored;
    const char *text = "GET /ws HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n\r\n";
    assert_int_equal(parse(slice_from_string(text), &ignored), HTTP_BAD);
    assert_int_equal(last_error, ERROR_BAD_REQUEST);
    assert_string_equal(last_reason, "Sec-WebSocket-Key is given twice");
}

static void a_head_over_the_limit_is_refused_in_every_split(void **state)
{
    (void)state;
    static const char head[] = "GET /123456 HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\nGET";
    const size_t whole = sizeof head - 1 - 3;
    const size_t first_line = 22;
    for (size_t limit = 1; limit <= whole; limit++) {
        for (size_t len = 0; len <= sizeof head - 1; len++) {
            struct http_request request;
            enum error error = OK;
            const char *reason = NULL;
            struct slice in = fenced(slice_make(head, len));
            enum http_verdict verdict = http_parse_head(in, limit, &request, &error, &reason);
            enum http_verdict expected = limit == whole && len >= whole ? HTTP_DONE
                                         : len >= limit                 ? HTTP_BAD
                                                                        : HTTP_PARTIAL;
            assert_int_equal(verdict, expected);
            if (verdict == HTTP_BAD) {
                assert_int_equal(error, limit < first_line ? ERROR_URI_TOO_LONG : ERROR_HEADERS_TOO_LARGE);
                assert_non_null(reason);
            }
        }
    }
}

static void every_bad_head_has_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(http_cases); i++) {
        struct http_request request;
        if (parse(http_cases[i].raw, &request) == HTTP_BAD) {
            assert_non_null(last_reason);
            assert_int_not_equal(last_error, OK);
        }
    }
}

/* One by one in a long value, in a short one, and with tabs and bytes beyond ASCII around it. */
static void no_control_character_passes_in_a_value_of_any_length(void **state)
{
    (void)state;
    static const char fills[] = { 'a', '\t', '\x80', '\xff' };
    static const unsigned bytes[] = { 0, 8, '\t', '\n', '\r', 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xff };
    for (size_t i = 0; i < ARRAY_LENGTH(fills) * ARRAY_LENGTH(bytes); i++) {
        unsigned c = bytes[i / ARRAY_LENGTH(fills)];
        for (size_t length = 1; length < 70; length++) {
            for (size_t at = 0; at < length; at++) {
                char text[80];
                memset(text, fills[i % ARRAY_LENGTH(fills)], length);
                text[at] = (char)c;
                assert_int_equal(http_is_text(fenced(slice_make(text, length))), (c >= 0x20 && c != 0x7f) || c == '\t');
            }
        }
    }
}

/* In every position of every name that is known: what is no token is refused, what is another name is skipped. */
static void a_name_that_is_nearly_known_is_none(void **state)
{
    (void)state;
    static const char *const names[] = { "Host",
                                         "Origin",
                                         "Upgrade",
                                         "X-API-Key",
                                         "Connection",
                                         "Content-Type",
                                         "Authorization",
                                         "Content-Length",
                                         "X-Forwarded-For",
                                         "Transfer-Encoding",
                                         "Sec-WebSocket-Protocol",
                                         "Access-Control-Request-Headers" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        for (size_t at = 0; at < strlen(names[i]); at++) {
            for (unsigned c = 1; c < 256; c++) {
                char text[100], name[40];
                snprintf(name, sizeof name, "%s", names[i]);
                bool same = (c | 0x20) == ((unsigned)name[at] | 0x20) && (name[at] == '-' ? c == '-' : c >= 'A');
                name[at] = (char)c;
                int length = snprintf(text, sizeof text, "GET / HTTP/1.0\r\n%s: @\r\n\r\n", name);
                if (same || c == ':' || c == '\n') {
                    continue;
                }
                struct http_request request;
                bool token = (http_char_classes[c] & CHAR_TOKEN) != 0;
                enum http_verdict verdict = parse(fenced(slice_make(text, (size_t)length)), &request);
                assert_int_equal(verdict, token ? HTTP_DONE : HTTP_BAD);
                assert_true(request.authorization.len == 0 && request.api_key.len == 0 && !request.has_length);
            }
        }
    }
}

/* Any byte anywhere in a head must not break it: control characters are refused in every position of a value. */
static void no_control_character_passes_at_any_offset_of_a_value(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < 19; at++) {
            char text[] = "GET / HTTP/1.0\r\nX: 0123456789abcdef012\r\n\r\n";
            text[19 + at] = (char)c;
            struct http_request request;
            bool bad = (c < 0x20 && c != '\t') || c == 0x7f;
            enum http_verdict verdict = parse(fenced(slice_make(text, sizeof text - 1)), &request);
            assert_int_equal(verdict, bad ? HTTP_BAD : HTTP_DONE);
        }
    }
}

static const char chunked_text[] =
    "5;ext=\"x\"\r\nhello\r\n00A\r\n, chunked \r\n1\r\n!\r\n0\r\nX-Sum: 1 2\r\nY:\r\n\r\nGET /";
static const char chunked_body[] = "hello, chunked !";

static void a_chunked_body_is_the_same_in_any_two_splits(void **state)
{
    (void)state;
    const size_t whole = sizeof chunked_text - 1 - 5;
    for (size_t first = 0; first <= whole; first++) {
        for (size_t second = first; second <= whole; second++) {
            const size_t ends[] = { first, second, sizeof chunked_text - 1 };
            struct http_chunked chunked = { 0 };
            struct buf body = { 0 };
            size_t at = 0;
            for (size_t i = 0; i < 3 && at < whole; i++) {
                size_t used;
                enum error error;
                struct slice piece = fenced(slice_make(chunked_text + at, ends[i] - at));
                enum http_verdict verdict = http_parse_chunked(&chunked, piece, 16, &body, &used, &error);
                at += used;
                assert_int_equal(verdict, ends[i] >= whole ? HTTP_DONE : HTTP_PARTIAL);
            }
            assert_int_equal(at, whole);
            assert_slice(buf_slice(&body), chunked_body);
            buf_release(&body);
        }
    }
}

static enum error chunked_error(struct slice in, uint64_t max_body)
{
    struct http_chunked chunked = { 0 };
    struct buf body = { 0 };
    enum error error = OK;
    for (size_t at = 0; at < in.len; at++) {
        size_t used;
        if (http_parse_chunked(&chunked, slice_make(in.data + at, 1), max_body, &body, &used, &error) != HTTP_PARTIAL) {
            break;
        }
    }
    assert_true(body.len <= max_body);
    buf_release(&body);
    return error;
}

static void a_chunk_that_would_pass_the_limit_is_refused_by_its_size(void **state)
{
    (void)state;
    assert_int_equal(chunked_error(SLICE("4\r\nabcd\r\n0\r\n\r\n"), 4), OK);
    assert_int_equal(chunked_error(SLICE("5\r\n"), 4), ERROR_BODY_TOO_LARGE);
    assert_int_equal(chunked_error(SLICE("3\r\nabc\r\n2\r\n"), 4), ERROR_BODY_TOO_LARGE);
    assert_int_equal(chunked_error(SLICE("ffffffffffffffff\r\n"), 4), ERROR_BODY_TOO_LARGE);
    assert_int_equal(chunked_error(SLICE("10000000000000000\r\n"), 4), ERROR_BAD_REQUEST);
}

static void endless_extensions_and_trailers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *start, *repeat;
    } cases[] = { { "1;", "x" }, { "0", "0" }, { "0\r\n", "X: y\r\n" }, { "0\r\nX: ", "y" } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf text = { 0 };
        buf_append_string(&text, cases[i].start);
        while (text.len < 10000) {
            buf_append_string(&text, cases[i].repeat);
        }
        assert_int_equal(chunked_error(buf_slice(&text), 100), ERROR_BAD_REQUEST);
        buf_release(&text);
    }
}

static void a_body_that_finds_no_memory_says_so(void **state)
{
    (void)state;
    struct http_chunked chunked = { 0 };
    struct buf body = { .failed = true };
    size_t used;
    enum error error = OK;
    assert_int_equal(http_parse_chunked(&chunked, SLICE("1\r\nx"), 10, &body, &used, &error), HTTP_BAD);
    assert_int_equal(error, ERROR_OUT_OF_MEMORY);
}

static void every_field_of_a_head_can_be_found_again(void **state)
{
    (void)state;
    struct http_request request = parsed("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match:  \"x\", \"y\" \r\nEmpty:\r\n"
                                         "X-Two: 1\r\nx-two: 2\r\n\r\n");
    assert_slice(http_find_field(request.fields, SLICE("if-none-match")), "\"x\", \"y\"");
    assert_slice(http_find_field(request.fields, SLICE("x-two")), "1");
    assert_non_null(http_find_field(request.fields, SLICE("empty")).data);
    assert_int_equal(http_find_field(request.fields, SLICE("empty")).len, 0);
    assert_null(http_find_field(request.fields, SLICE("if-none")).data);
    size_t count = 0;
    struct slice rest = request.fields, name, value;
    while (http_next_field(&rest, &name, &value)) {
        count++;
    }
    assert_int_equal(count, 5);
}

static void a_head_without_fields_has_none_to_find(void **state)
{
    (void)state;
    struct http_request request = parsed("GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(request.fields.len, 0);
    assert_null(http_find_field(request.fields, SLICE("host")).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table_has_its_verdict),
        cmocka_unit_test(every_prefix_of_a_head_is_partial),
        cmocka_unit_test(a_prefix_of_a_bad_head_is_never_done),
        cmocka_unit_test(the_parts_of_a_request_are_found),
        cmocka_unit_test(of_many_forwarded_fields_the_last_are_kept),
        cmocka_unit_test(a_target_is_reduced_to_origin_form),
        cmocka_unit_test(every_field_of_a_head_can_be_found_again),
        cmocka_unit_test(a_head_without_fields_has_none_to_find),
        cmocka_unit_test(methods_are_told_apart_by_case),
        cmocka_unit_test(a_connection_lives_on_as_version_and_tokens_say),
        cmocka_unit_test(codings_and_types_are_known_by_name),
        cmocka_unit_test(expectations_are_met_only_in_http_1_1),
        cmocka_unit_test(an_upgrade_needs_both_fields_and_http_1_1),
        cmocka_unit_test(a_websocket_key_given_twice_is_refused),
        cmocka_unit_test(a_head_over_the_limit_is_refused_in_every_split),
        cmocka_unit_test(every_bad_head_has_a_reason),
        cmocka_unit_test(no_control_character_passes_in_a_value_of_any_length),
        cmocka_unit_test(a_name_that_is_nearly_known_is_none),
        cmocka_unit_test(no_control_character_passes_at_any_offset_of_a_value),
        cmocka_unit_test(a_chunked_body_is_the_same_in_any_two_splits),
        cmocka_unit_test(a_chunk_that_would_pass_the_limit_is_refused_by_its_size),
        cmocka_unit_test(endless_extensions_and_trailers_are_refused),
        cmocka_unit_test(a_body_that_finds_no_memory_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
