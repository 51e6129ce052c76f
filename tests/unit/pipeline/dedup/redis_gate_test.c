/* Who may go to Redis, and when: on a real redis-server. What the filter makes of it is in dedup_redis_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/thread.h"
#include "config/options/options.h"
#include "pipeline/dedup/redis_gate.h"
#include "redis_fixture.h"

struct fixture {
    struct redis_fixture redis;
    struct dedup_options options;
    struct metrics *metrics;
    struct status_board *board;
    struct redis_gate *gate;
};

static void no_work(void *context)
{
    (void)context;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct buf problem = { 0 };
    *state = f;
    if (f == NULL || !redis_fixture_init(&f->redis)) {
        return 1;
    }
    f->options = (struct dedup_options){
        .redis_url = f->redis.url, .redis_prefix = "t", .redis_timeout_ns = 800 * NS_PER_MS, .redis_shards = 1
    };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    f->board = status_board_new();
    f->gate = redis_gate_new(&(struct redis_gate_config){ &f->options, f->metrics, f->board, no_work, f }, &problem);
    return f->gate == NULL || !redis_gate_start(f->gate, &problem);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    redis_gate_free(f->gate);
    redis_fixture_release(&f->redis);
    metrics_free(f->metrics);
    status_board_free(f->board);
    free(f);
    return 0;
}

static int64_t in_ms(int64_t milliseconds)
{
    return clock_monotonic_ns() + milliseconds * NS_PER_MS;
}

static void a_round_trip_without_time_left_is_not_begun_and_closes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_null(redis_gate_take(f->gate, REDIS_URGENT, in_ms(50))); /* less than an eighth of the time-out */
    assert_non_null(redis_gate_take(f->gate, REDIS_URGENT, in_ms(800)));
    assert_null(redis_gate_take(f->gate, REDIS_URGENT, in_ms(150))); /* it is taken */
    redis_gate_give_back(f->gate);
    assert_int_equal(metric_read(f->metrics, METRIC_DEDUP_BREAKER_OPEN, 0, 0, OK), 0);
    assert_int_equal(metric_read(f->metrics, METRIC_DEDUP_FAILURES, 0, 0, OK), 0);
    assert_non_null(redis_gate_take(f->gate, REDIS_AT_LEISURE, in_ms(800)));
    redis_gate_give_back(f->gate);
}

struct taker {
    struct fixture *f;
    enum redis_urgency urgency;
    _Atomic int *order;
    int place;
};

static void take_in_turn(void *argument)
{
    struct taker *taker = argument;
    if (redis_gate_take(taker->f->gate, taker->urgency, in_ms(10000)) != NULL) {
        taker->place = ++*taker->order;
        redis_gate_give_back(taker->f->gate);
    }
}

static void who_is_urgent_goes_first(void **state)
{
    struct fixture *f = *state;
    _Atomic int order = 0;
    struct taker leisurely = { f, REDIS_AT_LEISURE, &order, 0 };
    struct taker urgent = { f, REDIS_URGENT, &order, 0 };
    struct thread threads[2] = { { 0 } };
    assert_non_null(redis_gate_take(f->gate, REDIS_AT_LEISURE, in_ms(800)));
    assert_int_equal(thread_start(&threads[0], "leisurely", take_in_turn, &leisurely), OK);
    usleep(50000);
    assert_int_equal(thread_start(&threads[1], "urgent", take_in_turn, &urgent), OK);
    usleep(200000); /* both wait by now, the leisurely one longer */
    redis_gate_give_back(f->gate);
    thread_join(&threads[0]);
    thread_join(&threads[1]);
    assert_int_equal(urgent.place, 1);
    assert_int_equal(leisurely.place, 2);
}

/* Goes on round trips in turn without a pause, as long as somebody urgent has not gone. */
static void go_on_and_on(void *argument)
{
    struct taker *taker = argument;
    while (*taker->order == 0 && redis_gate_take(taker->f->gate, REDIS_IN_TURN, in_ms(10000)) != NULL) {
        taker->place++;
        usleep(1000);
        redis_gate_give_back(taker->f->gate);
    }
}

static void who_goes_in_turn_lets_the_urgent_go_after_each_round_trip(void **state)
{
    struct fixture *f = *state;
    _Atomic int order = 0;
    struct taker busy = { f, REDIS_IN_TURN, &order, 0 };
    struct taker urgent = { f, REDIS_URGENT, &order, 0 };
    struct thread thread = { 0 };
    assert_int_equal(thread_start(&thread, "busy", go_on_and_on, &busy), OK);
    usleep(50000);
    take_in_turn(&urgent);
    thread_join(&thread);
    assert_int_equal(urgent.place, 1);
    assert_true(busy.place > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_round_trip_without_time_left_is_not_begun_and_closes_nothing),
        TEST(who_is_urgent_goes_first),
        TEST(who_goes_in_turn_lets_the_urgent_go_after_each_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
