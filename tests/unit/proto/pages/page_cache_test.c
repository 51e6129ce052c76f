/* How often a page is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "proto/pages/page_cache.h"

static int64_t now_ns;
static int64_t cpu_ns;
static int64_t cost_ns;   /* of the CPU */
static int64_t stalls_ns; /* the thread waits for a CPU meanwhile */
static int made;

static int64_t read_clock(void)
{
    return now_ns;
}

static int64_t read_cpu_clock(void)
{
    return cpu_ns;
}

static void make(void *context, struct page_reply *reply)
{
    (void)context;
    made++;
    cpu_ns += cost_ns;
    now_ns += cost_ns + stalls_ns;
    reply->status = 503;
    reply->content_type = "text/plain";
    buf_printf(&reply->body, "%d", made);
}

static int set_up(void **state)
{
    static struct page_cache cache;
    now_ns = NS_PER_SECOND;
    cost_ns = NS_PER_MS / 5;
    stalls_ns = 0;
    made = 0;
    page_cache_init(&cache, read_clock, read_cpu_clock);
    *state = &cache;
    return 0;
}

static int tear_down(void **state)
{
    page_cache_release(*state);
    return 0;
}

static int ask(struct page_cache *cache)
{
    struct page_reply reply = { .status = 200 };
    int before = made;
    page_cache_give(cache, make, NULL, &reply);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply.content_type, "text/plain");
    int number = atoi(buf_c_string(&reply.body));
    assert_int_equal(reply.headers.len != 0, made == before); /* given again, it says so */
    page_reply_release(&reply);
    return number;
}

static void who_asks_now_and_then_sees_what_is(void **state)
{
    for (int i = 1; i <= 1000; i++) {
        assert_int_equal(ask(*state), i);
        now_ns += 10 * NS_PER_MS;
    }
}

static void on_a_machine_that_is_busy_too(void **state)
{
    stalls_ns = NS_PER_SECOND / 5;
    who_asks_now_and_then_sees_what_is(state);
}

static void some_that_ask_at_once_see_what_is(void **state)
{
    for (int i = 1; i <= 400; i++) {
        assert_int_equal(ask(*state), i);
    }
}

static void a_flood_costs_a_twentieth_of_the_time(void **state)
{
    int64_t began_ns = now_ns;
    for (int i = 0; i < 1000000; i++) {
        ask(*state);
        now_ns += 10 * NS_PER_US;
    }
    int64_t most = (now_ns - began_ns) / 20 + 100 * NS_PER_MS + cost_ns;
    assert_true(made * cost_ns <= most && made * cost_ns >= most / 2);
}

static void no_page_is_older_than_a_second_whatever_it_costs(void **state)
{
    int64_t made_ns = 0;
    int last = 0;
    cost_ns = NS_PER_SECOND / 2;
    for (int i = 0; i < 10000; i++) {
        int64_t asked_ns = now_ns;
        int number = ask(*state);
        made_ns = number != last ? asked_ns : made_ns;
        last = number;
        assert_true(asked_ns - made_ns < NS_PER_SECOND);
        now_ns += NS_PER_MS;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_now_and_then_sees_what_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(on_a_machine_that_is_busy_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(some_that_ask_at_once_see_what_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_costs_a_twentieth_of_the_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_page_is_older_than_a_second_whatever_it_costs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
