/* The breaker and the backoff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/breaker.h"

static const struct backoff backoff = { .min_ns = 100, .max_ns = 3200 };

static void backoff_doubles_up_to_its_maximum(void **state)
{
    (void)state;
    static const struct {
        unsigned failures;
        int64_t whole;
    } cases[] = { { 1, 100 }, { 2, 200 }, { 3, 400 }, { 6, 3200 }, { 7, 3200 }, { 4000000000u, 3200 } };
    uint64_t random = 7;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int draw = 0; draw < 1000; draw++) {
            int64_t wait = backoff_ns(&backoff, cases[i].failures, &random);
            assert_in_range(wait, cases[i].whole / 2, cases[i].whole);
        }
    }
}

static void backoff_is_not_the_same_for_all(void **state)
{
    (void)state;
    uint64_t random = 7;
    int64_t least = INT64_MAX, most = 0;
    for (int draw = 0; draw < 1000; draw++) {
        int64_t wait = backoff_ns(&backoff, 6, &random);
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_true(least < 1700 && most > 3100);
}

static void backoff_survives_a_minimum_above_the_maximum(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct backoff odd = { .min_ns = 500, .max_ns = 100 };
    assert_in_range(backoff_ns(&odd, 3, &random), 50, 100);
}

static void opens_after_failures_in_a_row(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct breaker breaker = { 0 };
    breaker_failure(&breaker, 3, &backoff, 1000, &random);
    breaker_failure(&breaker, 3, &backoff, 1000, &random);
    assert_false(breaker.open);
    breaker_failure(&breaker, 3, &backoff, 1000, &random);
    assert_true(breaker.open);
    assert_in_range(breaker.next_ns, 1050, 1100);
}

static void a_success_between_failures_keeps_it_closed(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct breaker breaker = { 0 };
    for (int i = 0; i < 10; i++) {
        breaker_failure(&breaker, 2, &backoff, 1000, &random);
        assert_false(breaker.open);
        breaker_success(&breaker);
    }
}

static void a_failed_probe_opens_it_for_longer(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct breaker breaker = { 0 };
    for (int i = 0; i < 10; i++) {
        breaker_failure(&breaker, 1, &backoff, 0, &random);
    }
    assert_in_range(breaker.next_ns, 1600, 3200);
    breaker_success(&breaker);
    assert_false(breaker.open);
    assert_int_equal(breaker.next_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff_doubles_up_to_its_maximum),
        cmocka_unit_test(backoff_is_not_the_same_for_all),
        cmocka_unit_test(backoff_survives_a_minimum_above_the_maximum),
        cmocka_unit_test(opens_after_failures_in_a_row),
        cmocka_unit_test(a_success_between_failures_keeps_it_closed),
        cmocka_unit_test(a_failed_probe_opens_it_for_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
