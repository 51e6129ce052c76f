/* Who is served in a turn, and who waits in line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/system/heartbeat.h"
#include "proto/front/turn.h"

#define LIGHT 200
#define HEAVY (1 << 20)

static int64_t now_ns;
static unsigned looks;

static int64_t read_clock(void)
{
    looks++;
    return now_ns;
}

static struct turn a_turn(void)
{
    struct turn turn = { .clock = read_clock };
    now_ns = 100 * NS_PER_SECOND;
    looks = 0;
    turn_begin(&turn, now_ns);
    return turn;
}

/* A payload that takes so long; false: it waits. */
static bool serve(struct turn *turn, struct turn_share *share, size_t bytes, bool packed, int64_t takes_ns)
{
    if (!turn_admits(turn, share, bytes, packed)) {
        return false;
    }
    now_ns += takes_ns;
    turn_served(turn, share);
    return true;
}

static void next_turn(struct turn *turn)
{
    turn_begin(turn, now_ns);
}

static void a_light_payload_is_served_however_old_the_turn_is(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    (void)state;
    now_ns += NS_PER_SECOND;
    assert_true(turn_is_over(&turn));
    assert_true(serve(&turn, &share, LIGHT, false, 0));
}

static void one_light_payload_costs_no_look_at_the_clock(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    (void)state;
    assert_true(serve(&turn, &share, LIGHT, false, NS_PER_US));
    assert_int_equal(looks, 0);
}

static void many_light_payloads_of_one_connection_are_served_while_the_turn_is_young(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    int served = 0;
    (void)state;
    while (serve(&turn, &share, LIGHT, false, 10 * NS_PER_US)) {
        served++;
    }
    assert_in_range(served, 490, 510); /* 5 ms */
    next_turn(&turn);
    share.granted = true;
    assert_true(serve(&turn, &share, LIGHT, false, 0));
}

static void others_are_served_although_one_took_the_whole_turn(void **state)
{
    struct turn turn = a_turn();
    struct turn_share greedy = { 0 }, modest = { 0 };
    (void)state;
    while (serve(&turn, &greedy, LIGHT, false, NS_PER_MS)) {
    }
    assert_true(serve(&turn, &modest, LIGHT, false, 0));
}

static void a_heavy_payload_waits_in_line_and_is_served_then(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    (void)state;
    assert_false(serve(&turn, &share, HEAVY, false, 0));
    share.granted = true;
    assert_true(serve(&turn, &share, HEAVY, false, 0));
    assert_false(serve(&turn, &share, HEAVY, false, 0));
}

static void a_few_compressed_bytes_are_heavy(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    (void)state;
    assert_false(serve(&turn, &share, 420, true, 0));
    assert_true(serve(&turn, &share, 420, false, 0));
}

static void a_connection_whose_last_payload_took_long_waits_in_line(void **state)
{
    struct turn turn = a_turn();
    struct turn_share share = { 0 };
    (void)state;
    assert_true(serve(&turn, &share, 5000, false, 20 * NS_PER_MS));
    next_turn(&turn);
    assert_false(serve(&turn, &share, LIGHT, false, 0));
    share.granted = true;
    assert_true(serve(&turn, &share, LIGHT, false, NS_PER_US));
    next_turn(&turn);
    assert_true(serve(&turn, &share, LIGHT, false, 0)); /* it was quick again */
}

static void a_turn_that_gets_on_gives_signs_of_life(void **state)
{
    struct heartbeat heartbeat = { 0 };
    struct turn turn = a_turn();
    (void)state;
    turn.heartbeat = &heartbeat;
    heartbeat_turn(&heartbeat, now_ns);
    for (int i = 0; i < 100; i++) {
        struct turn_share share = { 0 };
        assert_true(serve(&turn, &share, 5000, false, NS_PER_SECOND));
        assert_int_equal(heartbeat_age_ns(&heartbeat, now_ns), 0);
    }
}

static void without_turns_everything_is_served_at_once(void **state)
{
    struct turn turn = { 0 };
    struct turn_share share = { 0 };
    (void)state;
    assert_true(turn_admits(&turn, &share, HEAVY, true));
    turn_served(&turn, &share);
    assert_false(turn_is_over(&turn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_light_payload_is_served_however_old_the_turn_is),
        cmocka_unit_test(one_light_payload_costs_no_look_at_the_clock),
        cmocka_unit_test(many_light_payloads_of_one_connection_are_served_while_the_turn_is_young),
        cmocka_unit_test(others_are_served_although_one_took_the_whole_turn),
        cmocka_unit_test(a_heavy_payload_waits_in_line_and_is_served_then),
        cmocka_unit_test(a_few_compressed_bytes_are_heavy),
        cmocka_unit_test(a_connection_whose_last_payload_took_long_waits_in_line),
        cmocka_unit_test(a_turn_that_gets_on_gives_signs_of_life),
        cmocka_unit_test(without_turns_everything_is_served_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
