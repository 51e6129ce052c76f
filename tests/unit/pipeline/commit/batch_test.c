#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/options/options.h"
#include "pipeline/commit/batch.h"

#define MS NS_PER_MS

static const struct due_case {
    const char *name;
    enum batch_strategy strategy;
    struct batch_state state; /* opened at 0 */
    int64_t now_ns;
    bool due;
} due_cases[] = {
    /* max_rows 1000, max_bytes 1 MiB, max_delay 100 ms */
    { "nothing is never due", BATCH_IMMEDIATE, { .rows = 0 }, 10000 * MS, false },
    { "immediate takes any row", BATCH_IMMEDIATE, { .rows = 1 }, 0, true },
    { "time waits for its age", BATCH_TIME, { .rows = 5000, .bytes = 2 << 20 }, 99 * MS, false },
    { "time is due at its age", BATCH_TIME, { .rows = 1 }, 100 * MS, true },
    { "time has a largest size", BATCH_TIME, { .rows = 1, .bytes = BATCH_LARGEST_BYTES }, 0, true },
    { "size by rows", BATCH_SIZE, { .rows = 1000 }, 0, true },
    { "size by bytes", BATCH_SIZE, { .rows = 1, .bytes = 1 << 20 }, 0, true },
    { "size is patient", BATCH_SIZE, { .rows = 999 }, 999 * MS, false },
    { "size has a time bound", BATCH_SIZE, { .rows = 1 }, 1000 * MS, true },
    { "hybrid by rows", BATCH_HYBRID, { .rows = 1000 }, 0, true },
    { "hybrid by bytes", BATCH_HYBRID, { .rows = 1, .bytes = 1 << 20 }, 0, true },
    { "hybrid by age", BATCH_HYBRID, { .rows = 1 }, 100 * MS, true },
    { "hybrid waits", BATCH_HYBRID, { .rows = 999, .bytes = 1000 }, 99 * MS, false },
    { "memory by all bytes", BATCH_MEMORY, { .rows = 1, .bytes = 9, .all_bytes = 1 << 20 }, 0, true },
    { "memory ignores rows", BATCH_MEMORY, { .rows = 5000, .bytes = 9, .all_bytes = 9 }, 0, false },
    { "memory has a time bound", BATCH_MEMORY, { .rows = 1 }, 1000 * MS, true },
    { "adaptive starts small", BATCH_ADAPTIVE, { .rows = 125 }, 0, true },
    { "adaptive waits below its target", BATCH_ADAPTIVE, { .rows = 124 }, 12 * MS, false },
    { "adaptive by bytes", BATCH_ADAPTIVE, { .rows = 1, .bytes = 1 << 20 }, 0, true },
    { "adaptive by age", BATCH_ADAPTIVE, { .rows = 1 }, 100 * MS, true },
};

static struct batch_options options_of(enum batch_strategy strategy)
{
    return (struct batch_options){ strategy, .max_rows = 1000, .max_bytes = 1 << 20, .max_delay_ns = 100 * MS };
}

static void is_due_as_its_strategy_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(due_cases); i++) {
        const struct due_case *c = &due_cases[i];
        struct batch_options options = options_of(c->strategy);
        struct batch_policy policy;
        batch_policy_init(&policy, &options);
        if (batch_is_due(&policy, &c->state, c->now_ns) != c->due) {
            fail_msg("%s", c->name);
        }
    }
}

static void is_due_at_its_deadline_and_not_before(void **state)
{
    (void)state;
    for (int strategy = BATCH_TIME; strategy <= BATCH_ADAPTIVE; strategy++) {
        struct batch_options options = options_of((enum batch_strategy)strategy);
        struct batch_policy policy;
        batch_policy_init(&policy, &options);
        struct batch_state open = { .rows = 1, .bytes = 10, .all_bytes = 10, .opened_ns = 7 * NS_PER_SECOND };
        int64_t deadline_ns = batch_deadline_ns(&policy, &open);
        assert_true(deadline_ns > open.opened_ns);
        assert_true(deadline_ns <= open.opened_ns + NS_PER_SECOND);
        assert_false(batch_is_due(&policy, &open, deadline_ns - 1));
        assert_true(batch_is_due(&policy, &open, deadline_ns));
        open.rows = 0;
        assert_true(batch_deadline_ns(&policy, &open) == INT64_MAX);
    }
}

static void never_wraps_a_deadline(void **state)
{
    (void)state;
    struct batch_options options = options_of(BATCH_SIZE);
    options.max_delay_ns = INT64_MAX / 2;
    struct batch_policy policy;
    batch_policy_init(&policy, &options);
    struct batch_state open = { .rows = 1, .opened_ns = NS_PER_SECOND };
    assert_true(batch_deadline_ns(&policy, &open) == INT64_MAX);
    assert_false(batch_is_due(&policy, &open, 2 * NS_PER_SECOND));
}

