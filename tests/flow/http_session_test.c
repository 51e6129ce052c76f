/* A connection that speaks HTTP, without sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "http_wire.h"
#include "proto/front/page_reply.h"

static void answers_a_post_when_it_is_committed(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST);
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    assert_true(wrote(wire, "{\"id\":\"11111111-1111-1111-1111-111111111111\",\"status\":\"accepted\"}"));
    assert_false(wire->closed || wire->finished);
    wire_free(wire);
}

static void says_duplicate_with_200(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST);
    complete(wire, 0, 0, 1, OK);
    assert_string_equal(statuses(wire), "200");
    assert_true(wrote(wire, "\"status\":\"duplicate\""));
    wire_free(wire);
}

static void leaves_out_what_memory_was_too_short_to_tell(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD "Content-Length: 1\r\n\r\n~");
    complete(wire, 0, 1, 0, OK);
    send_text(wire, "POST /events/bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n~");
    complete(wire, 1, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 202");
    assert_true(wrote(wire, "\r\n\r\n{\"status\":\"accepted\"}"));
    assert_true(wrote(wire, "\r\n\r\n{\"accepted\":1,\"duplicate\":0,\"rejected\":0}"));
    wire_free(wire);
}

static void says_503_and_when_to_retry_if_the_group_failed(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST);
    complete(wire, 0, 0, 0, ERROR_JOURNAL_FAILED);
    assert_string_equal(statuses(wire), "503");
    assert_true(wrote(wire, "Retry-After: 1\r\n") && wrote(wire, "\"code\":\"journal_failed\""));
    wire_free(wire);
}

#define CHUNKED                                                                                                        \
    "POST /events/bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\nT: "       \
    "x\r\n\r\n"

static void takes_requests_in_any_split(void **state)
{
    (void)state;
    const char *script = POST CHUNKED GET_PING POST;
    size_t len = strlen(script);
    for (size_t split = 0; split <= len; split++) {
        struct wire *wire = wire_new();
        send_slice(wire, slice_make(script, split));
        send_slice(wire, slice_make(script + split, len - split));
        assert_int_equal(world.count, 3);
        for (size_t i = 3; i-- != 0;) {
            complete(wire, i, 1, 0, OK);
        }
        assert_string_equal(statuses(wire), "202 202 200 202");
        wire_free(wire);
    }
}

static void takes_requests_byte_by_byte(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    const char *script = CHUNKED POST;
    for (size_t i = 0; i < strlen(script); i++) {
        send_slice(wire, slice_make(script + i, 1));
        if (i + 1 == sizeof CHUNKED - 1) {
            assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("[1,2]")));
        }
    }
    assert_int_equal(world.count, 2);
    assert_true(slice_equal(buf_slice(&world.last_payload), SLICE("{\"a\":1}")));
    wire_free(wire);
}

static void answers_leave_in_the_order_of_their_requests_in_one_write(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST POST GET_PING POST);
    complete(wire, 2, 1, 0, OK);
    complete(wire, 1, 0, 1, OK);
    assert_int_equal(wire->writes, 0);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 200 200 202");
    assert_int_equal(wire->writes, 1);
    wire_free(wire);
}

static void stops_reading_when_too_many_answers_are_owed_and_goes_on_later(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct buf script = { 0 };
    for (int i = 0; i < 100; i++) {
        buf_append_string(&script, POST);
    }
    send_slice(wire, buf_slice(&script));
    assert_int_equal(world.count, HTTP_PIPELINE_MAX);
    assert_false(wire->reading);
    for (size_t i = 0; i < 100; i++) {
        assert_true(i < world.count);
        complete(wire, i, 1, 0, OK);
    }
    assert_true(wire->reading);
    assert_int_equal(strlen(statuses(wire)), 100 * 4 - 1);
    buf_release(&script);
    wire_free(wire);
}

static void stops_reading_while_the_socket_is_full(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    wire->block = true;
    send_text(wire, GET_PING GET_PING);
    assert_false(wire->reading);
    send_text(wire, GET_PING);
    assert_int_equal(wire->written.len, 0);
    wire->block = false;
    http_session_ops.writable(&wire->session);
    flush(wire);
    assert_string_equal(statuses(wire), "200 200 200");
    assert_true(wire->reading);
    wire_free(wire);
}

static void a_reply_that_is_taken_in_pieces_arrives_whole(void **state)
{
    (void)state;
    struct wire *whole = wire_new(), *pieces = wire_new();
    pieces->most = 7;
    send_text(whole, GET_PING GET_PING "GET /ping HTTP/1.0\r\n\r\n");
    send_text(pieces, GET_PING GET_PING "GET /ping HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 1000 && !pieces->finished; i++) {
        http_session_ops.writable(&pieces->session);
    }
    assert_true(pieces->finished && whole->finished);
    assert_int_equal(pieces->written.len, whole->written.len);
    assert_memory_equal(pieces->written.data, whole->written.data, whole->written.len);
    wire_free(pieces);
    wire_free(whole);
}

static void the_last_reply_has_the_time_of_any_other_to_be_read(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    wire->block = true;
    send_text(wire, "GET /ping HTTP/1.0\r\n\r\n");
    pass_seconds(wire, 30);
    assert_false(wire->closed || wire->finished);
    wire->block = false;
    http_session_ops.writable(&wire->session);
    assert_true(wire->finished);
    assert_false(wire->closed);
    pass_seconds(wire, 2);
    assert_true(wire->closed);
    wire_free(wire);
}

static void drops_the_fate_of_a_client_that_vanished(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct client_address peer = wire->session.exchange.peer;
    send_text(wire, POST);
    http_session_ops.close(&wire->session);
    http_session_open(&wire->session, &wire->context, &wire->routes, &wire->transport, (struct token){ .slot = 3 },
                      peer);
    send_text(wire, POST);
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    complete(wire, 1, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    complete(wire, 1, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    wire_free(wire);
}

static void counts_a_body_cut_in_half(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD "Content-Length: 7\r\n\r\n{\"a");
    http_session_ops.close(&wire->session);
    assert_int_equal(world.refused[ERROR_CONNECTION_CLOSED], 1);
    wire_free(wire);
}

static void owes_nothing_to_a_head_cut_in_half(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD);
    http_session_ops.close(&wire->session);
    assert_int_equal(world.refused[ERROR_CONNECTION_CLOSED], 0);
    wire_free(wire);
}

static void answers_after_the_client_has_sent_its_last(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST POST);
    http_session_ops.end_of_input(&wire->session);
    complete(wire, 0, 1, 0, OK);
    assert_false(wrote(wire, "Connection: close"));
    complete(wire, 1, 1, 0, OK);
    assert_true(wrote(wire, "Connection: close"));
    assert_true(wire->finished);
    wire_free(wire);
}

static void a_slow_body_gets_408_and_is_counted(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD "Content-Length: 70\r\n\r\n{");
    for (int second = 0; second < 9; second++) {
        pass_seconds(wire, 1);
        send_text(wire, "x");
        assert_int_equal(wire->written.len, 0);
    }
    pass_seconds(wire, 1);
    assert_string_equal(statuses(wire), "408");
    assert_true(wrote(wire, "Connection: close") && wire->finished);
    assert_int_equal(world.refused[ERROR_TIMEOUT], 1);
    assert_false(wire->closed);
    pass_seconds(wire, 2);
    assert_true(wire->closed);
    wire_free(wire);
}

static void what_may_be_json_is_taken_under_any_name_and_put_is_post(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST /events HTTP/1.1\r\nHost: x\r\n",
        "PUT /events HTTP/1.1\r\nHost: x\r\n",
        "PUT /events/bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
        POST_HEAD "Content-Type: text/plain\r\n",
        POST_HEAD "Content-Type: application/octet-stream\r\n",
        POST_HEAD "Content-Type: application/x-www-form-urlencoded\r\n",
        POST_HEAD "Content-Type: application/cloudevents+json\r\n",
        POST_HEAD "Content-Type: application/vnd.of.no.one\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
        struct wire *wire = wire_new();
        send_text(wire, heads[i]);
        send_text(wire, "Content-Length: 7\r\n\r\n{\"a\":1}");
        complete(wire, 0, 1, 0, OK);
        assert_string_equal(statuses(wire), "202");
        wire_free(wire);
    }
}

static void a_slow_head_gets_408(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, GET_PING "GET /pi");
    pass_seconds(wire, 4);
    send_text(wire, "ng");
    assert_string_equal(statuses(wire), "200");
    pass_seconds(wire, 1);
    assert_string_equal(statuses(wire), "200 408");
    assert_int_equal(world.refused[ERROR_TIMEOUT], 0);
    wire_free(wire);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, GET_PING);
    pass_seconds(wire, 59);
    assert_false(wire->closed);
    pass_seconds(wire, 1);
    assert_true(wire->closed);
    assert_string_equal(statuses(wire), "200");
    wire_free(wire);
}

/* The timer and the request meet in one turn of the loop. */
static void a_request_that_meets_the_idle_timer_is_served(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    io_context_set_time(&wire->context, 61 * NS_PER_SECOND, 61 * NS_PER_SECOND);
    http_session_ops.tick(&wire->session);
    assert_false(wire->closed);
    send_text(wire, POST);
    assert_false(wire->closed);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    assert_false(wrote(wire, "Connection: close"));
    pass_seconds(wire, 59);
    assert_false(wire->closed);
    pass_seconds(wire, 1);
    assert_true(wire->closed);
    wire_free(wire);
}

