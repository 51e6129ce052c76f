/* WebSockets take turns: a message that waits in line is taken later, and acknowledged in its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ws/ws_session_private.h"
#include "ws_wire.h"

#define TEXT 0x81
#define TEXT_BEGINS 0x01
#define ENDS 0x80
#define HEAVY ((size_t)70 << 10)

static int64_t time_ns;
static int64_t step_ns; /* each look at the clock is so much later */

static int64_t read_clock(void)
{
    return time_ns += step_ns;
}

static struct wire *turns_new(void)
{
    struct wire *wire = wire_new(true);
    wire->context.turn = (struct turn){ .clock = read_clock };
    time_ns = NS_PER_SECOND;
    step_ns = 0;
    turn_begin(&wire->context.turn, time_ns);
    return wire;
}

static void go_on(struct wire *wire)
{
    assert_true(wire->wants_turn);
    wire->wants_turn = false;
    turn_begin(&wire->context.turn, time_ns);
    ws_session_ops.go_on(wire->session);
    wire_flush(wire);
}

static void append(struct buf *script, uint8_t first, size_t length)
{
    struct buf payload = { 0 };
    buf_append_fill(&payload, ' ', length);
    wire_frame(script, first, buf_slice(&payload));
    buf_release(&payload);
}

static void send(struct wire *wire, struct buf *script)
{
    wire_receive(wire, buf_slice(script));
    buf_release(script);
}

static void heavy_messages_of_one_read_come_one_a_turn(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    for (int i = 0; i < 3; i++) {
        append(&script, TEXT, HEAVY);
    }
    append(&script, TEXT, 10);
    send(wire, &script);
    assert_true(world.calls == 0 && !wire->reading);
    for (size_t i = 1; i <= 3; i++) {
        go_on(wire);
        assert_int_equal(world.calls, i == 3 ? 4 : i);
    }
    assert_true(wire->reading && !wire->wants_turn);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(world.submitted[i].sequence, world.submitted[0].sequence + i);
        wire_complete(wire, i, 1, 0, OK);
    }
    wire_flush(wire);
    assert_non_null(strstr(buf_c_string(&wire->written), "{\"ack\":4,\"accepted\":4,"));
    wire_free(wire);
}

static void a_message_in_fragments_weighs_what_they_weigh_together(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    append(&script, TEXT_BEGINS, HEAVY / 2);
    append(&script, ENDS, HEAVY / 2);
    send(wire, &script);
    assert_int_equal(world.calls, 0);
    go_on(wire);
    assert_int_equal(world.calls, 1);
    assert_int_equal(world.last_payload.len, HEAVY);
    wire_free(wire);
}

static void light_messages_wait_once_the_turn_is_over(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    for (int i = 0; i < 60; i++) {
        append(&script, TEXT, 10);
    }
    step_ns = NS_PER_SECOND;
    send(wire, &script);
    assert_in_range(world.calls, 1, 4);
    for (int turns = 0; wire->wants_turn; turns++) {
        go_on(wire);
        assert_in_range(turns, 0, 60);
    }
    assert_int_equal(world.calls, 60);
    assert_true(wire->reading);
    wire_free(wire);
}

static void who_waits_in_line_is_not_timed_out(void **state)
{
    (void)state;
    struct wire *wire = turns_new();
    struct buf script = { 0 };
    append(&script, TEXT, HEAVY);
    send(wire, &script);
    for (int i = 0; i < 100; i++) {
        wire_pass_seconds(wire, 1);
    }
    assert_false(wire->closed || wire->finished);
    assert_int_equal(wire->written.len, 0);
    assert_true(ws_session_ops.owes(wire->session));
    go_on(wire);
    assert_int_equal(world.calls, 1);
    wire_free(wire);
}

static void a_message_in_line_is_counted_if_the_gateway_drains_or_the_client_goes(void **state)
{
    (void)state;
    for (int drains = 0; drains < 2; drains++) {
        struct wire *wire = turns_new();
        struct buf script = { 0 };
        append(&script, TEXT, HEAVY);
        send(wire, &script);
        if (drains != 0) {
            ws_session_ops.drain(wire->session);
            wire_flush(wire);
            ws_session_ops.go_on(wire->session);
            assert_int_equal(world.refused[ERROR_DRAINING], 1);
            assert_int_equal(world.calls, 0);
        } else {
            ws_session_ops.close(wire->session); /* what came whole is submitted */
            assert_int_equal(world.calls, 1);
        }
        wire_free(wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heavy_messages_of_one_read_come_one_a_turn),
        cmocka_unit_test(a_message_in_fragments_weighs_what_they_weigh_together),
        cmocka_unit_test(light_messages_wait_once_the_turn_is_over),
        cmocka_unit_test(who_waits_in_line_is_not_timed_out),
        cmocka_unit_test(a_message_in_line_is_counted_if_the_gateway_drains_or_the_client_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
