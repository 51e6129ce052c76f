/* Batches that wait and go as one INSERT: whatever becomes of it, every row ends up in the table once, or in the dead
 * letters, or waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "unit/writer_bench.h"

#define MOST_ROWS 1000

/* A writer that has `segments` batches of `rows` rows before its server comes; `recovered` as at a start. */
static struct bench *with_backlog(int segments, size_t rows, size_t bad_every, bool recovered)
{
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < segments; i++) {
        struct segment *segment = new_segment(bench, 0, rows, bad_every);
        segment->recovered = recovered;
        writer_submit(bench->writer, segment);
    }
    return bench;
}

static void let_the_server_come(struct bench *bench)
{
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = false);
}

static void batches_that_wait_go_as_one_insert(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(50, 20, 0, false);
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 50);
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    assert_int_equal(bench->fake.largest, 1000);
    assert_int_equal(fake_store_rows(&bench->fake), 1000);
    assert_int_equal(bench->stored_rows[0], 1000);
    assert_int_equal(count(bench, METRIC_BATCHES_STORED, 0), 50); /* who waits for one of them is told */
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 0);
    assert_int_equal(writer_oldest_ns(bench->writer, 0), INT64_MAX);
    assert_true(becomes_well(bench, "stream:alpha"));
    bench_free(bench);
}

static void no_insert_has_more_than_a_batch_may_have(void **state)
{
    (void)state;
    static const struct {
        int segments;
        size_t rows;
        int inserts;
    } cases[] = { { 30, 100, 3 }, { 3, 501, 3 }, { 4, 500, 2 }, { 3, 1500, 3 }, { 2500, 1, 3 } };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct bench *bench = with_backlog(cases[i].segments, cases[i].rows, 0, false);
        let_the_server_come(bench);
        assert_true(drain(bench));
        assert_int_equal(bench->fake.servers[0].inserts, cases[i].inserts);
        assert_int_equal(fake_store_rows(&bench->fake), (size_t)cases[i].segments * cases[i].rows);
        assert_true(bench->fake.largest <= MOST_ROWS || bench->fake.largest == cases[i].rows);
        bench_free(bench);
    }
    stream_options[0].batch.max_bytes = 20 * 20 * 16;
    struct bench *bench = with_backlog(50, 20, 0, false);
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_true(bench->fake.largest < 20 * 20 && bench->fake.servers[0].inserts == 3);
    bench_free(bench);
    stream_options[0].batch.max_bytes = 1 << 30;
}

static const struct {
    const char *what;
    struct fault fault;
} troubles[] = {
    { "the reply is lost", { .outcome = STORE_UNKNOWN, .stores = true } },
    { "the INSERT is lost", { .outcome = STORE_UNKNOWN } },
    { "killed between token and part", { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true } },
    { "killed behind the part", { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true } },
    { "memory is short", { .outcome = STORE_ANSWERED, .code = 241 } },
    { "too many parts", { .outcome = STORE_ANSWERED, .code = 252, .message = "parts" } },
    { "never sent", { .outcome = STORE_UNREACHABLE } },
};

static void whatever_becomes_of_a_group_its_rows_are_stored_once(void **state)
{
    (void)state;
    static const char *const engines[] = { "MergeTree", "ReplacingMergeTree", "ReplicatedMergeTree" };
    for (size_t i = 0; i < ARRAY_LENGTH(troubles) * ARRAY_LENGTH(engines) * 2; i++) {
        size_t trouble = i / 2 % ARRAY_LENGTH(troubles);
        const char *engine = engines[i / 2 / ARRAY_LENGTH(troubles)];
        if (troubles[trouble].fault.restarts && strcmp(engine, "ReplicatedMergeTree") == 0) {
            continue; /* its tokens and parts are of one transaction */
        }
        struct bench *bench = with_backlog(10, 20, 0, false);
        FAKE_SET(&bench->fake, {
            bench->fake.engine = engine;
            bench->fake.tokens = i % 2 == 0;
            bench->fake.faults = &troubles[trouble].fault;
            bench->fake.fault_count = 1;
        });
        let_the_server_come(bench);
        if (!drain(bench) || fake_store_rows(&bench->fake) != 200 || bench->stored_rows[0] != 200) {
            fail_msg("%s, %s: %zu rows", engine, troubles[trouble].what, fake_store_rows(&bench->fake));
        }
        bench_free(bench);
    }
}

