/* The writer with its threads, against a fake store with a script of faults: whatever happens, every row ends up in the
 * table once, or in the dead letters, or waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "unit/writer_bench.h"

static void delivers_every_batch_once(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    for (int i = 0; i < 50; i++) {
        writer_submit(bench->writer, new_segment(bench, (size_t)i % 2, 20, 0));
    }
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 1000);
    assert_int_equal(bench->stored_rows[0], 500);
    assert_int_equal(bench->fake.counts, 0);
    assert_int_equal(count(bench, METRIC_BATCHES_STORED, 0), 25);
    assert_int_equal(count(bench, METRIC_BATCHES_WAITING, 0), 0);
    assert_int_equal(writer_oldest_ns(bench->writer, 0), INT64_MAX);
    assert_true(is_well(bench, "stream:alpha", NULL) && is_well(bench, "store:one", NULL));
    bench_free(bench);
}

/* One batch of 20 rows against faults; afterwards the table holds `rows` rows of its 20 ids. */
static const struct {
    const char *what;
    struct fault faults[4];
    const char *engine;
    bool no_tokens;
    bool recovered;
    int inserts;
    uint64_t counts;
    bool same_token;
} stories[] = {
    { "passes by itself",
      { { .outcome = STORE_ANSWERED, .code = 241 }, { .outcome = STORE_ANSWERED, .code = 252, .message = "parts" } },
      NULL,
      false,
      false,
      3,
      2,
      true },
    { "lost, and not stored", { { .outcome = STORE_UNKNOWN } }, NULL, false, false, 2, 1, true },
    { "lost, yet stored", { { .outcome = STORE_UNKNOWN, .stores = true } }, NULL, false, false, 1, 1, true },
    { "killed between token and part",
      { { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true } },
      NULL,
      false,
      false,
      3,
      2,
      false },
    { "killed after the part",
      { { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true } },
      NULL,
      false,
      false,
      1,
      1,
      true },
    { "killed twice",
      { { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true },
        { .outcome = STORE_UNKNOWN, .keeps_token = true, .restarts = true } },
      NULL,
      false,
      false,
      4,
      2,
      false },
    { "a table that does not collapse, stored",
      { { .outcome = STORE_UNKNOWN, .stores = true } },
      "MergeTree",
      false,
      false,
      1,
      1,
      true },
    { "a table that does not collapse, not stored",
      { { .outcome = STORE_UNKNOWN } },
      "MergeTree",
      false,
      false,
      2,
      1,
      true },
    { "a server without tokens, stored",
      { { .outcome = STORE_UNKNOWN, .stores = true } },
      NULL,
      true,
      false,
      1,
      1,
      true },
    { "a replicated table",
      { { .outcome = STORE_UNKNOWN, .stores = true, .restarts = true } },
      "ReplicatedReplacingMergeTree",
      false,
      false,
      1,
      1,
      true },
    { "sent twice on the way, and the first died between token and part",
      { { .outcome = STORE_DONE, .keeps_token = true, .restarts = true } },
      NULL,
      false,
      false,
      2,
      1,
      false },
    { "sent twice on the way, and the first died after the part",
      { { .outcome = STORE_DONE, .stores = true, .restarts = true } },
      NULL,
      false,
      false,
      1,
      1,
      true },
    { "recovered, and not stored", { { .outcome = STORE_DONE, .stores = true } }, NULL, false, true, 1, 1, false },
};

static size_t fault_count(const struct fault *faults)
{
    size_t n = 0;
    while (n < 4 && (faults[n].outcome != STORE_DONE || faults[n].stores || faults[n].keeps_token)) {
        n++;
    }
    return n;
}

static void every_story_ends_with_each_row_in_the_table_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stories); i++) {
        struct bench *bench = bench_new(1);
        bench->fake.tokens = !stories[i].no_tokens;
        bench->fake.engine = stories[i].engine == NULL ? bench->fake.engine : stories[i].engine;
        bench->fake.faults = stories[i].faults;
        bench->fake.fault_count = fault_count(stories[i].faults);
        start(bench);
        struct segment *segment = new_segment(bench, 0, 20, 0);
        char name[SEGMENT_NAME_MAX];
        memcpy(name, segment->name, sizeof name);
        segment->recovered = stories[i].recovered;
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        bool same = strcmp(bench->fake.last_token, name) == 0;
        if (fake_store_rows(&bench->fake) != 20 || bench->fake.servers[0].inserts != stories[i].inserts ||
            bench->fake.counts != stories[i].counts || same != stories[i].same_token) {
            fail_msg("%s: %zu rows, %d inserts, %d counts, token %s", stories[i].what, fake_store_rows(&bench->fake),
                     bench->fake.servers[0].inserts, (int)bench->fake.counts, bench->fake.last_token);
        }
        assert_int_equal(bench->stored_rows[0], 20);
        bench_free(bench);
    }
}