/* So does what lies at the socket, in as many pieces as it comes. */
static void a_request_that_is_not_read_yet_keeps_an_idle_connection(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    wire->has_input = true;
    pass_seconds(wire, 61);
    assert_true(!wire->closed && http_session_ops.owes(&wire->session));
    send_text(wire, "GET /pi");
    wire->has_input = false;
    pass_seconds(wire, 1);
    assert_false(wire->closed || http_session_ops.owes(&wire->session));
    send_text(wire, "ng HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(statuses(wire), "200");
    pass_seconds(wire, 60);
    assert_true(wire->closed);
    wire_free(wire);
}

static void replies_say_how_long_the_connection_lives(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, GET_PING);
    assert_true(wrote(wire, "Connection: keep-alive\r\nKeep-Alive: timeout=55\r\n"));
    send_text(wire, "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(buf_c_string(&wire->written), "Connection: close\r\n\r\npong"));
    wire_free(wire);
}

static void a_pending_answer_is_under_no_time_out(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST);
    pass_seconds(wire, 3600);
    assert_false(wire->closed);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    wire_free(wire);
}

static void refuses_what_it_cannot_serve(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        const char *status;
        const char *part;
        enum error counted; /* OK: not counted */
        bool closes;
    } rows[] = {
        { "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", "404", HTTP_PROBLEM_TYPE, OK, false },
        { "GET /events HTTP/1.1\r\nHost: x\r\n\r\n", "405", "Allow: POST, PUT, OPTIONS\r\n", OK, false },
        { "DELETE /ping HTTP/1.1\r\nHost: x\r\n\r\n", "405", "Allow: GET, HEAD, OPTIONS\r\n", OK, false },
        { POST_HEAD "Content-Length: 1001\r\n\r\n", "413", "body_too_large", ERROR_BODY_TOO_LARGE, true },
        { POST_HEAD "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "415", "", ERROR_UNSUPPORTED_ENCODING,
          false },
        { POST_HEAD "Content-Encoding: br\r\nContent-Length: 9\r\n\r\nx", "415", "", ERROR_UNSUPPORTED_ENCODING, true },
        { POST_HEAD "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "415",
          "\r\nAccept-Encoding: gzip, deflate, lz4, zstd\r\n", ERROR_UNSUPPORTED_ENCODING, false },
        { POST_HEAD "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1\r\n\r\nx", "415",
          "\r\nAccept: application/json, application/x-ndjson, application/json-seq\r\nAccept-Post: application/json, ",
          ERROR_UNSUPPORTED_TYPE, false },
        { POST_HEAD "Content-Type: image/png\r\nContent-Length: 9\r\n\r\nx", "415", "unsupported_type",
          ERROR_UNSUPPORTED_TYPE, true },
        { POST_HEAD "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=1", "415",
          "the body is a form", ERROR_UNSUPPORTED_TYPE, false },
        { "POST /events?stream=nope HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "404",
          "there is no stream \\\"nope\\\"; there is: events", ERROR_UNKNOWN_STREAM, false },
        { POST_HEAD "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", "400", "", ERROR_BAD_COMPRESSION, false },
        { POST_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400", "", ERROR_BAD_REQUEST, true },
        { POST_HEAD "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n", "400", "", ERROR_BAD_REQUEST, true },
        { POST_HEAD "Transfer-Encoding: chunked\r\n\r\nxx\r\n", "400", "", ERROR_BAD_REQUEST, true },
        { POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3e9\r\n", "413", "", ERROR_BODY_TOO_LARGE, true },
        { POST_HEAD "Content-Length: 1\r\n\r\n!", "400", "invalid JSON at byte 0", OK, false },
        { POST_HEAD "Content-Length: 1\r\n\r\n?", "400", "\"errors\":[{\"index\":0}]", OK, false },
        { POST_HEAD "\r\n", "400", "", OK, false },
        { "POST /events?stream=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1", "404", "unknown_stream",
          ERROR_UNKNOWN_STREAM, false },
        { "POST /events?wait=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1", "400", "bad_argument",
          ERROR_BAD_ARGUMENT, false },
        { "POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n1", "404", "", OK, true },
        { "junk\r\n\r\n", "400", "", OK, true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        send_text(wire, rows[i].request);
        assert_string_equal(statuses(wire), rows[i].status);
        assert_true(wrote(wire, rows[i].part));
        assert_int_equal(wire->finished, rows[i].closes);
        assert_int_equal(wrote(wire, "Connection: close"), rows[i].closes);
        for (size_t error = OK + 1; error < ERROR_COUNT; error++) {
            assert_int_equal(world.refused[error], error == rows[i].counted ? 1 : 0);
        }
        wire_free(wire);
    }
}

static void bulk_replies_say_what_became_of_the_events(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        char body;
        uint32_t accepted, duplicate;
        const char *status, *part;
    } rows[] = {
        { "/events/bulk", '[', 1, 0, "202",
          "{\"accepted\":1,\"duplicate\":0,\"rejected\":0,\"ids\":[\"11111111-1111-1111-1111-111111111111\"],"
          "\"errors\":[]}" },
        { "/events/batch?ids=0", '[', 0, 1, "200", "{\"accepted\":0,\"duplicate\":1,\"rejected\":0,\"errors\":[]}" },
        { "/events/bulk", '#', 1, 0, "202", "\"rejected\":0,\"errors\":[]}" },
        { "/events/bulk?ids=1", '#', 1, 0, "202", "\"rejected\":0,\"ids\":[" },
        { "/events/bulk", '?', 0, 0, "400",
          "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
          "\"detail\":\"every event was rejected, see errors\","
          "\"accepted\":0,\"duplicate\":0,\"rejected\":1,\"ids\":[null],\"errors\":[{\"index\":0}]}" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        char request[200];
        snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%c", rows[i].path,
                 rows[i].body);
        send_text(wire, request);
        if (world.count != 0) {
            complete(wire, 0, rows[i].accepted, rows[i].duplicate, OK);
        }
        assert_string_equal(statuses(wire), rows[i].status);
        assert_true(wrote(wire, rows[i].part));
        wire_free(wire);
    }
}

static void the_path_and_the_content_type_choose_the_form(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type;
        enum payload_form form;
    } rows[] = {
        { "/events", "application/json", PAYLOAD_ONE },
        { "/events/bulk", "application/json", PAYLOAD_MANY },
        { "/events/batch", "application/x-ndjson", PAYLOAD_LINES },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        char request[200];
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 1\r\n\r\n{", rows[i].path,
                 rows[i].type);
        send_text(wire, request);
        assert_int_equal(world.last_form, rows[i].form);
        wire_free(wire);
    }
}