static void a_bad_row_in_a_group_becomes_a_dead_letter_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < 30; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 20, i == 17 ? 20 : 0));
    }
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 599);
    assert_int_equal(bench->stored_rows[0], 599);
    assert_int_equal(bench->buried_rows, 1);
    assert_true(bench->fake.servers[0].inserts < 30);
    bench_free(bench);
}

static void each_batch_of_a_group_may_have_as_many_refused_rows_as_alone(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(10, 100, 20, false); /* five each: ten are allowed of one batch */
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(bench->buried_rows, 50);
    assert_int_equal(fake_store_rows(&bench->fake), 950);
    bench_free(bench);
}

static void a_row_that_is_refused_beside_batches_that_are_stored_takes_them_from_the_group(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < 10; i++) {
        struct segment *segment = new_segment(bench, 0, 20, i == 3 ? 20 : 0);
        if (i >= 8) {
            assert_int_equal(segment_event_ids(segment, &bench->fake.servers[0].rows), OK);
        }
        writer_submit(bench->writer, segment);
    }
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 199);
    assert_int_equal(bench->buried_rows, 1);
    bench_free(bench);
}

static void a_file_that_is_gone_holds_no_other_of_its_group(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(5, 20, 0, false);
    struct segment *gone = new_segment(bench, 0, 8, 0);
    close(gone->fd);
    gone->fd = -1;
    gone->path = strdup("/nonexistent/segment.native.lz4");
    writer_submit(bench->writer, gone);
    for (int i = 0; i < 5; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    }
    let_the_server_come(bench);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 200);
    assert_false(drain(bench));
    assert_int_equal(count(bench, METRIC_BATCHES_HELD, 0), 1);
    for (int i = 0; i < 5; i++) { /* what is held is in no group that comes later */
        writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 300);
    assert_int_equal(fake_store_rows(&bench->fake), 300);
    bench_free(bench);
}

/* An earlier process was killed when the first `stored` of 40 batches were in the table. */
static void after_a_restart_what_is_stored_is_not_sent_again(void **state)
{
    (void)state;
    static const int stored[] = { 0, 1, 17, 39, 40 };
    for (size_t i = 0; i < ARRAY_LENGTH(stored) * 2; i++) {
        struct bench *bench = bench_new(1);
        bench->fake.engine = i % 2 == 0 ? "MergeTree" : "ReplicatedMergeTree";
        bench->fake.servers[0].down = true;
        bench->fake.lagging = 2;
        start(bench);
        for (int n = 0; n < 40; n++) {
            struct segment *segment = new_segment(bench, 0, 20, 0);
            segment->recovered = true;
            if (n < stored[i / 2]) {
                assert_int_equal(segment_event_ids(segment, &bench->fake.servers[0].rows), OK);
            }
            writer_submit(bench->writer, segment);
        }
        let_the_server_come(bench);
        assert_true(drain(bench));
        assert_int_equal(fake_store_rows(&bench->fake), 800);
        assert_int_equal(bench->stored_rows[0], 800);
        assert_true(bench->fake.servers[0].inserts <= 8);
        assert_true(bench->fake.counts <= 40);
        assert_true(i % 2 == 0 || stored[i / 2] == 40 || bench->fake.lagging == 0);
        bench_free(bench);
    }
}

static void recovered_batches_on_two_servers_are_found_on_both(void **state)
{
    (void)state;
    struct bench *bench = bench_new(2);
    bench->fake.servers[0].down = bench->fake.servers[1].down = true;
    start(bench);
    for (int n = 0; n < 20; n++) {
        struct segment *segment = new_segment(bench, 0, 20, 0);
        segment->recovered = true;
        if (n < 10) {
            assert_int_equal(segment_event_ids(segment, &bench->fake.servers[n % 2].rows), OK);
        }
        writer_submit(bench->writer, segment);
    }
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = bench->fake.servers[1].down = false);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 400);
    bench_free(bench);
}

static void what_takes_too_long_as_one_goes_in_smaller_groups(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(100, 20, 0, false);
    FAKE_SET(&bench->fake, bench->fake.most_rows = 300);
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 2000);
    assert_true(bench->fake.largest > 20 && bench->fake.largest <= 300);
    assert_true(bench->fake.servers[0].inserts < 60);
    bench_free(bench);
}