static const struct learn_case {
    const char *name;
    enum batch_strategy strategy;
    enum batch_answer answer;
    int64_t latency_ns;
    int direction;
} learn_cases[] = {
    { "grows when there are too many parts", BATCH_ADAPTIVE, BATCH_TOO_MANY_PARTS, 1 * MS, 1 },
    { "grows when the store is slow", BATCH_ADAPTIVE, BATCH_STORED, 500 * MS, 1 },
    { "shrinks when the store is quick", BATCH_ADAPTIVE, BATCH_STORED, 1 * MS / 100, -1 },
    { "stays between", BATCH_ADAPTIVE, BATCH_STORED, 6 * MS, 0 },
    { "learns nothing from a failure", BATCH_ADAPTIVE, BATCH_FAILED, 5000 * MS, 0 },
    { "hybrid does not listen", BATCH_HYBRID, BATCH_TOO_MANY_PARTS, 500 * MS, 0 },
    { "time does not listen", BATCH_TIME, BATCH_STORED, 500 * MS, 0 },
};

static int sign_of(int64_t difference)
{
    return (difference > 0) - (difference < 0);
}

static void learns_from_the_store(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(learn_cases); i++) {
        const struct learn_case *c = &learn_cases[i];
        struct batch_options options = options_of(c->strategy);
        struct batch_policy policy;
        batch_policy_init(&policy, &options);
        struct batch_policy before = policy;
        batch_learn(&policy, c->answer, 100, c->latency_ns);
        if (sign_of((int64_t)policy.target_rows - (int64_t)before.target_rows) != c->direction ||
            sign_of(policy.target_delay_ns - before.target_delay_ns) != c->direction) {
            fail_msg("%s", c->name);
        }
    }
}

static void adapts_within_its_bounds(void **state)
{
    (void)state;
    static const uint64_t max_rows[] = { 1, 10, 1000, 1000000 };
    for (size_t i = 0; i < ARRAY_LENGTH(max_rows); i++) {
        struct batch_options options = options_of(BATCH_ADAPTIVE);
        options.max_rows = max_rows[i];
        struct batch_policy policy;
        batch_policy_init(&policy, &options);
        for (int n = 0; n < 100; n++) {
            batch_learn(&policy, BATCH_STORED, 1, 1);
        }
        assert_true(policy.target_rows >= 1 && policy.target_rows <= max_rows[i] / 64 + 1);
        assert_true(policy.target_delay_ns >= options.max_delay_ns / 64);
        for (int n = 0; n < 100; n++) {
            batch_learn(&policy, BATCH_STORED, 1, 3600 * NS_PER_SECOND);
        }
        assert_int_equal(policy.target_rows, max_rows[i]);
        assert_int_equal(policy.target_delay_ns, options.max_delay_ns);
    }
}

/* A store that becomes slow answers every few seconds: batches must not stay small until it has answered often. */
static void is_at_its_largest_soon_after_a_store_becomes_slow(void **state)
{
    (void)state;
    static const int64_t latencies_ns[] = { 5 * NS_PER_SECOND, 60 * NS_PER_SECOND };
    for (size_t i = 0; i < ARRAY_LENGTH(latencies_ns); i++) {
        struct batch_options options = options_of(BATCH_ADAPTIVE);
        struct batch_policy policy;
        options.max_delay_ns = NS_PER_SECOND;
        batch_policy_init(&policy, &options);
        for (int n = 0; n < 1000; n++) {
            batch_learn(&policy, BATCH_STORED, 100, NS_PER_MS);
        }
        assert_true(policy.target_delay_ns < NS_PER_SECOND / 50);
        batch_learn(&policy, BATCH_STORED, 100, latencies_ns[i]);
        assert_int_equal(policy.target_delay_ns, options.max_delay_ns);
        assert_true(policy.target_rows >= options.max_rows / 2);
    }
}

static void one_slow_answer_among_quick_ones_is_forgotten(void **state)
{
    (void)state;
    struct batch_options options = options_of(BATCH_ADAPTIVE);
    struct batch_policy policy;
    batch_policy_init(&policy, &options);
    batch_learn(&policy, BATCH_STORED, 100, 5 * NS_PER_SECOND);
    for (int n = 0; n < 100; n++) {
        batch_learn(&policy, BATCH_STORED, 100, 1);
    }
    assert_int_equal(policy.target_delay_ns, options.max_delay_ns / 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_due_as_its_strategy_says),
        cmocka_unit_test(is_due_at_its_deadline_and_not_before),
        cmocka_unit_test(never_wraps_a_deadline),
        cmocka_unit_test(learns_from_the_store),
        cmocka_unit_test(adapts_within_its_bounds),
        cmocka_unit_test(is_at_its_largest_soon_after_a_store_becomes_slow),
        cmocka_unit_test(one_slow_answer_among_quick_ones_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