#define POST_AND_WAIT "POST /events?wait=stored HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}"

static void wait_stored_answers_200_once_the_store_has_it(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_AND_WAIT);
    assert_true(world.last_wait);
    complete(wire, 0, 1, 0, OK);
    assert_int_equal(wire->written.len, 0);
    http_session_ops.stored(&wire->session, world.submitted[0]);
    flush(wire);
    assert_string_equal(statuses(wire), "200");
    assert_true(wrote(wire, "\"status\":\"stored\""));
    wire_free(wire);
}

static void wait_stored_answers_202_when_the_store_takes_too_long(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_AND_WAIT);
    complete(wire, 0, 1, 0, OK);
    pass_seconds(wire, 3);
    assert_string_equal(statuses(wire), "202");
    http_session_ops.stored(&wire->session, world.submitted[0]);
    flush(wire);
    assert_string_equal(statuses(wire), "202");
    wire_free(wire);
}

static void what_is_stored_after_the_wait_changes_no_answer_that_an_earlier_one_holds_up(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST POST_AND_WAIT);
    complete(wire, 1, 1, 0, OK);
    pass_seconds(wire, 3);
    http_session_ops.stored(&wire->session, world.submitted[1]);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 202");
    assert_false(wrote(wire, "\"status\":\"stored\""));
    wire_free(wire);
}

