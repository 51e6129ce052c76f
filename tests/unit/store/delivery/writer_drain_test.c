/* What a drain waits for, and what the writers leave alone once they have ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "unit/writer_bench.h"

#define LONG_NS (60 * NS_PER_SECOND)

/* Whatever is wrong, a drain with all the time of the world says at once that something is left. */
static void assert_waits_for_nothing(struct bench *bench)
{
    int64_t asked_ns = clock_monotonic_ns();
    assert_false(writer_drain(bench->writer, asked_ns + LONG_NS));
    assert_true(clock_monotonic_ns() < asked_ns + LONG_NS / 2);
}

static void a_drain_waits_for_no_store_that_is_away(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = true);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    assert_waits_for_nothing(bench); /* as soon as it has failed once */
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = false);
    assert_true(drain(bench));
    bench_free(bench);
}

static void a_drain_waits_for_no_store_that_was_never_there(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    assert_waits_for_nothing(bench);
    bench_free(bench);
}

static void a_drain_waits_for_no_stream_that_fails_but_for_the_others(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.broken_table = "alpha";
    bench->fake.broken_code = 241;
    bench->fake.broken_message = "Memory limit exceeded";
    bench->options.backoff_min_ns = bench->options.backoff_max_ns = 3600 * NS_PER_SECOND;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    writer_submit(bench->writer, new_segment(bench, 1, 7, 0));
    assert_waits_for_nothing(bench);
    assert_int_equal(bench->stored_rows[1], 7);
    assert_int_equal(fake_store_rows(&bench->fake), 7);
    bench_free(bench);
}

static void a_drain_waits_for_what_was_there_when_it_began_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    struct segment *later = new_segment(bench, 0, 5, 5); /* it would be held, or buried, in the end */
    later->first_ns = clock_wall_ns() + LONG_NS;
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 5);
    FAKE_SET(&bench->fake, bench->fake.broken_table = "alpha"; bench->fake.hangs_broken = true);
    writer_submit(bench->writer, later);
    assert_waits_for_nothing(bench);
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = false; bench->fake.broken_table = NULL);
    bench_free(bench);
}

static void what_comes_after_the_writers_have_ended_is_left_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    assert_true(drain(bench));
    writer_halt(bench->writer, clock_monotonic_ns() + LONG_NS);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 1);
    assert_int_equal(bench->stored_rows[0], 5);
    bench_free(bench);
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_waits_for_no_store_that_is_away),
        cmocka_unit_test(a_drain_waits_for_no_store_that_was_never_there),
        cmocka_unit_test(a_drain_waits_for_no_stream_that_fails_but_for_the_others),
        cmocka_unit_test(a_drain_waits_for_what_was_there_when_it_began_alone),
        cmocka_unit_test(what_comes_after_the_writers_have_ended_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
