/* What a WebSocket keeps is counted against the bounds of all, and a client that is too slow, or in the way of others,
 * goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/ws/ws_session_private.h"
#include "ws_wire.h"

#define TEXT 0x81
#define TEXT_BEGINS 0x01
#define GOES_ON 0x00
#define ENDS 0x80
#define PING 0x89
#define MAX ((uint64_t)1 << 20)
#define TIGHT (MAX / 4 * 3)
#define BIG (KEPT_BIG + 1)

static struct kept_bound receiving, replying;

static struct wire *bounded_new(void)
{
    struct wire *wire = wire_new(true);
    receiving = (struct kept_bound){ .max = MAX };
    replying = (struct kept_bound){ .max = MAX };
    wire->websocket.max_message_bytes = MAX;
    wire->websocket.message_timeout_ns = 1000 * NS_PER_SECOND;
    wire->websocket.ping_interval_ns = 1000 * NS_PER_SECOND;
    kept_line_init(&wire->context.receiving, &receiving, wire->context.intake.cells, METRIC_RECEIVING_BYTES);
    kept_line_init(&wire->context.replying, &replying, wire->context.intake.cells, METRIC_REPLYING_BYTES);
    return wire;
}

/* All that was counted is given back. */
static void bounded_free(struct wire *wire)
{
    ws_session_ops.close(wire->session);
    assert_null(wire->context.receiving.oldest);
    assert_null(wire->context.replying.oldest);
    assert_int_equal(wire->context.receiving.stopped, 0);
    assert_int_equal(receiving.used, 0);
    assert_int_equal(replying.used, 0);
    wire_free(wire);
}

/* A frame of blanks, but for its last `short_of` bytes. */
static void send_cut(struct wire *wire, uint8_t first, size_t length, size_t short_of)
{
    struct buf payload = { 0 }, bytes = { 0 };
    buf_append_fill(&payload, ' ', length);
    wire_frame(&bytes, first, buf_slice(&payload));
    wire_receive(wire, slice_make(bytes.data, bytes.len - short_of));
    buf_release(&payload);
    buf_release(&bytes);
}

static void send(struct wire *wire, uint8_t first, size_t length)
{
    send_cut(wire, first, length, 0);
}

static bool said_close(const struct wire *wire, unsigned code)
{
    const char bytes[] = { (char)(code >> 8), (char)code };
    return wire->written.len > 3 && memmem(wire->written.data, wire->written.len, bytes, sizeof bytes) != NULL;
}

static int64_t closed_by_us(const struct wire *wire, enum error error)
{
    return metric_read(wire->metrics, METRIC_WEBSOCKETS_CLOSED, 0, error, OK);
}

static void others_keep(struct wire *wire, uint64_t bytes)
{
    receiving.used = bytes + wire->session->received.bytes;
}

static void others_leave(struct wire *wire)
{
    receiving.used = wire->session->received.bytes;
}

static void a_message_waits_in_line_until_it_is_whole(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    send(wire, TEXT, 100);
    assert_null(wire->context.receiving.oldest);
    send_cut(wire, TEXT, 100, 1);
    assert_ptr_equal(wire->context.receiving.oldest, &wire->session->received);
    assert_true(receiving.used >= 100);
    wire_receive(wire, SLICE("\xD4")); /* the last blank, masked */
    assert_null(wire->context.receiving.oldest);
    send(wire, TEXT_BEGINS, 70000);
    send(wire, PING, 0);
    assert_ptr_equal(wire->context.receiving.oldest, &wire->session->received);
    assert_true(receiving.used >= 70000);
    send(wire, ENDS, 1);
    assert_null(wire->context.receiving.oldest);
    assert_int_equal(world.calls, 3);
    bounded_free(wire);
}

static void a_big_message_stops_when_it_is_tight_a_small_one_when_it_is_full(void **state)
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
        send(wire, TEXT_BEGINS, cases[i].come);
        others_keep(wire, cases[i].others);
        assert_true(wire->reading);
        send(wire, GOES_ON, 1);
        assert_int_equal(wire->reading, !cases[i].stops);
        assert_int_equal(wire->context.receiving.stopped, cases[i].stops);
        others_leave(wire);
        ws_session_ops.resume(wire->session);
        assert_true(wire->reading);
        send(wire, ENDS, 1);
        assert_int_equal(world.calls, 1);
        bounded_free(wire);
    }
}