static void wait_stored_does_not_wait_for_a_duplicate(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_AND_WAIT);
    complete(wire, 0, 0, 1, OK);
    assert_true(wrote(wire, "\"status\":\"duplicate\""));
    wire_free(wire);
}

static void continue_is_sent_after_the_answers_before_it(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST POST_HEAD "Expect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    assert_int_equal(wire->written.len, 0);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 100");
    send_text(wire, "{\"a\":1}");
    complete(wire, 1, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 100 202");
    wire_free(wire);
}

static void a_body_that_is_too_large_is_not_asked_for(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD "Expect: 100-continue\r\nContent-Length: 7000\r\n\r\n");
    assert_string_equal(statuses(wire), "413");
    wire_free(wire);
}

static void a_connection_ends_as_its_client_wishes(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        bool ends;
    } rows[] = {
        { "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n", false },
        { "GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" GET_PING, true },
        { "GET /ping HTTP/1.0\r\n\r\n", true },
        { "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        send_text(wire, rows[i].request);
        assert_string_equal(statuses(wire), "200");
        assert_int_equal(wire->finished, rows[i].ends);
        wire_free(wire);
    }
}

static void the_end_waits_until_the_socket_took_everything(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    wire->block = true;
    send_text(wire, "GET /ping HTTP/1.0\r\n\r\n");
    assert_false(wire->finished);
    wire->block = false;
    http_session_ops.writable(&wire->session);
    assert_true(wire->finished);
    wire_free(wire);
}

