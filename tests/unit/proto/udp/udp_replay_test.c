#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/udp/udp_replay.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define WINDOW (60 * NS_PER_SECOND)
#define MOST 1000

static bool forgot;

/* The signature of this number, of a datagram signed and received at these times. */
static enum error note(struct udp_replay *replay, uint64_t number, int64_t signed_ns, int64_t now_ns)
{
    char mac[16] = { 0 };
    memcpy(mac, &number, sizeof number);
    const struct udp_signature signature = { mac, signed_ns, now_ns, WINDOW };
    return udp_replay_note(replay, &signature, &forgot);
}

static struct udp_replay *replay;

static int make(void **state)
{
    (void)state;
    replay = udp_replay_new(MOST, NOW);
    return replay == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    udp_replay_free(replay);
    return 0;
}

static void a_signature_is_taken_once(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < MOST; i++) {
        assert_int_equal(note(replay, i, NOW + 5, NOW + 5), OK);
        assert_false(forgot);
    }
    for (uint64_t i = 0; i < MOST; i++) {
        assert_int_equal(note(replay, i, NOW + 5, NOW + WINDOW), ERROR_REPLAYED);
    }
}

static void what_was_signed_before_the_start_is_refused(void **state)
{
    (void)state;
    assert_int_equal(note(replay, 1, NOW - 1, NOW + 5), ERROR_SIGNATURE_TIME);
    assert_int_equal(note(replay, 1, NOW, NOW + 5), OK);
}

/* Twice as much in a window as it holds: each still is taken once, and what was forgotten does not come in again. */
static void nothing_that_was_forgotten_comes_in_again(void **state)
{
    (void)state;
    int64_t step = WINDOW / (2 * MOST);
    uint64_t shortened = 0;
    for (uint64_t i = 0; i < 10 * MOST; i++) {
        int64_t at = NOW + (int64_t)i * step;
        assert_int_equal(note(replay, i, at, at), OK);
        shortened += forgot;
        uint64_t old = i - i / 3;
        enum error error = note(replay, old, NOW + (int64_t)old * step, at);
        assert_int_equal(error, i - old < MOST ? ERROR_REPLAYED : ERROR_SIGNATURE_TIME);
    }
    assert_int_equal(shortened, 9 * MOST);
}

static void a_place_whose_window_is_over_is_free(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20 * MOST; i++) {
        int64_t at = NOW + (int64_t)i * 2 * (WINDOW / MOST);
        assert_int_equal(note(replay, i, at, at), OK);
        assert_false(forgot);
    }
}

/* A clock ahead fills the places: others are refused by then, and never is anything taken twice. */
static void signatures_of_the_future_are_kept(void **state)
{
    (void)state;
    int64_t ahead = NOW + WINDOW / 2;
    for (uint64_t i = 0; i < MOST; i++) {
        assert_int_equal(note(replay, i, ahead, NOW), OK);
    }
    assert_int_equal(note(replay, MOST, NOW, NOW), ERROR_SIGNATURES_FULL);
    assert_int_equal(note(replay, MOST, ahead, NOW), ERROR_SIGNATURES_FULL);
    for (uint64_t i = 0; i < MOST; i++) {
        assert_int_equal(note(replay, i, ahead, NOW + 1), ERROR_REPLAYED);
    }
    assert_int_equal(note(replay, MOST, ahead + 1, ahead + 1), OK);
}

static void owners_share_one_memory(void **state)
{
    (void)state;
    struct udp_replay *shared = udp_replay_share(replay);
    assert_int_equal(note(replay, 7, NOW, NOW), OK);
    assert_int_equal(note(shared, 7, NOW, NOW), ERROR_REPLAYED);
    udp_replay_free(replay);
    assert_int_equal(note(shared, 7, NOW, NOW), ERROR_REPLAYED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_is_taken_once, make, end),
        cmocka_unit_test_setup_teardown(what_was_signed_before_the_start_is_refused, make, end),
        cmocka_unit_test_setup_teardown(nothing_that_was_forgotten_comes_in_again, make, end),
        cmocka_unit_test_setup_teardown(a_place_whose_window_is_over_is_free, make, end),
        cmocka_unit_test_setup_teardown(signatures_of_the_future_are_kept, make, end),
        cmocka_unit_test_setup_teardown(owners_share_one_memory, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
