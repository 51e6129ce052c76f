/* What an HTTP connection keeps is counted against the bounds of all, and a client that is too slow, or in the way of
 * others, goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"
#include "proto/http/http_bounds.h"

#define MAX ((uint64_t)1 << 20)
#define TIGHT (MAX / 4 * 3)
#define BIG (KEPT_BIG + 1)
#define POST_BULK "POST /events/bulk HTTP/1.1\r\nHost: x\r\n"

static struct kept_bound receiving, replying;

static struct wire *bounded_new(void)
{
    struct wire *wire = wire_new();
    receiving = (struct kept_bound){ .max = MAX };
    replying = (struct kept_bound){ .max = MAX };
    wire->options.max_body_bytes = MAX;
    wire->options.body_timeout_ns = 1000 * NS_PER_SECOND;
    kept_line_init(&wire->context.receiving, &receiving, wire->context.intake.cells, METRIC_RECEIVING_BYTES);
    kept_line_init(&wire->context.replying, &replying, wire->context.intake.cells, METRIC_REPLYING_BYTES);
    return wire;
}

/* All that was counted is given back. */
static void bounded_free(struct wire *wire)
{
    http_session_ops.close(&wire->session);
    assert_null(wire->context.receiving.oldest);
    assert_null(wire->context.replying.oldest);
    assert_int_equal(wire->context.receiving.stopped, 0);
    assert_int_equal(receiving.used, 0);
    assert_int_equal(replying.used, 0);
    wire_free(wire);
}

static void send_blanks(struct wire *wire, size_t length)
{
    struct buf bytes = { 0 };
    buf_append_fill(&bytes, ' ', length);
    send_slice(wire, buf_slice(&bytes));
    buf_release(&bytes);
}

/* A body of so many bytes begins, and so many of them come. */
static void begin_body(struct wire *wire, size_t length, size_t come)
{
    char head[128];
    snprintf(head, sizeof head, POST_HEAD "Content-Length: %zu\r\n\r\n", length);
    send_text(wire, head);
    send_blanks(wire, come);
}

static void others_keep(struct wire *wire, uint64_t bytes)
{
    receiving.used = bytes + wire->session.received.bytes;
}

static void others_leave(struct wire *wire)
{
    receiving.used = wire->session.received.bytes;
}