static void head_gets_the_length_and_no_body(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(wrote(wire, "Content-Length: 4\r\n"));
    assert_false(wrote(wire, "pong"));
    wire_free(wire);
}

static void a_page_may_answer_later_in_its_turn(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct page_reply reply = { .status = 200, .content_type = "text/plain" };
    send_text(wire, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n" GET_PING);
    assert_int_equal(wire->written.len, 0);
    buf_append_string(&reply.body, "at last");
    http_session_ops.page(&wire->session, later_token, &reply);
    flush(wire);
    assert_string_equal(statuses(wire), "200 200");
    assert_true(wrote(wire, "at last"));
    wire_free(wire);
}

static void origins_of_the_list_may_read_and_others_may_not(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "GET /ping HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n\r\n");
    assert_false(wrote(wire, "Access-Control"));
    assert_true(wrote(wire, "Vary: Origin\r\n"));
    send_text(wire, "GET /ping HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\n\r\n");
    assert_true(wrote(wire, "Access-Control-Allow-Origin: https://shop.example\r\n"));
    send_text(wire, "OPTIONS /events HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\n"
                    "Access-Control-Request-Method: POST\r\n\r\n");
    assert_string_equal(statuses(wire), "200 200 204");
    assert_true(wrote(wire, "Access-Control-Allow-Methods: POST, PUT, OPTIONS\r\n"));
    wire_free(wire);
}

#define PREFLIGHT(origin)                                                                                              \
    "OPTIONS /events HTTP/1.1\r\nHost: x\r\nOrigin: " origin "\r\nAccess-Control-Request-Method: POST\r\n"

static void a_preflight_allows_the_headers_that_it_asks_for(void **state)
{
    (void)state;
    static const char *asked[] = { "content-type,traceparent", "baggage,content-encoding,content-type,sentry-trace",
                                   "x-datadog-origin, x-datadog-trace-id", "b3" };
    for (size_t i = 0; i < ARRAY_LENGTH(asked); i++) {
        struct wire *wire = wire_new();
        char request[512], allowed[512];
        snprintf(request, sizeof request,
                 PREFLIGHT("https://shop.example") "Access-Control-Request-Headers: %s\r\n\r\n", asked[i]);
        snprintf(allowed, sizeof allowed, "\r\nAccess-Control-Allow-Headers: %s\r\n", asked[i]);
        send_text(wire, request);
        assert_string_equal(statuses(wire), "204");
        assert_true(wrote(wire, allowed));
        wire_free(wire);
    }
}

