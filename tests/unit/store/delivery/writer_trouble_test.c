/* The writer when a table, a view, a disk or the store is broken: the stream waits, says why, delays nobody, and goes on
 * by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "unit/writer_bench.h"

static const struct {
    int code;
    const char *message;
    const char *says;
} holds[] = {
    { 60, "Table default.alpha does not exist", "UNKNOWN_TABLE" },
    { 16, "No such column", "NO_SUCH_COLUMN_IN_TABLE" },
    { 516, "Authentication failed", "AUTHENTICATION_FAILED" },
    { 469, "Constraint: while pushing to view default.v", "pushing to view default.v" },
    { 241, "Memory limit exceeded", "MEMORY_LIMIT_EXCEEDED" },
};

static void a_broken_table_waits_delays_nobody_and_recovers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(holds); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.broken_table = "alpha";
        bench->fake.broken_code = holds[i].code;
        bench->fake.broken_message = holds[i].message;
        start(bench);
        for (int batch = 0; batch < 10; batch++) {
            writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
        }
        FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 3);
        writer_submit(bench->writer, new_segment(bench, 1, 5, 0));
        FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 5);
        assert_false(is_well(bench, "stream:alpha", holds[i].says));
        assert_int_equal(bench->buried_rows, 0);
        FAKE_SET(&bench->fake, bench->fake.broken_table = NULL);
        FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 50);
        assert_true(drain(bench));
        assert_true(becomes_well(bench, "stream:alpha"));
        assert_int_equal(fake_store_rows(&bench->fake), 55);
        bench_free(bench);
    }
}

static void wait_until_held(struct bench *bench, size_t stream)
{
    int64_t until_ns = clock_monotonic_ns() + 10 * NS_PER_SECOND;
    while (count(bench, METRIC_BATCHES_HELD, stream) == 0 && clock_monotonic_ns() < until_ns) {
        usleep(1000);
    }
}

static void a_batch_with_a_column_that_the_table_has_lost_waits_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct segment *old = new_segment(bench, 0, 5, 0);
    snprintf(bench->misfit, sizeof bench->misfit, "%s", old->name);
    bench->fake.misfit = bench->misfit;
    start(bench);
    writer_submit(bench->writer, old);
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
    for (int batch = 0; batch < 10; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 50);
    wait_until_held(bench, 0);
    assert_false(is_well(bench, "stream:alpha", bench->misfit));
    assert_int_equal(bench->buried_rows, 0);
    FAKE_SET(&bench->fake, bench->fake.misfit = NULL);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 55);
    assert_true(drain(bench));
    assert_true(becomes_well(bench, "stream:alpha"));
    bench_free(bench);
}

/* What an earlier configuration left: batches of another table in the lane of a stream, or of streams that are gone. */
static const struct {
    const char *what;
    size_t lane; /* stream_index of all that is submitted */
} leftovers[] = {
    { "the stream's table was another", 0 },
    { "both streams are gone", SIZE_MAX },
};

static void a_batch_of_a_table_that_is_not_its_streams_waits_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(leftovers); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.broken_table = "beta";
        bench->fake.broken_code = 60;
        bench->fake.broken_message = "Table default.beta does not exist";
        bench->options.backoff_max_ns = 20 * NS_PER_MS;
        start(bench);
        struct segment *old = new_segment(bench, 1, 7, 0);
        old->stream_index = leftovers[i].lane;
        old->recovered = true;
        writer_submit(bench->writer, old);
        FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
        for (int batch = 0; batch < 10; batch++) {
            struct segment *segment = new_segment(bench, 0, 5, 0);
            segment->stream_index = leftovers[i].lane;
            writer_submit(bench->writer, segment);
        }
        FAKE_WAIT(&bench->fake, fake_store_rows(&bench->fake) == 50);
        assert_int_equal(bench->buried_rows, 0);
        FAKE_SET(&bench->fake, bench->fake.broken_table = NULL);
        FAKE_WAIT(&bench->fake, fake_store_rows(&bench->fake) == 57);
        assert_true(drain(bench));
        bench_free(bench);
    }
}

