/* What is kept for clients: sums, and who waits longest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/front/kept.h"
#include "proto/front/slowness.h"

struct bench {
    struct metrics *metrics;
    struct kept_bound bound;
    struct kept_line line;
    struct kept_share shares[4];
};

static struct bench *bench_new(uint64_t max)
{
    static struct bench bench;
    bench = (struct bench){ .metrics = metrics_new(&(struct metrics_labels){ .fields = NULL }), .bound.max = max };
    assert_non_null(bench.metrics);
    kept_line_init(&bench.line, &bench.bound, metrics_thread(bench.metrics), METRIC_RECEIVING_BYTES);
    return &bench;
}

static int64_t gauge(const struct bench *bench)
{
    return metric_read(bench->metrics, METRIC_RECEIVING_BYTES, 0, 0, OK);
}

static void adds_up_what_all_keep(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1000);
    kept_set(&bench->line, &bench->shares[0], 300);
    kept_set(&bench->line, &bench->shares[1], 400);
    kept_set(&bench->line, &bench->shares[0], 100);
    assert_int_equal(kept_used(&bench->line), 500);
    assert_int_equal(gauge(bench), 500);
    kept_set(&bench->line, &bench->shares[0], 0);
    kept_set(&bench->line, &bench->shares[1], 0);
    assert_int_equal(kept_used(&bench->line), 0);
    assert_int_equal(gauge(bench), 0);
    metrics_free(bench->metrics);
}

static void is_tight_at_three_quarters_and_full_at_the_bound(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        bool tight, full;
    } rows[] = { { 0, false, false },  { 749, false, false }, { 750, true, false },
                 { 999, true, false }, { 1000, true, true },  { 5000, true, true } };
    struct bench *bench = bench_new(1000);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        kept_set(&bench->line, &bench->shares[0], rows[i].bytes);
        assert_int_equal(kept_is_tight(&bench->line), rows[i].tight);
        assert_int_equal(kept_is_full(&bench->line), rows[i].full);
    }
    metrics_free(bench->metrics);
    struct kept_line unbound = { 0 };
    struct kept_share share = { 0 };
    kept_set(&unbound, &share, SIZE_MAX / 2);
    assert_false(kept_is_tight(&unbound) || kept_is_full(&unbound));
}

static void the_line_is_in_the_order_of_waiting(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1000);
    struct kept_share *s = bench->shares;
    for (size_t i = 0; i < 4; i++) {
        kept_wait(&bench->line, &s[i], bench);
    }
    kept_wait(&bench->line, &s[0], bench); /* keeps its place */
    assert_ptr_equal(bench->line.oldest, &s[0]);
    kept_leave(&bench->line, &s[1]); /* from the middle */
    assert_ptr_equal(s[0].newer, &s[2]);
    assert_ptr_equal(s[2].older, &s[0]);
    kept_leave(&bench->line, &s[0]);
    kept_leave(&bench->line, &s[0]);
    kept_wait(&bench->line, &s[0], bench); /* last now */
    assert_ptr_equal(bench->line.oldest, &s[2]);
    assert_ptr_equal(bench->line.newest, &s[0]);
    kept_leave(&bench->line, &s[2]);
    kept_leave(&bench->line, &s[3]);
    kept_leave(&bench->line, &s[0]);
    assert_true(bench->line.oldest == NULL && bench->line.newest == NULL);
    metrics_free(bench->metrics);
}

static void who_leaves_is_not_stopped_any_more(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1000);
    kept_wait(&bench->line, &bench->shares[0], bench);
    kept_stop(&bench->line, &bench->shares[0], true);
    kept_stop(&bench->line, &bench->shares[0], true);
    assert_int_equal(bench->line.stopped, 1);
    kept_leave(&bench->line, &bench->shares[0]);
    assert_false(bench->shares[0].stopped);
    assert_int_equal(bench->line.stopped, 0);
    metrics_free(bench->metrics);
}

static void slow_is_who_moves_less_than_the_rate_in_ten_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        uint64_t bytes, rate;
        bool slow;
    } rows[] = { { 9, 0, 1000, false },      { 10, 0, 1000, true }, { 10, 9999, 1000, true },
                 { 10, 10000, 1000, false }, { 10, 0, 0, false },   { 25, 10000, 1000, false } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slowness slowness;
        slowness_restart(&slowness, 5 * NS_PER_SECOND, 70);
        int64_t now_ns = (5 + rows[i].seconds) * NS_PER_SECOND;
        assert_int_equal(slowness_shows(&slowness, now_ns, 70 + rows[i].bytes, rows[i].rate), rows[i].slow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_up_what_all_keep),
        cmocka_unit_test(is_tight_at_three_quarters_and_full_at_the_bound),
        cmocka_unit_test(the_line_is_in_the_order_of_waiting),
        cmocka_unit_test(who_leaves_is_not_stopped_any_more),
        cmocka_unit_test(slow_is_who_moves_less_than_the_rate_in_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