static void a_preflight_of_another_origin_or_of_no_header_names_allows_nothing_more(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, PREFLIGHT("https://evil.example") "Access-Control-Request-Headers: traceparent\r\n\r\n");
    assert_string_equal(statuses(wire), "204");
    assert_false(wrote(wire, "Access-Control") || wrote(wire, "traceparent"));
    send_text(wire, PREFLIGHT("https://shop.example") "Access-Control-Request-Headers: a=\"b\"; c\r\n\r\n");
    assert_true(
        wrote(wire, "\r\nAccess-Control-Allow-Headers: Content-Type, Content-Encoding, Authorization, X-API-Key\r\n"));
    wire_free(wire);
}

static void a_reply_names_the_origin_that_a_pattern_allowed_even_if_it_waits(void **state)
{
    (void)state;
    static const char *patterns[] = { "https://*.shop.example:8443" };
    struct wire *wire = wire_new();
    wire->options.cors_origins = (struct string_list){ patterns, 1 };
    struct page_reply reply = { .status = 200, .content_type = "text/plain" };
    send_text(wire, "GET /later HTTP/1.1\r\nHost: x\r\nOrigin: https://a.shop.example:8443\r\n\r\n");
    for (int i = 0; i < 8; i++) { /* the ring of answers grows and moves meanwhile */
        send_text(wire, "GET /ping HTTP/1.1\r\nHost: x\r\nOrigin: https://b.c.shop.example:8443\r\n\r\n");
    }
    buf_append_string(&reply.body, "at last");
    http_session_ops.page(&wire->session, later_token, &reply);
    flush(wire);
    assert_string_equal(statuses(wire), "200 200 200 200 200 200 200 200 200");
    assert_true(wrote(wire, "\r\nAccess-Control-Allow-Origin: https://a.shop.example:8443\r\n"));
    assert_true(wrote(wire, "\r\nAccess-Control-Allow-Origin: https://b.c.shop.example:8443\r\n"));
    wire_free(wire);
}

/* What a reload replaces is freed, or written over. */
static void an_answer_that_waits_keeps_nothing_that_a_reload_replaces(void **state)
{
    (void)state;
    char origin[] = "https://shop.example";
    const char *origins[] = { origin };
    struct wire *wire = wire_new();
    wire->options.cors_origins = (struct string_list){ origins, 1 };
    wire->options.idle_timeout_ns = 1000 * NS_PER_SECOND;
    io_context_refresh(&wire->context);
    send_text(wire, "POST /events HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\nContent-Length: 2\r\n\r\n{}");
    memset(origin, 'x', sizeof origin - 1);
    wire->options.idle_timeout_ns = 10 * NS_PER_SECOND;
    io_context_refresh(&wire->context);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    assert_true(wrote(wire, "\r\nAccess-Control-Allow-Origin: https://shop.example\r\n"));
    assert_true(wrote(wire, "\r\nKeep-Alive: timeout=7\r\n\r\n{"));
    wire_free(wire);
}

static void requests_by_a_name_that_is_not_listed_are_refused_and_counted(void **state)
{
    (void)state;
    static const char *hosts[] = { "events.example" };
    static const char *const requests[] = {
        "GET /ping HTTP/1.1\r\nHost: evil.example:8080\r\n\r\n",
        "GET /script.js HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "POST /events HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}",
        "GET http://evil.example/ping HTTP/1.1\r\nHost: events.example\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
        struct wire *wire = wire_new();
        wire->options.hosts = (struct string_list){ hosts, 1 };
        send_text(wire, "GET /ping HTTP/1.1\r\nHost: events.example:8080\r\n\r\n" GET_PING);
        send_text(wire, requests[i]);
        assert_true(wrote(wire, "HTTP/1.1 421 Misdirected Request\r\n"));
        assert_true(wrote(wire, "\"code\":\"host_not_allowed\""));
        wire_free(wire);
    }
    assert_int_equal(world.count, 0);
}