/* Even when all were too large but single ones. */
static void groups_grow_again_once_the_store_takes_more(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(20, 20, 0, false);
    FAKE_SET(&bench->fake, bench->fake.most_rows = 25);
    let_the_server_come(bench);
    assert_true(drain(bench));
    int inserts = bench->fake.servers[0].inserts;
    FAKE_SET(&bench->fake, {
        bench->fake.most_rows = 0;
        bench->fake.servers[0].down = true;
    });
    for (int i = 0; i < 200; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    }
    let_the_server_come(bench);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 220 * 20);
    assert_true(bench->fake.servers[0].inserts - inserts < 100);
    bench_free(bench);
}

/* Too many parts of its partition, say, and nothing comes behind them that would tell whose fault it is. */
static void a_batch_that_never_passes_keeps_no_other_of_its_group(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.bad_code = 252;
    bench->fake.bad_message = "Too many parts (300)";
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < 20; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 20, i == 7 ? 20 : 0));
    }
    let_the_server_come(bench);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 19 * 20);
    assert_int_equal(bench->buried_rows, 0);
    assert_int_equal(fake_store_rows(&bench->fake), 19 * 20);
    bench_free(bench);
}

static void a_group_that_hangs_delays_no_other_stream(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(10, 20, 0, false);
    FAKE_SET(&bench->fake, {
        bench->fake.broken_table = "alpha";
        bench->fake.hangs_broken = true;
    });
    let_the_server_come(bench);
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts == 1);
    for (int i = 0; i < 10; i++) {
        writer_submit(bench->writer, new_segment(bench, 1, 20, 0));
    }
    FAKE_WAIT(&bench->fake, bench->stored_rows[1] == 200);
    FAKE_SET(&bench->fake, {
        bench->fake.broken_table = NULL;
        bench->fake.hangs_broken = false;
    });
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 400);
    bench_free(bench);
}

static void what_is_stored_of_a_group_is_not_sent_again_because_a_disk_fails(void **state)
{
    (void)state;
    struct bench *bench = with_backlog(10, 20, 0, false);
    FAKE_SET(&bench->fake, bench->disk_fails = true);
    let_the_server_come(bench);
    FAKE_WAIT(&bench->fake, fake_store_rows(&bench->fake) == 200);
    assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 50 * NS_PER_MS));
    FAKE_SET(&bench->fake, bench->disk_fails = false);
    FAKE_WAIT(&bench->fake, bench->stored_rows[0] == 200);
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    bench_free(bench);
}

static int allow_groups(void **state)
{
    (void)state;
    stream_options[0].batch = stream_options[1].batch =
        (struct batch_options){ .max_rows = MOST_ROWS, .max_bytes = 1 << 30 };
    return 0;
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_that_wait_go_as_one_insert),
        cmocka_unit_test(no_insert_has_more_than_a_batch_may_have),
        cmocka_unit_test(whatever_becomes_of_a_group_its_rows_are_stored_once),
        cmocka_unit_test(a_bad_row_in_a_group_becomes_a_dead_letter_alone),
        cmocka_unit_test(each_batch_of_a_group_may_have_as_many_refused_rows_as_alone),
        cmocka_unit_test(a_row_that_is_refused_beside_batches_that_are_stored_takes_them_from_the_group),
        cmocka_unit_test(a_file_that_is_gone_holds_no_other_of_its_group),
        cmocka_unit_test(after_a_restart_what_is_stored_is_not_sent_again),
        cmocka_unit_test(recovered_batches_on_two_servers_are_found_on_both),
        cmocka_unit_test(what_takes_too_long_as_one_goes_in_smaller_groups),
        cmocka_unit_test(groups_grow_again_once_the_store_takes_more),
        cmocka_unit_test(a_batch_that_never_passes_keeps_no_other_of_its_group),
        cmocka_unit_test(a_group_that_hangs_delays_no_other_stream),
        cmocka_unit_test(what_is_stored_of_a_group_is_not_sent_again_because_a_disk_fails),
    };
    return cmocka_run_group_tests(tests, allow_groups, NULL);
}
