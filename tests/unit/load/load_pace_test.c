/* Turns rates and stalls into due times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pace.h"

#define MS INT64_C(1000000)
#define START (INT64_C(5000) * MS)

/* Takes all that is due; how many. */
static uint64_t take_due(struct pace *pace, int64_t now_ns, enum pace_answer *answer)
{
    uint64_t taken = 0;
    int64_t due_ns;
    while ((*answer = pace_take(pace, now_ns, &due_ns)) == PACE_DUE) {
        taken++;
    }
    return taken;
}

static void an_open_loop_keeps_to_its_schedule(void **state)
{
    (void)state;
    struct pace pace = { .interval_ns = 10 * MS, .length_ns = 1000 * MS, .start_ns = START };
    for (int64_t n = 0; n < 100; n++) {
        int64_t due_ns = 0;
        assert_int_equal(pace_next_ns(&pace), START + n * 10 * MS);
        assert_int_equal(pace_take(&pace, START + n * 10 * MS - 1, &due_ns), PACE_NOT_YET);
        assert_int_equal(pace_take(&pace, START + n * 10 * MS + 3, &due_ns), PACE_DUE);
        assert_int_equal(due_ns, START + n * 10 * MS);
    }
    int64_t due_ns;
    assert_int_equal(pace_take(&pace, START + 990 * MS, &due_ns), PACE_OVER);
    assert_int_equal(pace_unsent(&pace), 0);
}

static void what_was_due_in_a_stall_is_still_due_and_since_then(void **state)
{
    (void)state;
    struct pace pace = { .interval_ns = 10 * MS, .length_ns = 1000 * MS, .start_ns = START };
    enum pace_answer answer;
    int64_t due_ns;
    assert_int_equal(take_due(&pace, START + 100 * MS, &answer), 11);
    assert_int_equal(pace_take(&pace, START + 600 * MS, &due_ns), PACE_DUE);
    assert_int_equal(due_ns, START + 110 * MS);
    assert_int_equal(take_due(&pace, START + 600 * MS, &answer), 49);
    assert_int_equal(answer, PACE_NOT_YET);
}

static void what_was_due_before_the_end_is_sent_after_it_but_not_for_ever(void **state)
{
    (void)state;
    struct pace pace = { .interval_ns = 10 * MS, .length_ns = 1000 * MS, .start_ns = START };
    enum pace_answer answer;
    int64_t due_ns;
    take_due(&pace, START + 500 * MS, &answer);
    assert_int_equal(pace_take(&pace, START + 1500 * MS, &due_ns), PACE_DUE);
    assert_int_equal(due_ns, START + 510 * MS);
    assert_int_equal(pace_take(&pace, START + 2000 * MS, &due_ns), PACE_OVER);
    assert_int_equal(pace_unsent(&pace), 48);
}

static void a_closed_loop_is_always_due_until_its_end(void **state)
{
    (void)state;
    struct pace pace = { .length_ns = 1000 * MS, .start_ns = START };
    int64_t due_ns = 0;
    for (int64_t now_ns = START; now_ns < START + 1000 * MS; now_ns += 7 * MS) {
        assert_true(pace_next_ns(&pace) <= now_ns);
        assert_int_equal(pace_take(&pace, now_ns, &due_ns), PACE_DUE);
        assert_int_equal(due_ns, now_ns);
    }
    assert_int_equal(pace_take(&pace, START + 1000 * MS, &due_ns), PACE_OVER);
    assert_int_equal(pace_unsent(&pace), 0);
}

static void a_limit_ends_either_loop_whatever_the_time(void **state)
{
    (void)state;
    struct pace closed = { .length_ns = MS, .limit = 30, .start_ns = START };
    struct pace open = { .interval_ns = 10 * MS, .length_ns = MS, .limit = 30, .start_ns = START };
    enum pace_answer answer = PACE_DUE;
    assert_int_equal(take_due(&closed, START + 9000 * MS, &answer), 30);
    assert_int_equal(take_due(&open, START + 100 * MS, &answer), 11);
    assert_int_equal(pace_unsent(&open), 19);
    assert_int_equal(take_due(&open, START + 9000 * MS, &answer), 19);
    assert_int_equal(answer, PACE_OVER);
    assert_true(pace_next_ns(&open) <= START); /* there is something to say at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_loop_keeps_to_its_schedule),
        cmocka_unit_test(what_was_due_in_a_stall_is_still_due_and_since_then),
        cmocka_unit_test(what_was_due_before_the_end_is_sent_after_it_but_not_for_ever),
        cmocka_unit_test(a_closed_loop_is_always_due_until_its_end),
        cmocka_unit_test(a_limit_ends_either_loop_whatever_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