static void a_message_that_stands_still_for_want_of_room_is_refused(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    send(wire, TEXT_BEGINS, 1000);
    others_keep(wire, MAX);
    send(wire, GOES_ON, 1);
    wire_pass_seconds(wire, 4);
    assert_false(said_close(wire, 1013));
    wire_pass_seconds(wire, 1);
    assert_true(said_close(wire, 1013));
    assert_int_equal(world.refused[ERROR_RECEIVING_FULL], 1);
    others_leave(wire);
    bounded_free(wire);
}

static void a_message_that_comes_too_slowly_is_refused(void **state)
{
    (void)state;
    for (size_t rate = 90; rate <= 100; rate += 10) {
        struct wire *wire = bounded_new();
        wire->options.min_body_rate = 100;
        send(wire, TEXT_BEGINS, 1);
        for (int second = 0; second < 30; second++) {
            send(wire, GOES_ON, rate - 6); /* and its header */
            wire_pass_seconds(wire, 1);
        }
        assert_int_equal(said_close(wire, 1008), rate < 100);
        assert_int_equal(world.refused[ERROR_TIMEOUT], rate < 100);
        bounded_free(wire);
    }
}

static void who_takes_acknowledgements_too_slowly_goes(void **state)
{
    (void)state;
    for (size_t rate = 9; rate <= 10; rate++) {
        struct wire *wire = bounded_new();
        wire->options.min_reply_rate = 10;
        send(wire, PING, 100);
        wire->untaken = 10000;
        wire->session->out.taken += 10000; /* earlier ones, that the client has not taken yet */
        wire->block = true;
        send(wire, PING, 100);
        assert_ptr_equal(wire->context.replying.oldest, &wire->session->replies);
        for (int second = 0; second < 15 && !wire->closed; second++) {
            wire->untaken -= rate;
            wire_pass_seconds(wire, 1);
        }
        assert_int_equal(wire->closed, rate < 10);
        assert_int_equal(closed_by_us(wire, ERROR_TIMEOUT), rate < 10);
        bounded_free(wire);
    }
}

static void who_gives_way_is_told_and_keeps_nothing(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    send(wire, TEXT_BEGINS, BIG);
    ws_session_ops.give_way(wire->session, ERROR_RECEIVING_FULL);
    wire_flush(wire);
    assert_true(said_close(wire, 1013));
    assert_int_equal(world.refused[ERROR_RECEIVING_FULL], 1);
    assert_null(wire->context.receiving.oldest);
    assert_true(receiving.used < BIG);
    bounded_free(wire);

    wire = bounded_new();
    wire->block = true;
    send(wire, PING, 100);
    assert_true(replying.used >= 100);
    ws_session_ops.give_way(wire->session, ERROR_REPLYING_FULL);
    assert_true(wire->closed);
    assert_int_equal(closed_by_us(wire, ERROR_REPLYING_FULL), 1);
    assert_null(wire->context.replying.oldest);
    assert_int_equal(replying.used, 0);
    bounded_free(wire);
}

static void an_idle_one_keeps_nothing(void **state)
{
    (void)state;
    struct wire *wire = bounded_new();
    send(wire, TEXT, 70000);
    wire_complete(wire, 0, 1, 0, OK);
    wire_flush(wire);
    assert_true(receiving.used >= 70000);
    wire_pass_seconds(wire, 1);
    assert_int_equal(receiving.used, 0);
    assert_int_equal(replying.used, 0);
    bounded_free(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_waits_in_line_until_it_is_whole),
        cmocka_unit_test(a_big_message_stops_when_it_is_tight_a_small_one_when_it_is_full),
        cmocka_unit_test(a_message_that_stands_still_for_want_of_room_is_refused),
        cmocka_unit_test(a_message_that_comes_too_slowly_is_refused),
        cmocka_unit_test(who_takes_acknowledgements_too_slowly_goes),
        cmocka_unit_test(who_gives_way_is_told_and_keeps_nothing),
        cmocka_unit_test(an_idle_one_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
