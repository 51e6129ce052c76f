/* A batch that one of two servers may have, on the fake store: it goes to the other only if the table there is, now, a
 * replica of the table that it was sent to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "event/event_id.h"
#include "unit/writer_bench.h"

/* What the tables are once they have been checked, and again when a batch has been lost with the first server. */
static const struct {
    const char *what;
    const char *first_engine, *second_engine; /* at the check */
    const char *second_replicas;              /* at the check; NULL: the first's */
    const char *later_engine;                 /* of the second, made anew; NULL: as it was */
    const char *later_replicas;
    bool moves;
} stories[] = {
    { "replicas", "ReplicatedMergeTree", "ReplicatedMergeTree", NULL, NULL, NULL, true },
    { "a shared table", "SharedMergeTree", "SharedMergeTree", NULL, NULL, NULL, true },
    { "tables of their own", "MergeTree", "MergeTree", NULL, NULL, NULL, false },
    { "replicas of two tables", "ReplicatedMergeTree", "ReplicatedMergeTree", "/tables/other", NULL, NULL, false },
    { "only one is replicated", "ReplicatedMergeTree", "MergeTree", NULL, NULL, NULL, false },
    { "made anew as plain", "ReplicatedMergeTree", "ReplicatedMergeTree", NULL, "MergeTree", NULL, false },
    { "made anew elsewhere", "ReplicatedMergeTree", "ReplicatedMergeTree", NULL, NULL, "/tables/new", false },
    { "its path is not shown", "ReplicatedMergeTree", "ReplicatedMergeTree", NULL, NULL, "", false },
};

/* The first server stores a batch, or not, and dies without an answer. */
static struct bench *lose_a_batch(size_t story, bool stores)
{
    static struct fault lost;
    struct bench *bench = bench_new(2);
    struct fake_server *second = &bench->fake.servers[1];
    lost = (struct fault){ .outcome = STORE_UNKNOWN, .stores = stores, .dies = true };
    bench->fake.tokens = false;
    bench->fake.servers[0].engine = stories[story].first_engine;
    second->engine = stories[story].second_engine;
    second->replicas = stories[story].second_replicas;
    start(bench);
    FAKE_SET(&bench->fake, {
        second->engine = stories[story].later_engine == NULL ? second->engine : stories[story].later_engine;
        second->replicas = stories[story].later_replicas == NULL ? second->replicas : stories[story].later_replicas;
        bench->fake.faults = &lost;
        bench->fake.fault_count = 1;
    });
    writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].down);
    return bench;
}

static void expect(bool holds, const char *what, const struct bench *bench)
{
    if (!holds) {
        fail_msg("%s: %zu and %zu rows", what, bench->fake.servers[0].rows.len / sizeof(struct event_id),
                 bench->fake.servers[1].rows.len / sizeof(struct event_id));
    }
}

static void it_moves_only_to_a_replica_of_the_table_that_may_have_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(stories); i++) {
        struct bench *bench = lose_a_batch(i, false);
        struct fake_server *servers = bench->fake.servers;
        writer_submit(bench->writer, new_segment(bench, 0, 7, 0)); /* what comes later goes to the other */
        if (stories[i].moves) {
            assert_true(drain(bench));
            expect(servers[1].rows.len == 27 * sizeof(struct event_id), stories[i].what, bench);
            assert_int_equal(servers[0].inserts, 1);
        } else {
            FAKE_WAIT(&bench->fake, servers[1].rows.len == 7 * sizeof(struct event_id));
            assert_false(writer_drain(bench->writer, clock_monotonic_ns() + 100 * NS_PER_MS));
            expect(servers[1].rows.len == 7 * sizeof(struct event_id), stories[i].what, bench);
            FAKE_SET(&bench->fake, servers[0].down = false);
            assert_true(drain(bench));
            expect(servers[0].rows.len == 20 * sizeof(struct event_id), stories[i].what, bench);
        }
        assert_int_equal(bench->stored_rows[0], 27);
        bench_free(bench);
    }
}

static void what_the_first_server_stored_is_not_stored_by_a_table_made_anew(void **state)
{
    (void)state;
    struct bench *bench = lose_a_batch(5, true);
    FAKE_WAIT(&bench->fake, bench->fake.servers[1].looks == 3); /* of both streams at the start, and of this batch */
    FAKE_SET(&bench->fake, bench->fake.servers[0].down = false);
    assert_true(drain(bench));
    assert_int_equal(bench->fake.servers[1].inserts, 0);
    assert_int_equal(bench->fake.servers[0].inserts, 1);
    assert_int_equal(fake_store_rows(&bench->fake), 20);
    bench_free(bench);
}

static void it_stays_where_its_table_was_made_anew(void **state)
{
    (void)state;
    static const struct fault lost = { .outcome = STORE_UNKNOWN };
    struct bench *bench = bench_new(2);
    bench->fake.engine = "ReplicatedMergeTree";
    bench->options.backoff_min_ns = bench->options.backoff_max_ns = 300 * NS_PER_MS;
    start(bench);
    FAKE_SET(&bench->fake, {
        bench->fake.faults = &lost;
        bench->fake.fault_count = 1;
    });
    writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
    FAKE_WAIT(&bench->fake, bench->fake.servers[0].inserts + bench->fake.servers[1].inserts == 1);
    FAKE_SET(&bench->fake, bench->fake.engine = "MergeTree");
    assert_true(drain(bench));
    int at = bench->fake.servers[0].rows.len != 0 ? 0 : 1;
    assert_int_equal(bench->fake.servers[at].inserts, 2);
    assert_int_equal(bench->fake.servers[1 - at].inserts, 0);
    bench_free(bench);
}

/* Two replicas, and a batch that both lose: what the first one made of it the second does not see yet. */
static void what_another_replica_may_have_is_known_before_a_batch_is_parted(void **state)
{
    (void)state;
    static const struct fault cases[][2] = {
        { { .outcome = STORE_UNKNOWN, .runs_on = true }, { .outcome = STORE_UNKNOWN } },
        { { .outcome = STORE_UNKNOWN, .stores = true }, { .outcome = STORE_UNKNOWN } },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct bench *bench = bench_new(2);
        bench->fake.engine = "ReplicatedMergeTree";
        bench->fake.shared = bench->fake.lags = true;
        bench->fake.late_calls = 20;
        start(bench);
        FAKE_SET(&bench->fake, {
            bench->fake.faults = cases[i];
            bench->fake.fault_count = 2;
        });
        writer_submit(bench->writer, new_segment(bench, 0, 20, 0));
        assert_true(drain(bench));
        FAKE_SET(&bench->fake, fake_finish_work(&bench->fake));
        assert_int_equal(fake_store_rows(&bench->fake), 20);
        bench_free(bench);
    }
}

int main(void)
{
    log_init(LOG_ERROR, LOG_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_moves_only_to_a_replica_of_the_table_that_may_have_it),
        cmocka_unit_test(what_the_first_server_stored_is_not_stored_by_a_table_made_anew),
        cmocka_unit_test(it_stays_where_its_table_was_made_anew),
        cmocka_unit_test(what_another_replica_may_have_is_known_before_a_batch_is_parted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