static void a_recovered_batch_that_is_in_the_table_is_not_sent(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct segment *segment = new_segment(bench, 0, 9000, 0);
    segment->recovered = true;
    assert_int_equal(segment_event_ids(segment, &bench->fake.servers[0].rows), OK);
    bench->fake.running = 2; /* an INSERT of the process before is still at work */
    start(bench);
    writer_submit(bench->writer, segment);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[0].inserts, 0);
    assert_int_equal(bench->fake.counts, 3);
    assert_int_equal(bench->fake.running, 0);
    assert_int_equal(bench->stored_rows[0], 9000);
    assert_int_equal(count(bench, METRIC_VERIFICATIONS, 0), 3);
    bench_free(bench);
}

static void a_row_that_the_table_refuses_becomes_a_dead_letter_alone(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 3000, 1000));
    writer_submit(bench->writer, new_segment(bench, 0, 1, 1));
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 2997);
    assert_int_equal(bench->stored_rows[0], 2997);
    assert_int_equal(bench->buried_rows, 4);
    assert_int_equal(bench->buried_code, 469);
    assert_non_null(strstr(bench->buried_reason, "VIOLATED_CONSTRAINT: Constraint `c` is violated"));
    assert_true(count(bench, METRIC_SPLITS, 0) >= 20);
    bench_free(bench);
}

static void too_many_refused_rows_hold_their_batch_and_no_other(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->options.backoff_max_ns = 3600 * NS_PER_SECOND;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 1000, 2));
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    writer_submit(bench->writer, new_segment(bench, 1, 10, 0));
    assert_false(drain(bench)); /* held ones are not waited for, but they are left */
    assert_int_equal(bench->stored_rows[1], 10);
    assert_true(bench->stored_rows[0] >= 10);
    assert_int_equal(bench->buried_rows, 10);
    assert_true(count(bench, METRIC_BATCHES_HELD, 0) > 0);
    assert_false(is_well(bench, "stream:alpha", "it is the schema"));
    assert_true(is_well(bench, "stream:beta", NULL));
    bench_free(bench);
}

static void an_unfit_table_stops_the_start_with_its_column(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    struct field_options wrong = { .name = "price", .type = "Float64", .max_past_ns = -1, .max_future_ns = -1 };
    struct stream_options options = { .name = "beta", .table = "beta", .fields = &wrong, .field_count = 1 };
    struct buf problem = { 0 };
    stream_free(bench->streams[1]);
    bench->streams[1] = stream_compile(&options, 1, &problem);
    assert_non_null(bench->streams[1]);
    assert_null(try_start(bench, &problem));
    assert_non_null(buf_c_string(&problem));
    assert_non_null(strstr(problem.data, "price"));
    buf_release(&problem);
    bench_free(bench);
}

static void batches_go_to_all_servers(void **state)
{
    (void)state;
    struct bench *bench = bench_new(2);
    start(bench);
    for (int i = 0; i < 20; i++) {
        writer_submit(bench->writer, new_segment(bench, 0, 1, 0));
    }
    assert_true(drain(bench));
    assert_true(bench->fake.servers[0].inserts >= 5 && bench->fake.servers[1].inserts >= 5);
    bench_free(bench);
}

/* The first attempt is lost; then the other server is the only one. */
static struct bench *lose_a_batch_on_one_of_two(const char *engine)
{
    static const struct fault lost = { .outcome = STORE_UNKNOWN };
    struct bench *bench = bench_new(2);
    bench->fake.engine = engine;
    bench->fake.faults = &lost;
    bench->fake.fault_count = 1;
    bench->options.backoff_min_ns = bench->options.backoff_max_ns = 50 * NS_PER_MS;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 5, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts + bench->fake.servers[1].inserts == 1);
    return bench;
}

static void a_batch_of_unknown_fate_stays_with_its_server(void **state)
{
    (void)state;
    struct bench *bench = lose_a_batch_on_one_of_two("ReplacingMergeTree");
    int at = bench->fake.servers[0].inserts == 1 ? 0 : 1;
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[at].inserts, 2);
    bench_free(bench);
}

static void a_replicated_table_takes_it_through_another_server(void **state)
{
    (void)state;
    struct bench *bench = lose_a_batch_on_one_of_two("ReplicatedReplacingMergeTree");
    int at = bench->fake.servers[0].inserts == 1 ? 0 : 1;
    FAKE_SET(&bench->fake, bench->fake.servers[at].down = true);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[1 - at].inserts, 1);
    bench_free(bench);
}

