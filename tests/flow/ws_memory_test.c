/* A WebSocket while memory is short: what came whole before is counted once, and the connection ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "failing_malloc.h"
#include "proto/ws/ws_session_private.h"
#include "ws_wire.h"

#define TEXT 0x81
#define TEXT_BEGINS 0x01
#define ENDS 0x80
#define HUGE_BYTES ((size_t)90000)

static void hold_for_room(struct wire *wire)
{
    world.admits = ERROR_QUEUE_FULL;
    (void)wire;
}

static void hold_by_the_stream(struct wire *wire)
{
    world.admits_stream = ERROR_QUEUE_FULL;
    (void)wire;
}

static void hold_by_the_bound(struct wire *wire)
{
    wire->websocket.max_in_flight = 0;
}

static size_t refused_in_all(void)
{
    size_t all = 0;
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        all += world.refused[i];
    }
    return all;
}

/* The next receive does not fit, and cannot be kept. */
static void receive_without_memory(struct wire *wire)
{
    struct buf bytes = { 0 };
    buf_append_fill(&bytes, 'x', HUGE_BYTES);
    malloc_fail(0, 1);
    ws_session_ops.receive(wire->session, buf_slice(&bytes));
    assert_true(malloc_has_failed());
    wire_flush(wire);
    buf_release(&bytes);
}

static void messages_that_waited_are_counted_once_when_memory_ends(void **state)
{
    (void)state;
#ifdef MALLOC_CANNOT_FAIL
    skip();
#endif
    static void (*const holds[])(struct wire *) = { hold_for_room, hold_by_the_stream, hold_by_the_bound };
    static const struct {
        bool fragmented, cut; /* the first is of two frames; the last is cut off */
        size_t messages;
    } rows[] = { { false, false, 3 }, { true, false, 3 }, { false, true, 4 }, { true, true, 4 } };
    for (size_t i = 0; i < ARRAY_LENGTH(holds) * ARRAY_LENGTH(rows); i++) {
        struct wire *wire = wire_new(true);
        struct buf bytes = { 0 };
        holds[i / ARRAY_LENGTH(rows)](wire);
        size_t row = i % ARRAY_LENGTH(rows);
        wire_frame(&bytes, rows[row].fragmented ? TEXT_BEGINS : TEXT, SLICE("held"));
        if (rows[row].fragmented) {
            wire_frame(&bytes, ENDS, SLICE(" in two"));
        }
        wire_frame(&bytes, TEXT, SLICE("behind it"));
        wire_frame(&bytes, TEXT, SLICE("and that"));
        if (rows[row].cut) {
            wire_frame(&bytes, TEXT, SLICE("cut off"));
            bytes.len -= 3;
        }
        wire_receive(wire, buf_slice(&bytes));
        buf_release(&bytes);
        assert_int_equal(wire->session->input.flow, WS_HELD);
        assert_int_equal(refused_in_all(), 0);
        receive_without_memory(wire);
        assert_int_equal(world.refused[ERROR_OUT_OF_MEMORY], rows[row].messages);
        assert_int_equal(refused_in_all(), rows[row].messages);
        assert_true(strstr(buf_c_string(&wire->written), "memory") != NULL);
        wire_free(wire);
        assert_int_equal(refused_in_all(), rows[row].messages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_that_waited_are_counted_once_when_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