static void a_dropped_table_is_made_by_the_next_start_and_says_so(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    bench->fake.broken_code = 60;
    bench->fake.broken_message = "Table default.alpha does not exist";
    FAKE_SET(&bench->fake, bench->fake.servers[0].engine = "");
    FAKE_SET(&bench->fake, bench->fake.broken_table = "alpha");
    int looks = bench->fake.servers[0].looks;
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].looks >= looks + 2);
    assert_false(is_well(bench, "stream:alpha", "start the gateway again"));
    bench_free(bench);
}

static void no_question_takes_longer_than_a_request_may(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    assert_int_equal(bench->fake.longest_question_ns, store_options.request_timeout_ns);
    bench_free(bench);
}

static void a_table_that_hangs_leaves_a_thread_to_the_others(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.threads = 2;
    bench->fake.broken_table = "alpha";
    bench->fake.broken_message = "";
    bench->fake.hangs_broken = true;
    start(bench);
    for (int batch = 0; batch < 5; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
    for (int batch = 0; batch < 5; batch++) {
        writer_submit(bench->writer, new_segment(bench, 1, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 25);
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = false; bench->fake.broken_table = NULL);
    assert_true(drain(bench));
    bench_free(bench);
}

static void a_failing_stream_gets_one_attempt_at_a_time(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    int before;
    bench->fake.broken_table = "alpha";
    bench->fake.broken_code = 241;
    bench->fake.broken_message = "Memory limit exceeded";
    bench->options.threads = 8;
    start(bench);
    for (int batch = 0; batch < 20; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 9); /* at most seven at first, then one by one */
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = true; before = bench->fake.servers[0].inserts);
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts == before + 1);
    assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 30 * NS_PER_MS));
    assert_int_equal(bench->fake.servers[0].inserts, before + 1);
    FAKE_SET(&bench->fake, bench->fake.hangs_broken = false; bench->fake.broken_table = NULL);
    assert_true(drain(bench));
    bench_free(bench);
}

static void a_failing_view_is_filled_again_where_that_fills_nothing_twice(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    char token[256];
    bench->fake.view_fails = true;
    bench->fake.views_refill = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 2);
    snprintf(token, sizeof token, "%s", bench->fake.last_token);
    assert_int_equal(bench->stored_rows[0], 0);
    assert_int_equal(bench->buried_rows, 0);
    FAKE_SET(&bench->fake, bench->fake.view_fails = false);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 20);
    assert_int_equal(fake_store_rows(&bench->fake), 20);
    assert_string_equal(bench->fake.last_token, token);
    assert_true(drain(bench));
    assert_int_equal(count(bench, METRIC_VIEW_GAPS, 0), 0);
    bench_free(bench);
}

static void a_views_failure_is_a_gap_that_is_told_not_rows_that_are_sent_again(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.view_fails = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 20);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    assert_int_equal(count(bench, METRIC_VIEW_GAPS, 0), 20);
    assert_false(
        is_well(bench, "stream:alpha", "view of the table fails; the events are in the table, and 20 of them"));
    FAKE_SET(&bench->fake, bench->fake.view_fails = false);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 25);
    assert_true(drain(bench));
    assert_true(is_well(bench, "stream:alpha", "lacks 20 of its events"));
    assert_int_equal(fake_store_rows(&bench->fake), 25);
    bench_free(bench);
}

static void full_dead_letters_hold_the_row_until_there_is_room(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->dead_letters_full = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 8));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 7 && bench->buried_code == 469);
    assert_false(drain(bench));
    assert_int_equal(bench->buried_rows, 0);
    FAKE_SET(&bench->fake, bench->dead_letters_full = false);
    FAKE_WAIT(&bench->fake, bench->buried_rows == 1);
    bench_free(bench);
}

