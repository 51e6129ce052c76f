/* HTTP connections take turns: what waits in line is served later, and loses nothing meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"

#define HEAVY ((size_t)70 << 10)
#define EMPTY_CHUNKED POST_HEAD "Transfer-Encoding: chunked\r\n\r\n"

static int64_t time_ns;
static int64_t step_ns; /* each look at the clock is so much later */

static int64_t read_clock(void)
{
    return time_ns += step_ns;
}

static struct wire *turns_new(void)
{
    struct wire *wire = wire_new();
    wire->options.max_body_bytes = 1 << 20;
    wire->context.turn = (struct turn){ .clock = read_clock };
    time_ns = NS_PER_SECOND;
    step_ns = 0;
    turn_begin(&wire->context.turn, time_ns);
    return wire;
}

static void next_turn(struct wire *wire)
{
    turn_begin(&wire->context.turn, time_ns);
}

static void go_on(struct wire *wire)
{
    assert_true(wire->wants_turn);
    wire->wants_turn = false;
    http_session_ops.go_on(&wire->session);
    flush(wire);
}

static void append_heavy(struct buf *script)
{
    buf_printf(script, POST_HEAD "Content-Length: %zu\r\n\r\n{", HEAVY);
    buf_append_fill(script, ' ', HEAVY - 1);
}

static void append_heavy_chunked(struct buf *script)
{
    buf_printf(script, EMPTY_CHUNKED "%zx\r\n{", HEAVY);
    buf_append_fill(script, ' ', HEAVY - 1);
    buf_append_string(script, "\r\n0\r\n\r\n");
}

static void send(struct wire *wire, struct buf *script)
{
    send_slice(wire, buf_slice(script));
    buf_release(script);
}

static void a_heavy_body_is_served_when_it_is_its_turn(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    append_heavy(&script);
    send(wire, &script);
    assert_true(world.count == 0 && !wire->reading);
    go_on(wire);
    assert_true(world.count == 1 && wire->reading && !wire->wants_turn);
    assert_int_equal(world.last_payload.len, HEAVY);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    wire_free(wire);
}

static void a_compressed_body_is_heavy_although_it_is_short(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    buf_append_string(&script, POST_HEAD "Content-Encoding: gzip\r\nContent-Length: 3000\r\n\r\n");
    buf_append_fill(&script, ' ', 3000);
    send(wire, &script);
    assert_true(wire->written.len == 0 && !wire->reading);
    go_on(wire);
    assert_string_equal(statuses(wire), "400");
    wire_free(wire);
}

/* Whole, chunked, light: each comes in its own turn, in order, with its own bytes, in any split. */
static void pipelined_requests_come_one_a_turn_in_their_order(void **state)
{
    static const size_t splits[] = { 1, 100, HEAVY, HEAVY + 100, HEAVY + 200, 2 * HEAVY, 2 * HEAVY + 500 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(splits); i++) {
        struct wire *wire = turns_new();
        struct buf script = { 0 };
        append_heavy(&script);
        append_heavy_chunked(&script);
        buf_append_string(&script, POST);
        append_heavy_chunked(&script);
        struct slice all = buf_slice(&script);
        send_slice(wire, slice_make(all.data, splits[i]));
        struct slice rest = slice_after(all, splits[i]);
        for (int turns = 0; turns < 10; turns++) {
            if (wire->wants_turn) {
                go_on(wire);
            }
            if (wire->reading && rest.len != 0) { /* as a socket: what comes while nobody reads waits */
                send_slice(wire, rest);
                rest.len = 0;
            }
        }
        assert_int_equal(world.count, 4);
        assert_int_equal(world.last_payload.len, HEAVY);
        for (size_t n = 4; n-- != 0;) {
            assert_int_equal(world.submitted[n].sequence, n);
            complete(wire, n, 1, 0, OK);
        }
        assert_string_equal(statuses(wire), "202 202 202 202");
        buf_release(&script);
        wire_free(wire);
    }
}

static void light_requests_wait_once_the_turn_is_over(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    for (int i = 0; i < 60; i++) {
        buf_append_string(&script, POST);
    }
    step_ns = NS_PER_SECOND;
    send(wire, &script);
    assert_in_range(world.count, 1, 4);
    assert_false(wire->reading);
    for (int turns = 1; wire->wants_turn; turns++) {
        size_t before = world.count;
        next_turn(wire);
        go_on(wire);
        assert_in_range(world.count - before, 1, 4);
        assert_in_range(turns, 1, 60);
    }
    assert_int_equal(world.count, 60);
    assert_true(wire->reading);
    wire_free(wire);
}

/* Pages are answered at once: no ring is ever full of them. */
static void pages_without_end_are_asked_for_in_vain(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    for (int i = 0; i < 200; i++) {
        buf_append_string(&script, GET_PING);
    }
    step_ns = NS_PER_MS;
    send(wire, &script);
    assert_true(wire->wants_turn && !wire->reading);
    assert_in_range(strlen(statuses(wire)), 3, 40 * 4);
    step_ns = 0;
    next_turn(wire);
    go_on(wire);
    assert_int_equal(strlen(statuses(wire)), 200 * 4 - 1);
    wire_free(wire);
}

static void who_waits_in_line_is_not_idle_and_is_owed_an_answer(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    append_heavy_chunked(&script);
    send(wire, &script);
    pass_seconds(wire, 1000);
    assert_false(wire->closed || wire->finished);
    assert_true(http_session_ops.owes(&wire->session));
    wire->context.draining = true;
    http_session_ops.drain(&wire->session);
    flush(wire);
    assert_int_equal(wire->written.len, 0);
    go_on(wire);
    complete(wire, 0, 1, 0, OK);
    assert_string_equal(statuses(wire), "202");
    assert_true(wrote(wire, "Connection: close") && wire->finished);
    wire_free(wire);
}

static void a_client_that_goes_while_it_waits_is_counted_once_its_body_had_begun(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    append_heavy_chunked(&script);
    send(wire, &script);
    http_session_ops.close(&wire->session);
    assert_int_equal(world.refused[ERROR_CONNECTION_CLOSED], 1);
    http_session_ops.go_on(&wire->session); /* too late */
    assert_int_equal(world.count, 0);
    wire_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heavy_body_is_served_when_it_is_its_turn),
        cmocka_unit_test(a_compressed_body_is_heavy_although_it_is_short),
        cmocka_unit_test(pipelined_requests_come_one_a_turn_in_their_order),
        cmocka_unit_test(light_requests_wait_once_the_turn_is_over),
        cmocka_unit_test(pages_without_end_are_asked_for_in_vain),
        cmocka_unit_test(who_waits_in_line_is_not_idle_and_is_owed_an_answer),
        cmocka_unit_test(a_client_that_goes_while_it_waits_is_counted_once_its_body_had_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
