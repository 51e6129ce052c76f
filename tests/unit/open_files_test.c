/* What is left of the process's open files for client connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/options/options.h"
#include "open_files.c" /* belongs to the program, not to a library */

static struct config sample(void)
{
    static struct stream_options streams[3];
    static struct udp_listener_options listeners[2];
    return (struct config){
        .http = { .io_threads = 1, .max_connections = 20000 },
        .udp = { .threads = 2, .listeners = listeners, .listener_count = 2 },
        .store = { .kind = STORE_CLICKHOUSE },
        .writer = { .threads = 2 },
        .query = { .threads = 2 },
        .streams = streams,
        .stream_count = 3,
    };
}

static void all_connections_that_are_asked_for_where_files_abound(void **state)
{
    (void)state;
    struct config config = sample();
    struct open_files plan = open_files_plan(&config, 1, 1 << 20);
    assert_int_equal(plan.connections, 20000);
    config.store.kind = STORE_EMBEDDED;
    assert_int_equal(open_files_plan(&config, 1, 1 << 20).connections, 20000);
}

static void connections_and_all_others_fit_into_the_limit(void **state)
{
    static const uint64_t limits[] = { 1024, 2048, 4096, 20000, 24000 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        struct config config = sample();
        struct open_files plan = open_files_plan(&config, 3, limits[i]);
        assert_true(plan.connections > 0);
        assert_true((uint64_t)plan.connections + plan.reserved <= limits[i]);
        assert_true(plan.reserved > limits[i] / 4);
        assert_true((uint64_t)plan.connections > limits[i] / 4);
    }
}

static void more_servers_streams_and_threads_leave_fewer(void **state)
{
    (void)state;
    struct config config = sample();
    int64_t before = open_files_plan(&config, 1, 4096).connections;
    assert_true(open_files_plan(&config, 4, 4096).connections < before);
    config.stream_count = 30;
    int64_t streams = open_files_plan(&config, 1, 4096).connections;
    assert_true(streams < before);
    config.writer.threads = 16;
    int64_t writers = open_files_plan(&config, 1, 4096).connections;
    assert_true(writers < streams);
    config.udp.threads = 8;
    assert_true(open_files_plan(&config, 1, 4096).connections < writers);
}

static void a_limit_that_is_too_small_for_all_leaves_some(void **state)
{
    (void)state;
    struct config config = sample();
    config.store.kind = STORE_EMBEDDED;
    for (uint64_t limit = 8; limit < 1024; limit *= 2) {
        struct open_files plan = open_files_plan(&config, 1, limit);
        assert_true(plan.connections > 0 && (uint64_t)plan.connections <= limit / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_connections_that_are_asked_for_where_files_abound),
        cmocka_unit_test(connections_and_all_others_fit_into_the_limit),
        cmocka_unit_test(more_servers_streams_and_threads_leave_fewer),
        cmocka_unit_test(a_limit_that_is_too_small_for_all_leaves_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