static void a_recovered_batch_is_looked_for_on_every_server(void **state)
{
    (void)state;
    for (size_t at = 0; at < 2; at++) {
        struct bench *bench = bench_new(2);
        struct segment *segment = new_segment(bench, 0, 10, 0);
        segment->recovered = true;
        assert_int_equal(segment_event_ids(segment, &bench->fake.servers[at].rows), OK);
        start(bench);
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        assert_int_equal(fake_store_rows(&bench->fake), 10);
        bench_free(bench);
    }
}

static void a_recovered_batch_blames_the_server_that_does_not_answer_and_no_other(void **state)
{
    (void)state;
    struct bench *bench = bench_new(2);
    bench->options.backoff_min_ns = bench->options.backoff_max_ns = 20 * NS_PER_MS;
    bench->fake.servers[1].down = true;
    start(bench);
    for (int i = 0; i < 8; i++) {
        struct segment *segment = new_segment(bench, 0, 10, 0);
        segment->recovered = true;
        writer_submit(bench->writer, segment);
    }
    bool well = true;
    for (int i = 0; i < 50; i++) {
        (void)writer_drain(bench->writer, clock_monotonic_ns() + 10 * NS_PER_MS);
        well = well && is_well(bench, "store:one", NULL);
    }
    assert_true(well);
    bench_free(bench);
}

static void a_recovered_batch_goes_on_where_a_part_of_it_is(void **state)
{
    (void)state;
    for (size_t at = 0; at < 2; at++) {
        struct bench *bench = bench_new(2);
        struct segment *segment = new_segment(bench, 0, 10, 0);
        segment->recovered = true;
        assert_int_equal(segment_event_ids(segment, &bench->fake.servers[at].rows), OK);
        bench->fake.servers[at].rows.len = 4 * sizeof(struct event_id);
        start(bench);
        writer_submit(bench->writer, segment);
        assert_true(drain(bench));
        assert_int_equal(bench->fake.servers[at].inserts, 1);
        assert_int_equal(bench->fake.servers[1 - at].rows.len, 0);
        bench_free(bench);
    }
}

static void segments_of_a_stream_no_longer_configured_are_delivered(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    start(bench);
    struct segment *segment = new_segment(bench, 0, 10, 0);
    segment->stream_index = SIZE_MAX;
    segment->recovered = true;
    writer_submit(bench->writer, segment);
    assert_true(drain(bench));
    assert_int_equal(fake_store_rows(&bench->fake), 10);
    bench_free(bench);
}

static void too_many_parts_is_told_to_the_batching(void **state)
{
    (void)state;
    static const struct fault fault = { .outcome = STORE_ANSWERED, .code = 252, .message = "Too many parts (301)" };
    struct bench *bench = bench_new(1);
    bench->fake.faults = &fault;
    bench->fake.fault_count = 1;
    start(bench);
    writer_submit(bench->writer, new_segment(bench, 0, 10, 0));
    assert_true(drain(bench));
    assert_int_equal(bench->too_many_parts, 1);
    assert_int_equal(count(bench, METRIC_INSERT_FAILURES, 0), 1);
    bench_free(bench);
}

static void stopping_leaves_what_is_not_delivered(void **state)
{
    (void)state;
    struct bench *bench = bench_new(1);
    bench->fake.servers[0].down = true;
    start(bench);
    for (int i = 0; i < 10; i++) {
        writer_submit(bench->writer, new_segment(bench, (size_t)i % 2, 5, 0));
    }
    bench_free(bench); /* under ASan: nothing leaks, nothing is used again */
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delivers_every_batch_once),
        cmocka_unit_test(every_story_ends_with_each_row_in_the_table_once),
        cmocka_unit_test(a_recovered_batch_that_is_in_the_table_is_not_sent),
        cmocka_unit_test(a_row_that_the_table_refuses_becomes_a_dead_letter_alone),
        cmocka_unit_test(too_many_refused_rows_hold_their_batch_and_no_other),
        cmocka_unit_test(an_unfit_table_stops_the_start_with_its_column),
        cmocka_unit_test(batches_go_to_all_servers),
        cmocka_unit_test(a_batch_of_unknown_fate_stays_with_its_server),
        cmocka_unit_test(a_replicated_table_takes_it_through_another_server),
        cmocka_unit_test(a_recovered_batch_is_looked_for_on_every_server),
        cmocka_unit_test(a_recovered_batch_blames_the_server_that_does_not_answer_and_no_other),
        cmocka_unit_test(a_recovered_batch_goes_on_where_a_part_of_it_is),
        cmocka_unit_test(segments_of_a_stream_no_longer_configured_are_delivered),
        cmocka_unit_test(too_many_parts_is_told_to_the_batching),
        cmocka_unit_test(stopping_leaves_what_is_not_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
