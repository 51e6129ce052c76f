#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "event/event_id.h"
#include "proto/front/http_method.h"
#include "proto/front/page.h"
#include "proto/http_syntax/http_reply.h"

static void replies_are_written_as_http_1_1(void **state)
{
    (void)state;
    static const struct {
        struct http_reply reply;
        const char *bytes;
    } rows[] = {
        { { .status = 202, .content_type = "application/json" },
          "HTTP/1.1 202 Accepted\r\nD\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nhi" },
        { { .status = 200, .content_type = "text/plain", .head_only = true },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n" },
        { { .status = 204, .allow = METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_OPTIONS) },
          "HTTP/1.1 204 No Content\r\nD\r\nAllow: POST, OPTIONS\r\n\r\n" },
        { { .status = 503, .close = true },
          "HTTP/1.1 503 Service Unavailable\r\nD\r\nContent-Length: 2\r\nRetry-After: 1\r\nConnection: "
          "close\r\n\r\nhi" },
        { { .status = 200, .keep_alive = { "K\r\n", 3 } }, "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nK\r\n\r\nhi" },
        { { .status = 200, .close = true, .keep_alive = { "K\r\n", 3 } },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi" },
        { { .status = 200, .origin = { "*", 1 } },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\n"
          "Access-Control-Expose-Headers: Retry-After, Allow, Date\r\n\r\nhi" },
        { { .status = 200, .origin = { "https://a.example", 17 }, .vary_origin = true },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: https://a.example\r\n"
          "Access-Control-Expose-Headers: Retry-After, Allow, Date\r\nVary: Origin\r\n\r\nhi" },
        { { .status = 200, .vary_origin = true },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nVary: Origin\r\n\r\nhi" },
        { { .status = 204, .origin = { "*", 1 }, .allow = METHOD_BIT(HTTP_POST), .preflight = true },
          "HTTP/1.1 204 No Content\r\nD\r\nAllow: POST\r\nAccess-Control-Allow-Origin: *\r\n"
          "Access-Control-Expose-Headers: Retry-After, Allow, Date\r\nAccess-Control-Allow-Methods: POST\r\n"
          "Access-Control-Allow-Headers: Content-Type, Content-Encoding, Authorization, X-API-Key\r\n"
          "Access-Control-Max-Age: 86400\r\n\r\n" },
        { { .status = 200, .cache_control = "max-age=60" },
          "HTTP/1.1 200 OK\r\nD\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n\r\nhi" },
        { { .status = 426 },
          "HTTP/1.1 426 Upgrade Required\r\nD\r\nContent-Length: 2\r\nUpgrade: websocket\r\n"
          "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\nhi" },
        { { .status = 299 }, "HTTP/1.1 299 Success\r\nD\r\nContent-Length: 2\r\n\r\nhi" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out = { 0 };
        http_reply_write(&out, &rows[i].reply, SLICE("D\r\n"), SLICE("hi"));
        assert_string_equal(buf_c_string(&out), rows[i].bytes);
        buf_release(&out);
    }
}

static void every_error_has_a_title_for_its_status(void **state)
{
    (void)state;
    for (int error = OK + 1; error < ERROR_COUNT; error++) {
        struct buf out = { 0 };
        http_reply_problem(&out, (enum error)error, SLICE(""), SLICE(""));
        assert_null(strstr(buf_c_string(&out), "\"title\":\"Error\""));
        buf_release(&out);
    }
}

static void problems_name_code_detail_and_errors(void **state)
{
    (void)state;
    struct buf out = { 0 };
    http_reply_problem(&out, ERROR_INVALID_JSON, SLICE("say \"x\""), SLICE("{},{}"));
    assert_string_equal(buf_c_string(&out),
                        "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"code\":\"invalid_json\","
                        "\"detail\":\"say \\\"x\\\"\",\"errors\":[{},{}]}\n");
    buf_release(&out);
}

static void the_date_is_in_the_format_of_rfc_9110(void **state)
{
    (void)state;
    char line[HTTP_DATE_LINE];
    size_t len = http_reply_date(line, INT64_C(784111777) * NS_PER_SECOND);
    assert_true(slice_equal(slice_make(line, len), SLICE("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")));
}

static void clients_are_told_a_shorter_time_out_than_there_is(void **state)
{
    (void)state;
    static const struct {
        int64_t idle_timeout_ms;
        const char *lines;
    } rows[] = {
        { 75000, "Connection: keep-alive\r\nKeep-Alive: timeout=70\r\n" },
        { 86400000, "Connection: keep-alive\r\nKeep-Alive: timeout=86395\r\n" },
        { 8000, "Connection: keep-alive\r\nKeep-Alive: timeout=6\r\n" },
        { 2500, "Connection: keep-alive\r\nKeep-Alive: timeout=1\r\n" },
        { 2000, "Connection: keep-alive\r\nKeep-Alive: timeout=1\r\n" },
        { 1999, "Connection: keep-alive\r\n" },
        { 100, "Connection: keep-alive\r\n" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char lines[HTTP_KEEP_ALIVE_LINES];
        size_t len = http_reply_keep_alive(lines, rows[i].idle_timeout_ms * NS_PER_MS);
        assert_true(slice_equal(slice_make(lines, len), slice_from_string(rows[i].lines)));
    }
}

static void many_lists_an_id_or_null_per_event(void **state)
{
    (void)state;
    struct event_id ids[2] = { { { 0 } }, { { 0xab, 0xcd } } };
    struct buf lists = { 0 }, out = { 0 };
    http_reply_lists(&lists, slice_make(ids, sizeof ids), false, SLICE("{\"index\":0}"));
    http_reply_many(&out, (struct http_counts){ 1, 0, 1 }, buf_slice(&lists));
    assert_string_equal(buf_c_string(&out), "{\"accepted\":1,\"duplicate\":0,\"rejected\":1,\"ids\":[null,"
                                            "\"abcd0000-0000-0000-0000-000000000000\"],\"errors\":[{\"index\":0}]}\n");
    buf_release(&lists);
    buf_release(&out);
}

static void replies_say_which_events_have_no_stable_id(void **state)
{
    (void)state;
    struct event_id made_up = { { 1, 2, 3, 4, 5, 6, 0x70, 8 } };
    struct event_id stable = { { 1, 2, 3, 4, 5, 6, 0x80, 8 } };
    struct event_id ids[4] = { made_up, stable, { { 0 } }, made_up };
    struct buf out = { 0 };
    http_reply_one(&out, &made_up, "stored", false);
    http_reply_one(&out, &stable, "stored", false);
    http_reply_one(&out, &ids[2], "stored", false);
    assert_string_equal(buf_c_string(&out),
                        "{\"id\":\"01020304-0506-7008-0000-000000000000\",\"status\":\"stored\",\"stable_id\":false}\n"
                        "{\"id\":\"01020304-0506-8008-0000-000000000000\",\"status\":\"stored\"}\n"
                        "{\"status\":\"stored\"}\n");
    buf_clear(&out);
    http_reply_lists(&out, slice_make(ids, sizeof ids), false, SLICE(""));
    assert_non_null(strstr(buf_c_string(&out), "\"],\"without_stable_id\":2,\"errors\":[]"));
    buf_clear(&out);
    http_reply_lists(&out, slice_make(ids + 1, 2 * sizeof *ids), false, SLICE(""));
    assert_null(strstr(buf_c_string(&out), "stable_id"));
    buf_clear(&out); /* a client may make such ids as well */
    http_reply_one(&out, &made_up, "stored", true);
    http_reply_lists(&out, slice_make(ids, sizeof ids), true, SLICE(""));
    assert_null(strstr(buf_c_string(&out), "stable_id"));
    buf_release(&out);
}

static void the_status_of_many_follows_from_the_counts(void **state)
{
    (void)state;
    assert_int_equal(http_reply_many_status((struct http_counts){ 1, 5, 9 }, false), 202);
    assert_int_equal(http_reply_many_status((struct http_counts){ 1, 5, 9 }, true), 200);
    assert_int_equal(http_reply_many_status((struct http_counts){ 0, 5, 9 }, false), 200);
    assert_int_equal(http_reply_many_status((struct http_counts){ 0, 0, 9 }, false), 400);
}

static void no_value_makes_a_header_line_of_its_own(void **state)
{
    (void)state;
    struct page_reply reply = { 0 };
    page_header(&reply, "Location", SLICE("/a\r\nSet-Cookie: b=c"));
    page_header(&reply, "ETag", SLICE("\"x\""));
    page_header(&reply, "X-Null", slice_make("a\0b", 3));
    assert_true(slice_equal(buf_slice(&reply.headers), SLICE("Location: /a\r\nETag: \"x\"\r\nX-Null: a\r\n")));
    assert_true(http_reply_are_lines(buf_slice(&reply.headers)));
    page_reply_release(&reply);
}

static void what_is_no_header_line_is_told_from_it(void **state)
{
    (void)state;
    assert_true(http_reply_are_lines(SLICE("")));
    static const char *const bad[] = {
        "\r\n", "a: b", "a: b\n", "a: b\r\n\r\n", "a b: c\r\n", ": c\r\n", "a: b\rc\r\n"
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        assert_false(http_reply_are_lines(slice_from_string(bad[i])));
    }
}

static void not_modified_has_headers_but_no_body(void **state)
{
    (void)state;
    struct buf out = { 0 };
    struct http_reply reply = { .status = 304, .headers = SLICE("ETag: \"x\"\r\n") };
    http_reply_write(&out, &reply, SLICE(""), SLICE("body"));
    assert_true(slice_equal(buf_slice(&out), SLICE("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n")));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_written_as_http_1_1),
        cmocka_unit_test(no_value_makes_a_header_line_of_its_own),
        cmocka_unit_test(what_is_no_header_line_is_told_from_it),
        cmocka_unit_test(not_modified_has_headers_but_no_body),
        cmocka_unit_test(every_error_has_a_title_for_its_status),
        cmocka_unit_test(problems_name_code_detail_and_errors),
        cmocka_unit_test(the_date_is_in_the_format_of_rfc_9110),
        cmocka_unit_test(clients_are_told_a_shorter_time_out_than_there_is),
        cmocka_unit_test(many_lists_an_id_or_null_per_event),
        cmocka_unit_test(replies_say_which_events_have_no_stable_id),
        cmocka_unit_test(the_status_of_many_follows_from_the_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