static void a_batch_whose_file_is_gone_is_held_and_the_others_go_on(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct segment *gone = new_segment(bench, 0, 8, 0);
    close(gone->fd);
    gone->fd = -1;
    gone->path = strdup("/nonexistent/segment.native.lz4");
    start(bench);
    writer_submit(bench->writer, gone);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 5);
    assert_false(drain(bench));
    assert_int_equal(count(bench, METRIC_BATCHES_HELD, 0), 1);
    assert_false(is_well(bench, "stream:alpha", "cannot be read: No such file or directory"));
    bench_free(bench);
}

static void a_batch_that_went_bad_on_the_disk_is_held_and_the_others_go_on(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.backoff_max_ns = 20 * NS_PER_MS;
    start(bench);
    struct segment *bad = new_segment(bench, 0, 5, 0);
    char name[SEGMENT_NAME_MAX];
    memcpy(name, bad->name, sizeof name);
    assert_int_equal(pwrite(bad->fd, "xx", 2, (off_t)bad->length - 20), 2);
    writer_submit(bench->writer, bad);
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
    for (int batch = 0; batch < 10; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 50);
    wait_until_held(bench, 0);
    assert_false(is_well(bench, "stream:alpha", name));
    assert_int_equal(bench->buried_rows, 0);
    bench_free(bench);
}

static void what_is_stored_is_not_sent_again_because_a_disk_fails(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->disk_fails = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    FAKE_WAIT(&bench->fake, fake_store_rows(&bench->fake) == 8);
    FAKE_SET(&bench->fake, bench->disk_fails = false);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 8);
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    bench_free(bench);
}

static void a_store_that_is_down_at_start_is_waited_for(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    writer_submit(bench->writer, new_segment(bench, 0, 8, 0));
    assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 20 * NS_PER_MS));
    assert_int_equal(writer_oldest_ns(bench->writer, 0), 1);
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 2);
    assert_false(is_well(bench, "store:one", "connection refused"));
    assert_false(is_well(bench, "stream:alpha", "table not checked"));
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = false);
    assert_true(drain(bench));
    assert_true(is_well(bench, "store:one", NULL) && is_well(bench, "stream:alpha", NULL));
    bench_free(bench);
}

static void a_store_that_goes_away_and_comes_back_loses_nothing(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    for (int round = 0; round < 10; round++) {
        FAKE_SET(&bench->fake, bench->fake.servers[0].down = round % 2 == 0);
        for (int batch = 0; batch < 10; batch++) {
            writer_submit(bench->writer, new_segment(bench, (size_t)batch % 2, 10, 0));
        }
    }
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 1000);
    bench_free(bench);
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_table_waits_delays_nobody_and_recovers),
        cmocka_unit_test(a_batch_with_a_column_that_the_table_has_lost_waits_alone),
        cmocka_unit_test(a_batch_of_a_table_that_is_not_its_streams_waits_alone),
        cmocka_unit_test(a_dropped_table_is_made_by_the_next_start_and_says_so),
        cmocka_unit_test(no_question_takes_longer_than_a_request_may),
        cmocka_unit_test(a_table_that_hangs_leaves_a_thread_to_the_others),
        cmocka_unit_test(a_failing_stream_gets_one_attempt_at_a_time),
        cmocka_unit_test(a_failing_view_is_filled_again_where_that_fills_nothing_twice),
        cmocka_unit_test(a_views_failure_is_a_gap_that_is_told_not_rows_that_are_sent_again),
        cmocka_unit_test(full_dead_letters_hold_the_row_until_there_is_room),
        cmocka_unit_test(a_batch_whose_file_is_gone_is_held_and_the_others_go_on),
        cmocka_unit_test(a_batch_that_went_bad_on_the_disk_is_held_and_the_others_go_on),
        cmocka_unit_test(what_is_stored_is_not_sent_again_because_a_disk_fails),
        cmocka_unit_test(a_store_that_is_down_at_start_is_waited_for),
        cmocka_unit_test(a_store_that_goes_away_and_comes_back_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
