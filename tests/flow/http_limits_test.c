/* HTTP connections meet limits: a request is asked once, is told what is left, and is charged for what it held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"

#include "config/options/limits_options.h"
#include "proto/limits/limits.h"

#define SMALL_POST "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"

static int64_t read_clock(void)
{
    return NS_PER_SECOND;
}

static struct wire *limited(struct rate_options rate)
{
    struct wire *wire = wire_new();
    rate.burst_ns = NS_PER_SECOND;
    const struct limits_options options = { .address = rate, .addresses = 8 };
    wire->gatekeeper.rates = limits_new(&options, NULL, 0);
    assert_non_null(wire->gatekeeper.rates);
    wire->context.turn = (struct turn){ .clock = read_clock };
    turn_begin(&wire->context.turn, NS_PER_SECOND);
    return wire;
}

static void limited_free(struct wire *wire)
{
    limits_free(wire->gatekeeper.rates);
    wire_free(wire);
}

static void the_request_beyond_the_burst_is_told_how_long_to_wait(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .requests = 2 });
    send_text(wire, SMALL_POST SMALL_POST SMALL_POST);
    assert_int_equal(world.count, 2);
    complete(wire, 0, 1, 0, OK);
    complete(wire, 1, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 202 429");
    assert_true(wrote(wire, "RateLimit: \"address\";r=1;t=1\r\n") && wrote(wire, "Retry-After: 1\r\n"));
    assert_int_equal(world.refused[ERROR_RATE_LIMITED], 1);
    assert_int_equal(metric_read(wire->metrics, METRIC_LIMITED, 0, 0, OK), 1);
    limited_free(wire);
}

static void a_request_is_asked_once_however_often_it_is_looked_at(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .requests = 2 });
    struct buf script = { 0 };
    wire->options.max_body_bytes = 1 << 20;
    buf_printf(&script, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n{", 70 << 10);
    buf_append_fill(&script, ' ', (70 << 10) - 1);
    send_slice(wire, buf_slice(&script)); /* heavy: it waits in line, and its head is read again */
    assert_true(world.count == 0 && wire->wants_turn);
    http_session_ops.go_on(&wire->session);
    flush(wire);
    assert_int_equal(world.count, 1);
    send_text(wire, SMALL_POST);
    assert_int_equal(world.count, 2);
    buf_release(&script);
    limited_free(wire);
}

static void a_body_that_is_not_here_yet_is_refused_before_it_comes(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .bytes = 100 });
    send_text(wire, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n");
    assert_string_equal(statuses(wire), ""); /* the bucket was not empty: what is beyond it is a debt */
    struct buf rest = { 0 };
    buf_append_fill(&rest, ' ', 200);
    send_slice(wire, buf_slice(&rest));
    send_text(wire, "POST /events HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n");
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202 429");
    assert_true(wrote(wire, "RateLimit: \"address-bytes\";r=0;t=2\r\n"));
    buf_release(&rest);
    limited_free(wire);
}

static void chunks_are_charged_when_they_have_come(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .bytes = 4 });
    send_text(wire, "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{      }\r\n0\r\n\r\n");
    assert_int_equal(world.count, 1);
    complete(wire, 0, 1, 0, OK);
    send_text(wire, SMALL_POST);
    assert_string_equal(statuses(wire), "202 429");
    limited_free(wire);
}

static void preflights_are_answered_and_paid_for(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .requests = 1 });
    for (int i = 0; i < 3; i++) {
        send_text(wire, "OPTIONS /events HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    send_text(wire, SMALL_POST);
    assert_string_equal(statuses(wire), "204 204 204 429");
    limited_free(wire);
}

static void a_body_that_is_only_claimed_takes_nothing_from_others(void **state)
{
    (void)state;
    static const char *const heads[] = { "POST /events", "POST /nothing", "GET /livez", "OPTIONS *",
                                         "OPTIONS /events" };
    for (size_t i = 0; i < ARRAY_LENGTH(heads); i++) {
        struct wire *wire = limited((struct rate_options){ .bytes = 100 });
        struct buf head = { 0 };
        buf_printf(&head, "%s HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000000000000\r\n\r\n", heads[i]);
        send_slice(wire, buf_slice(&head));
        assert_true(wrote(wire, " 413 ") && wrote(wire, "RateLimit: \"address-bytes\";r=100;t=0\r\n"));
        buf_release(&head);
        limited_free(wire);
    }
}

static void a_body_for_which_there_is_no_room_costs_no_bytes(void **state)
{
    (void)state;
    struct wire *wire = limited((struct rate_options){ .bytes = 100 });
    struct kept_bound full = { .max = 1, .used = 1 };
    kept_line_init(&wire->context.receiving, &full, wire->context.intake.cells, METRIC_RECEIVING_BYTES);
    send_text(wire, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n");
    assert_string_equal(statuses(wire), "503");
    assert_true(wrote(wire, "RateLimit: \"address-bytes\";r=100;t=0\r\n"));
    limited_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_request_beyond_the_burst_is_told_how_long_to_wait),
        cmocka_unit_test(a_request_is_asked_once_however_often_it_is_looked_at),
        cmocka_unit_test(a_body_that_is_not_here_yet_is_refused_before_it_comes),
        cmocka_unit_test(a_body_that_is_only_claimed_takes_nothing_from_others),
        cmocka_unit_test(a_body_for_which_there_is_no_room_costs_no_bytes),
        cmocka_unit_test(chunks_are_charged_when_they_have_come),
        cmocka_unit_test(preflights_are_answered_and_paid_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
