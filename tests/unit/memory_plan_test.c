/* How much memory a configuration may take, and how much there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory_plan.c" /* belongs to the program, not to a library */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB (1024 * MIB)

static struct config sample(void)
{
    static struct stream_options streams[1] = { { .batch.max_bytes = 64 * MIB } };
    return (struct config){
        .http = { .io_threads = 1,
                  .max_connections = 20000,
                  .max_body_bytes = 16 * MIB,
                  .max_decompressed_bytes = 64 * MIB },
        .websocket = { .max_message_bytes = 4 * MIB, .max_decompressed_bytes = 4 * MIB },
        .commit = { .queue_bytes = 256 * MIB },
        .dedup = { .kind = DEDUP_MEMORY, .max_bytes = 256 * MIB },
        .store = { .kind = STORE_CLICKHOUSE, .max_memory = 2 * GIB },
        .writer = { .threads = 2 },
        .streams = streams,
        .stream_count = 1,
    };
}

static void shares_follow_the_memory_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint64_t memory, receiving, replying;
    } rows[] = {
        { 128 * MIB, 64 * MIB, 64 * MIB },
        { 4 * GIB, 512 * MIB, 512 * MIB },
        { 64 * GIB, GIB, GIB },
    };
    struct config config = sample();
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct memory_plan plan = memory_plan(&config, rows[i].memory);
        assert_int_equal(plan.receiving, rows[i].receiving);
        assert_int_equal(plan.replying, rows[i].replying);
    }
    config.http.max_body_bytes = GIB;
    assert_int_equal(memory_plan(&config, 4 * GIB).receiving, 4 * GIB);
    config.http.max_receiving_bytes = 3 * GIB;
    config.http.max_replying_bytes = 5 * MIB;
    struct memory_plan plan = memory_plan(&config, 4 * GIB);
    assert_true(plan.receiving == 3 * GIB && plan.replying == 5 * MIB);
}

static void the_sum_grows_with_each_bound(void **state)
{
    (void)state;
    struct config config = sample();
    uint64_t before = memory_plan(&config, 4 * GIB).most;
    config.commit.queue_bytes += GIB;
    assert_int_equal(memory_plan(&config, 4 * GIB).most, before + GIB);
    config.dedup.max_bytes += GIB;
    assert_int_equal(memory_plan(&config, 4 * GIB).most, before + 2 * GIB);
    config.dedup.kind = DEDUP_NONE;
    assert_true(memory_plan(&config, 4 * GIB).most < before + GIB);
    config = sample();
    config.store.kind = STORE_EMBEDDED;
    assert_true(memory_plan(&config, 4 * GIB).most >= before + 2 * GIB);
}

static void a_bound_that_holds_no_two_bodies_is_refused(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    struct config config = sample();
    assert_true(memory_plan_check(&config, &problems));
    config.http.max_receiving_bytes = 32 * MIB;
    assert_true(memory_plan_check(&config, &problems));
    config.http.max_receiving_bytes = 31 * MIB;
    assert_false(memory_plan_check(&config, &problems));
    assert_non_null(strstr(buf_c_string(&problems), "http.max_receiving"));
    config.http.max_body_bytes = MIB;
    config.websocket.max_message_bytes = 16 * MIB;
    assert_false(memory_plan_check(&config, &problems));
    buf_release(&problems);
}

static void put(const char *root, const char *path, const char *text)
{
    char command[1024];
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s/%s')\" && printf '%s' > '%s/%s'", root, path, text,
             root, path);
    assert_int_equal(system(command), 0);
}

static void memory_is_what_the_narrowest_group_allows(void **state)
{
    (void)state;
    char root[] = "/tmp/memory-size-XXXXXX", command[64];
    assert_non_null(mkdtemp(root));
    assert_int_equal(memory_size_below(root, 1000), 1000);
    put(root, "proc/self/cgroup", "1:name=x:/y\\n0::/a/b\\n");
    put(root, "sys/fs/cgroup/a/b/memory.max", "max\\n");
    assert_int_equal(memory_size_below(root, 1000), 1000);
    put(root, "sys/fs/cgroup/a/memory.max", "700\\n");
    assert_int_equal(memory_size_below(root, 1000), 700);
    put(root, "sys/fs/cgroup/memory.max", "600\\n");
    assert_int_equal(memory_size_below(root, 1000), 600);
    put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "500\\n");
    assert_int_equal(memory_size_below(root, 1000), 500);
    assert_int_equal(memory_size_below(root, 400), 400);
    assert_true(memory_size() > MIB);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_follow_the_memory_within_bounds),
        cmocka_unit_test(the_sum_grows_with_each_bound),
        cmocka_unit_test(a_bound_that_holds_no_two_bodies_is_refused),
        cmocka_unit_test(memory_is_what_the_narrowest_group_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