static void a_page_for_all_may_be_read_by_any_origin_and_kept(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "GET /script.js HTTP/1.1\r\nHost: x\r\nOrigin: https://evil.example\r\n\r\n");
    assert_true(wrote(wire, "Access-Control-Allow-Origin: *\r\n") && wrote(wire, "Cache-Control: max-age=60\r\n"));
    assert_false(wrote(wire, "Vary"));
    wire_free(wire);
}

static void the_client_behind_a_trusted_proxy_is_believed(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_HEAD "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.9.9.9\r\nContent-Length: 1\r\n\r\n{");
    assert_true(slice_equal(buf_slice(&world.last_client_ip), SLICE("192.0.2.7")));
    send_text(wire, POST_HEAD "X-Forwarded-For: 6.6.6.6, 192.0.2.8\r\nX-Forwarded-For: 10.9.9.9\r\n"
                              "Content-Length: 1\r\n\r\n{");
    assert_true(slice_equal(buf_slice(&world.last_client_ip), SLICE("192.0.2.8")));
    send_text(wire, POST);
    assert_true(slice_equal(buf_slice(&world.last_client_ip), SLICE("10.1.2.3")));
    wire_free(wire);
}

static void a_proxy_that_a_reload_trusts_no_more_is_believed_no_more(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    struct address_ranges none = { 0 };
    wire->context.trusted = &none;
    http_session_refresh(&wire->session);
    send_text(wire, POST_HEAD "X-Forwarded-For: 192.0.2.7\r\nContent-Length: 1\r\n\r\n{");
    assert_true(slice_equal(buf_slice(&world.last_client_ip), SLICE("10.1.2.3")));
    wire_free(wire);
}

static void draining_ends_connections_with_their_last_answer(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST POST);
    wire->context.draining = true;
    http_session_ops.drain(&wire->session);
    assert_false(wire->closed);
    complete(wire, 0, 1, 0, OK);
    assert_false(wrote(wire, "Connection: close"));
    complete(wire, 1, 1, 0, OK);
    assert_true(wrote(wire, "Connection: close") && wire->finished);
    wire_free(wire);
}

static void draining_answers_at_once_who_waits_for_the_store(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, POST_AND_WAIT POST_AND_WAIT);
    complete(wire, 0, 1, 0, OK);
    assert_false(wrote(wire, "HTTP/1.1"));
    wire->context.draining = true;
    http_session_ops.drain(&wire->session);
    flush(wire);
    assert_string_equal(statuses(wire), "202");
    complete(wire, 1, 1, 0, OK); /* what is on its way to the journal is waited for, no longer */
    assert_true(wrote(wire, "Connection: close") && wire->finished);
    wire_free(wire);
}

static void draining_closes_idle_connections(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, GET_PING);
    wire->context.draining = true;
    http_session_ops.drain(&wire->session);
    flush(wire);
    assert_true(wire->closed);
    wire_free(wire);
}

static void a_request_that_meets_the_drain_is_answered(void **state)
{
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        struct wire *wire = wire_new();
        wire->context.draining = true;
        wire->has_input = unread != 0;
        http_session_ops.drain(&wire->session);
        if (unread) {
            flush(wire);
            assert_true(http_session_ops.owes(&wire->session));
        }
        wire->has_input = false;
        send_text(wire, GET_PING);
        assert_false(wire->closed);
        assert_string_equal(statuses(wire), "200");
        assert_true(wrote(wire, "Connection: close") && wire->finished);
        wire_free(wire);
    }
}

