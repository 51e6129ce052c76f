/* Fair turns of the questions that wait, without a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "query/query_job.h"
#include "query/query_queue.h"

#define JOBS 64

static struct query_job jobs[JOBS];
static size_t used;
static struct query_queue queue;

static int start(void **state)
{
    (void)state;
    used = 0;
    memset(jobs, 0, sizeof jobs);
    queue = (struct query_queue){ 0 };
    return query_queue_init(&queue, 2) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    while (query_queue_take(&queue, 0) != NULL) {
    }
    query_queue_release(&queue);
    return 0;
}

static enum error add_of(uint64_t client)
{
    assert_true(used < JOBS);
    jobs[used].client = client;
    return query_queue_add(&queue, &jobs[used++], 10, 4);
}

static void add(uint64_t client)
{
    assert_int_equal(add_of(client), OK);
}

/* The thread asks the next one to its end. */
static uint64_t ask(size_t thread)
{
    query_queue_done(&queue, thread);
    struct query_job *job = query_queue_take(&queue, thread);
    return job == NULL ? 0 : job->client;
}

static void clients_take_turns_however_many_each_sent(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        add(1);
    }
    add(2);
    add(3);
    add(2);
    static const uint64_t order[] = { 1, 2, 3, 1, 2, 1, 1, 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
        assert_int_equal(ask(0), order[i]);
    }
}

static void a_newcomer_comes_before_the_second_of_who_is_being_answered(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        add(1);
    }
    assert_int_equal(ask(0), 1);
    add(2);
    assert_int_equal(ask(0), 2);
    assert_int_equal(ask(0), 1);
}

static void who_asks_one_by_one_alternates_with_who_floods(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        add(1);
    }
    assert_int_equal(ask(0), 1);
    for (int i = 0; i < 3; i++) {
        add(2);
        assert_int_equal(ask(0), 2);
        assert_int_equal(ask(0), 1);
    }
}

static void all_threads_count_for_a_client(void **state)
{
    (void)state;
    add(1);
    add(1);
    assert_int_equal(ask(0), 1);
    assert_int_equal(ask(1), 1);
    add(1);
    add(2);
    assert_int_equal(ask(0), 2);
}

static void a_client_has_its_share_and_the_queue_its_bound(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        add(1);
    }
    assert_int_equal(add_of(1), ERROR_TOO_MANY_OF_ADDRESS);
    for (uint64_t client = 2; client < 8; client++) {
        add(client);
    }
    assert_int_equal(add_of(9), ERROR_STORE_UNAVAILABLE);
    assert_int_equal(ask(0), 1);
    assert_int_equal(add_of(1), OK);
}

static void a_client_is_an_address_and_of_ipv6_its_network(void **state)
{
    (void)state;
    uint64_t one = query_queue_client(SLICE("2001:db8:1:2::1"));
    assert_true(one == query_queue_client(SLICE("2001:db8:1:2:ffff::9")));
    assert_true(one != query_queue_client(SLICE("2001:db8:1:3::1")));
    assert_true(query_queue_client(SLICE("192.0.2.1")) != query_queue_client(SLICE("192.0.2.2")));
    assert_true(query_queue_client(SLICE("192.0.2.1")) == query_queue_client(SLICE("::ffff:192.0.2.1")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients_take_turns_however_many_each_sent),
        TEST(a_newcomer_comes_before_the_second_of_who_is_being_answered),
        TEST(who_asks_one_by_one_alternates_with_who_floods),
        TEST(all_threads_count_for_a_client),
        TEST(a_client_has_its_share_and_the_queue_its_bound),
        TEST(a_client_is_an_address_and_of_ipv6_its_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
