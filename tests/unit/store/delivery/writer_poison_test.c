/* The writer and batches that can never succeed as they are: they change or step aside, and good rows are never buried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "event/event_id.h"
#include "unit/writer_bench.h"

static const struct {
    const char *what;
    int code;
    const char *message;
} poisons[] = {
    { "an expression that divides by zero", 153, "Division by zero" },
    { "an expression that throws", 395, "Value passed to throwIf" },
    { "a code in no list", 9999, "?" },
};

static void a_row_that_always_fails_becomes_a_dead_letter_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(poisons); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.bad_code = poisons[i].code;
        bench->fake.bad_message = poisons[i].message;
        start(bench);
        writer_submit(bench->writer, new_segment(bench, 0, 1000, 300));
        writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
        assert_true(drain(bench));
        if (fake_store_rows(&bench->fake) != 1007 || bench->buried_rows != 3) {
            fail_msg("%s: %zu rows, %d buried", poisons[i].what, fake_store_rows(&bench->fake),
                     (int)bench->buried_rows);
        }
        assert_int_equal(bench->buried_code, poisons[i].code);
        assert_true(becomes_well(bench, "stream:alpha"));
        bench_free(bench);
    }
}

/* The row waits alone until something else has been taken; then it is known to be its own fault. */
static void a_row_alone_waits_for_evidence_and_delays_nobody(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.bad_code = 153;
    bench->fake.bad_message = "Division by zero";
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 1, 1));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 8);
    assert_int_equal(bench->buried_rows, 0);
    assert_false(is_well(bench, "stream:alpha", "ILLEGAL_DIVISION"));
    assert_int_equal(count(bench, METRIC_BATCHES_HELD, 0), 1);
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 10 && bench->buried_rows == 1);
    bench_free(bench);
}

static const struct {
    const char *what;
    struct store_reply reply;
} too_big[] = {
    { "memory of a query", { .outcome = STORE_ANSWERED, .code = 241, .message = "Query memory limit exceeded" } },
    { "memory of the server", { .outcome = STORE_ANSWERED, .code = 241, .message = "(total) memory limit exceeded" } },
    { "files", { .outcome = STORE_ANSWERED, .code = 76, .message = "Too many open files" } },
    { "partitions",
      { .outcome = STORE_ANSWERED, .code = 252, .message = "Too many partitions for single INSERT block" } },
    { "a proxy", { .outcome = STORE_ANSWERED, .http_status = 413, .message = "Request Entity Too Large" } },
    { "time", { .outcome = STORE_UNKNOWN, .message = "time-out" } },
};

static void a_batch_that_is_too_big_is_stored_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(too_big); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.most_rows = 70;
        bench->fake.too_big = too_big[i].reply;
        start(bench);
        writer_submit(bench->writer, new_segment(bench, 0, 1000, 0));
        writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
        assert_true(drain(bench));
        if (fake_store_rows(&bench->fake) != 1010 || bench->buried_rows != 0) {
            fail_msg("%s: %zu rows, %d buried", too_big[i].what, fake_store_rows(&bench->fake),
                     (int)bench->buried_rows);
        }
        bench_free(bench);
    }
}

/* Whatever a broken table answers, with one batch waiting or with many, small or big. */
static const struct {
    int code;
    const char *message;
} breakdowns[] = {
    { 153, "Division by zero" },          { 9999, "?" },
    { 241, "Memory limit exceeded" },     { 241, "Query memory limit exceeded" },
    { 242, "Table is in readonly mode" }, { 252, "Too many partitions for single INSERT block" },
};