static void draining_answers_503_to_what_is_not_whole(void **state)
{
    (void)state;
    static const struct {
        const char *half;
        size_t counted;
    } rows[] = {
        { POST_HEAD "Content-Length: 7\r\n\r\n{\"a\"", 1 },
        { POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n[", 1 },
        { "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{", 0 },
        { POST_HEAD, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new();
        send_text(wire, rows[i].half);
        bool answered = wire->written.len != 0; /* a path that is not there is, at once */
        wire->context.draining = true;
        http_session_ops.drain(&wire->session);
        flush(wire);
        assert_string_equal(statuses(wire), answered ? "404" : "503");
        assert_true(wrote(wire, "Connection: close") && wire->finished);
        assert_int_equal(world.refused[ERROR_DRAINING], rows[i].counted);
        wire_free(wire);
    }
}

static void an_options_request_is_answered_alike_before_its_body_and_with_it(void **state)
{
    (void)state;
    struct wire *wire = wire_new();
    send_text(wire, "OPTIONS /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
    send_text(wire, "{}");
    send_text(wire, "OPTIONS /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    assert_string_equal(statuses(wire), "204 204");
    wire_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_post_when_it_is_committed),
        cmocka_unit_test(says_duplicate_with_200),
        cmocka_unit_test(leaves_out_what_memory_was_too_short_to_tell),
        cmocka_unit_test(says_503_and_when_to_retry_if_the_group_failed),
        cmocka_unit_test(takes_requests_in_any_split),
        cmocka_unit_test(takes_requests_byte_by_byte),
        cmocka_unit_test(answers_leave_in_the_order_of_their_requests_in_one_write),
        cmocka_unit_test(stops_reading_when_too_many_answers_are_owed_and_goes_on_later),
        cmocka_unit_test(stops_reading_while_the_socket_is_full),
        cmocka_unit_test(a_reply_that_is_taken_in_pieces_arrives_whole),
        cmocka_unit_test(the_last_reply_has_the_time_of_any_other_to_be_read),
        cmocka_unit_test(drops_the_fate_of_a_client_that_vanished),
        cmocka_unit_test(counts_a_body_cut_in_half),
        cmocka_unit_test(owes_nothing_to_a_head_cut_in_half),
        cmocka_unit_test(answers_after_the_client_has_sent_its_last),
        cmocka_unit_test(a_slow_body_gets_408_and_is_counted),
        cmocka_unit_test(what_may_be_json_is_taken_under_any_name_and_put_is_post),
        cmocka_unit_test(a_slow_head_gets_408),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_request_that_meets_the_idle_timer_is_served),
        cmocka_unit_test(a_request_that_is_not_read_yet_keeps_an_idle_connection),
        cmocka_unit_test(replies_say_how_long_the_connection_lives),
        cmocka_unit_test(a_pending_answer_is_under_no_time_out),
        cmocka_unit_test(refuses_what_it_cannot_serve),
        cmocka_unit_test(bulk_replies_say_what_became_of_the_events),
        cmocka_unit_test(the_path_and_the_content_type_choose_the_form),
        cmocka_unit_test(wait_stored_answers_200_once_the_store_has_it),
        cmocka_unit_test(wait_stored_answers_202_when_the_store_takes_too_long),
        cmocka_unit_test(what_is_stored_after_the_wait_changes_no_answer_that_an_earlier_one_holds_up),
        cmocka_unit_test(wait_stored_does_not_wait_for_a_duplicate),
        cmocka_unit_test(continue_is_sent_after_the_answers_before_it),
        cmocka_unit_test(a_body_that_is_too_large_is_not_asked_for),
        cmocka_unit_test(a_connection_ends_as_its_client_wishes),
        cmocka_unit_test(the_end_waits_until_the_socket_took_everything),
        cmocka_unit_test(head_gets_the_length_and_no_body),
        cmocka_unit_test(a_page_may_answer_later_in_its_turn),
        cmocka_unit_test(origins_of_the_list_may_read_and_others_may_not),
        cmocka_unit_test(an_answer_that_waits_keeps_nothing_that_a_reload_replaces),
        cmocka_unit_test(the_client_behind_a_trusted_proxy_is_believed),
        cmocka_unit_test(a_proxy_that_a_reload_trusts_no_more_is_believed_no_more),
        cmocka_unit_test(draining_ends_connections_with_their_last_answer),
        cmocka_unit_test(draining_answers_at_once_who_waits_for_the_store),
        cmocka_unit_test(an_options_request_is_answered_alike_before_its_body_and_with_it),
        cmocka_unit_test(draining_closes_idle_connections),
        cmocka_unit_test(a_preflight_allows_the_headers_that_it_asks_for),
        cmocka_unit_test(a_preflight_of_another_origin_or_of_no_header_names_allows_nothing_more),
        cmocka_unit_test(a_reply_names_the_origin_that_a_pattern_allowed_even_if_it_waits),
        cmocka_unit_test(a_request_that_meets_the_drain_is_answered),
        cmocka_unit_test(requests_by_a_name_that_is_not_listed_are_refused_and_counted),
        cmocka_unit_test(a_page_for_all_may_be_read_by_any_origin_and_kept),
        cmocka_unit_test(draining_answers_503_to_what_is_not_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