static void a_request_waits_in_line_until_it_is_whole(void **state)
{
    static const char *const parts[] = { "POST /ev", POST_HEAD, POST_HEAD "Content-Length: 9\r\n\r\n{",
                                         POST_HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\n{" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
        struct wire *wire = bounded_new();
        send_text(wire, POST);
        assert_null(wire->context.receiving.oldest);
        send_text(wire, parts[i]);
        assert_ptr_equal(wire->context.receiving.oldest, &wire->session.received);
        assert_ptr_equal(wire->session.received.connection, &wire->transport);
        assert_true(receiving.used >= strlen(parts[i]));
        bounded_free(wire);
    }
    struct wire *wire = bounded_new();
    begin_body(wire, 300, 100);
    send_blanks(wire, 199);
    assert_non_null(wire->context.receiving.oldest);
    send_blanks(wire, 1);
    assert_null(wire->context.receiving.oldest);
    bounded_free(wire);
}

static void what_a_body_brought_is_counted_until_it_is_given_back(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    begin_body(wire, 300000, 299999);
    assert_in_range(receiving.used, 299999, 301000);
    send_blanks(wire, 1);
    complete(wire, 0, 1, 0, OK);
    assert_in_range(receiving.used, 300000, 301000);
    pass_seconds(wire, 1);
    assert_true(receiving.used < 32768);
    assert_int_equal(receiving.used, wire->session.received.bytes);
    bounded_free(wire);
}

static void buffers_are_given_back_between_requests_while_it_is_tight(void **state)
{
    (void)state;
    for (int tight = 0; tight < 2; tight++) {
        struct wire *wire = bounded_new();
        begin_body(wire, 20000, 20000);
        complete(wire, 0, 1, 0, OK);
        assert_true(wire->session.received.bytes >= 20000);
        others_keep(wire, tight != 0 ? TIGHT : 0);
        send_text(wire, POST);
        assert_int_equal(wire->session.received.bytes < 20000, tight);
        assert_int_equal(wire->session.input.bytes.cap < 20000, tight);
        others_leave(wire);
        bounded_free(wire);
    }
}

static void a_big_body_stops_when_it_is_tight_a_small_one_when_it_is_full(void **state)
{
    static const struct {
        size_t come;
        uint64_t others;
        bool stops;
    } cases[] = {
        { BIG, TIGHT - BIG - 10000, false },
        { BIG, TIGHT, true },
        { 1000, TIGHT, false },
        { 1000, MAX, true },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct wire *wire = bounded_new();
        begin_body(wire, 500000, cases[i].come);
        others_keep(wire, cases[i].others);
        assert_true(wire->reading);
        send_blanks(wire, 1);
        assert_int_equal(wire->reading, !cases[i].stops);
        assert_int_equal(wire->context.receiving.stopped, cases[i].stops);
        others_leave(wire);
        http_session_ops.resume(&wire->session);
        assert_true(wire->reading);
        assert_int_equal(wire->context.receiving.stopped, 0);
        bounded_free(wire);
    }
}

static void a_body_that_stands_still_for_want_of_room_gets_503(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    begin_body(wire, 500000, 1000);
    others_keep(wire, MAX);
    send_blanks(wire, 1);
    pass_seconds(wire, 4);
    assert_int_equal(wire->written.len, 0);
    pass_seconds(wire, 1);
    assert_string_equal(statuses(wire), "503");
    assert_true(wrote(wire, "\"receiving_full\"") && wrote(wire, "Connection: close"));
    assert_int_equal(world.refused[ERROR_RECEIVING_FULL], 1);
    others_leave(wire);
    bounded_free(wire);
}

static void what_begins_when_it_is_full_gets_503_at_once(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    others_keep(wire, MAX);
    send_text(wire, POST);
    complete(wire, 0, 1, 0, OK);
    begin_body(wire, 500000, 0);
    assert_string_equal(statuses(wire), "202 503");
    assert_int_equal(world.refused[ERROR_RECEIVING_FULL], 1);
    others_leave(wire);
    bounded_free(wire);

    wire = bounded_new();
    replying.used = MAX;
    send_text(wire, POST);
    assert_string_equal(statuses(wire), "503");
    assert_int_equal(world.refused[ERROR_REPLYING_FULL], 1);
    replying.used -= MAX;
    bounded_free(wire);
}

static void answers_are_counted_while_they_are_owed(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    send_text(wire, POST POST_BULK "Content-Length: 7\r\n\r\n{\"a\":1}");
    size_t before = wire->session.owed;
    assert_true(before != 0);
    assert_int_equal(replying.used, before + wire->session.out.bytes.cap);
    assert_int_equal(wire->writes, 0);
    complete(wire, 1, 0, 0, ERROR_JOURNAL_FAILED); /* its answer waits for the first, and is another now */
    assert_true(wire->session.owed != before);
    assert_int_equal(replying.used, wire->session.owed + wire->session.out.bytes.cap);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 503");
    assert_int_equal(wire->session.owed, 0);
    assert_int_equal(replying.used, wire->session.out.bytes.cap);
    bounded_free(wire);
}

static void an_answer_that_waits_for_its_commit_is_not_looked_for(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    http_session_ops.receive(&wire->session, SLICE(POST));
    assert_false(wire->wants_flush);
    complete(wire, 0, 1, 0, OK);
    http_session_ops.receive(&wire->session, SLICE(POST_HEAD "Content-Length: 1\r\n\r\n!"));
    assert_true(wire->wants_flush);
    flush(wire);
    http_session_ops.receive(&wire->session, SLICE(GET_PING));
    assert_true(wire->wants_flush);
    flush(wire);
    assert_string_equal(statuses(wire), "202 400 200");
    bounded_free(wire);
}

static void replies_wait_in_line_until_the_socket_takes_some(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    wire->block = true;
    send_text(wire, GET_PING);
    assert_ptr_equal(wire->context.replying.oldest, &wire->session.replies);
    wire->block = false;
    wire->most = 10;
    http_session_ops.writable(&wire->session);
    assert_ptr_equal(wire->context.replying.oldest, &wire->session.replies); /* anew, and last */
    wire->most = 0;
    http_session_ops.writable(&wire->session);
    assert_null(wire->context.replying.oldest);
    bounded_free(wire);
}

static void a_body_that_comes_too_slowly_gets_408(void **state)
{
    (void)state;
    for (size_t rate = 99; rate <= 100; rate++) {
        struct wire *wire = bounded_new();
        wire->options.min_body_rate = 100;
        begin_body(wire, 500000, 1);
        for (int second = 0; second < 30; second++) {
            send_blanks(wire, rate);
            pass_seconds(wire, 1);
        }
        assert_string_equal(statuses(wire), rate < 100 ? "408" : "");
        assert_int_equal(world.refused[ERROR_TIMEOUT], rate < 100);
        bounded_free(wire);
    }
}

/* The bytes leave the gateway at once; the client takes them from the socket by and by. */
static void who_takes_replies_too_slowly_goes(void **state)
{
    (void)state;
    for (size_t rate = 9; rate <= 10; rate++) {
        struct wire *wire = bounded_new();
        wire->options.min_reply_rate = 10;
        for (int i = 0; i < 20; i++) {
            send_text(wire, GET_PING);
        }
        wire->untaken = wire->written.len;
        wire->block = true;
        send_text(wire, GET_PING);
        for (int second = 0; second < 15 && !wire->closed; second++) {
            wire->untaken -= rate;
            pass_seconds(wire, 1);
        }
        bool slow = metric_read(wire->metrics, METRIC_CONNECTIONS_CLOSED, 0, ERROR_TIMEOUT, OK) != 0;
        assert_int_equal(slow, rate < 10);
        assert_int_equal(wire->closed, rate < 10);
        bounded_free(wire);
    }
}

static void who_gives_way_is_told_and_keeps_nothing(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    begin_body(wire, 500000, BIG);
    http_session_ops.give_way(&wire->session, ERROR_RECEIVING_FULL);
    flush(wire);
    assert_string_equal(statuses(wire), "503");
    assert_int_equal(world.refused[ERROR_RECEIVING_FULL], 1);
    assert_null(wire->context.receiving.oldest);
    assert_int_equal(receiving.used, 0);
    bounded_free(wire);

    wire = bounded_new();
    wire->block = true;
    send_text(wire, GET_PING);
    http_session_ops.give_way(&wire->session, ERROR_REPLYING_FULL);
    assert_true(wire->closed);
    assert_int_equal(metric_read(wire->metrics, METRIC_CONNECTIONS_CLOSED, 0, ERROR_REPLYING_FULL, OK), 1);
    assert_null(wire->context.replying.oldest);
    assert_int_equal(replying.used, 0);
    bounded_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_waits_in_line_until_it_is_whole),
        cmocka_unit_test(what_a_body_brought_is_counted_until_it_is_given_back),
        cmocka_unit_test(buffers_are_given_back_between_requests_while_it_is_tight),
        cmocka_unit_test(a_big_body_stops_when_it_is_tight_a_small_one_when_it_is_full),
        cmocka_unit_test(a_body_that_stands_still_for_want_of_room_gets_503),
        cmocka_unit_test(what_begins_when_it_is_full_gets_503_at_once),
        cmocka_unit_test(answers_are_counted_while_they_are_owed),
        cmocka_unit_test(an_answer_that_waits_for_its_commit_is_not_looked_for),
        cmocka_unit_test(replies_wait_in_line_until_the_socket_takes_some),
        cmocka_unit_test(a_body_that_comes_too_slowly_gets_408),
        cmocka_unit_test(who_takes_replies_too_slowly_goes),
        cmocka_unit_test(who_gives_way_is_told_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