static void a_broken_table_buries_nothing_and_stores_everything_once_mended(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(breakdowns); i++) {
        for (size_t rows = 1; rows <= 256; rows *= 16) {
            struct bench *bench = bench_new(1);
            bench->fake.broken_table = "alpha";
            bench->fake.broken_code = breakdowns[i].code;
            bench->fake.broken_message = breakdowns[i].message;
            start(bench);
            for (int batch = 0; batch < 20; batch++) {
                writer_submit(bench->writer, new_segment(bench, 0, rows, 0));
            }
            FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 40);
            assert_int_equal(bench->buried_rows, 0);
            assert_true(count(bench, METRIC_BATCHES_WAITING, 0) < 100);
            assert_true(count(bench, METRIC_BATCHES_HELD, 0) <= 3); /* the stream waits, not each batch for itself */
            writer_submit(bench->writer, new_segment(bench, 1, 5, 0));
            FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 5);
            FAKE_SET(&bench->fake, bench->fake.broken_table = NULL);
            FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 20 * rows);
            assert_true(drain(bench));
            assert_int_equal(fake_store_rows(&bench->fake), 20 * rows + 5);
            assert_int_equal(bench->buried_rows, 0);
            assert_true(becomes_well(bench, "stream:alpha"));
            bench_free(bench);
        }
    }
}

/* Its own trouble with the server's state (too many parts of its partition, say) never ends. */
static void a_batch_that_never_passes_steps_aside(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.bad_code = 252;
    bench->fake.bad_message = "Too many parts (300)";
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 10, 10));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts >= 1);
    for (int batch = 0; batch < 20; batch++) {
        writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 200);
    assert_int_equal(bench->buried_rows, 0);
    assert_int_equal(count(bench, METRIC_SPLITS, 0), 0);
    bench_free(bench);
}

/* One refused row, and `there` rows of an earlier batch. */
static void rows_that_are_there_already_hold_nobody(void **state)
{
    (void)state;
    static const size_t there[] = { 1, 60, 199, 200 };
    for (size_t i = 0; i < ARRAY_LENGTH(there); i++) {
        struct bench *bench = bench_new(1);
        struct segment *segment = new_segment(bench, 0, 200, 150);
        struct buf ids = { 0 };
        assert_int_equal(segment_event_ids(segment, &ids), OK);
        buf_append(&bench->fake.servers[0].rows, ids.data, there[i] * sizeof(struct event_id));
        buf_release(&ids);
        start(bench);
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        bool is_there = there[i] >= 150; /* the refused row itself is */
        assert_int_equal(bench->buried_rows, is_there ? 0 : 1);
        assert_int_equal(bench->stored_rows[0], is_there ? 200 : 199);
        bench_free(bench);
    }
}

/* Good rows between rows at fault, with nothing behind them: each tells of the others. */
static void no_good_row_waits_for_the_bad_ones(void **state)
{
    (void)state;
    for (size_t rows = 4; rows <= 64; rows *= 2) {
        struct bench *bench = bench_new(1);
        struct buf wire = { 0 };
        for (size_t i = 0; i < rows; i++) {
            append_id(&wire, bench->next_id++, i < 3);
        }
        bench->fake.bad_code = 9999;
        bench->fake.bad_message = "?";
        start(bench);
        writer_submit(bench->writer, new_segment(bench, 0, 2, 1)); /* nothing of it is good */
        writer_submit(bench->writer, make_segment(bench, 0, buf_slice(&wire)));
        FAKE_WAIT(&bench->fake, bench->stored_rows[0] == rows - 3 && bench->buried_rows == 5);
        assert_true(drain(bench));
        buf_release(&wire);
        bench_free(bench);
    }
}

static void the_budget_of_refusals_holds_for_poison_as_well(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.backoff_max_ns = 3600 * NS_PER_SECOND;
    bench->fake.bad_code = 153;
    bench->fake.bad_message = "Division by zero";
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 1000, 2));
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    FAKE_WAIT(&bench->fake, bench->buried_rows == 10);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] >= 20);
    drain(bench);
    assert_int_equal(bench->buried_rows, 10);
    assert_false(is_well(bench, "stream:alpha", "it is the schema"));
    bench_free(bench);
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_always_fails_becomes_a_dead_letter_alone),
        cmocka_unit_test(a_row_alone_waits_for_evidence_and_delays_nobody),
        cmocka_unit_test(a_batch_that_is_too_big_is_stored_in_pieces),
        cmocka_unit_test(a_broken_table_buries_nothing_and_stores_everything_once_mended),
        cmocka_unit_test(a_batch_that_never_passes_steps_aside),
        cmocka_unit_test(rows_that_are_there_already_hold_nobody),
        cmocka_unit_test(no_good_row_waits_for_the_bad_ones),
        cmocka_unit_test(the_budget_of_refusals_holds_for_poison_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
