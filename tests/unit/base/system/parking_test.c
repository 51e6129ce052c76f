/* A thread that is had to stand still between two turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/system/parking.h"

#define PATIENCE_NS (10 * NS_PER_SECOND)

struct worker {
    struct parking parking;
    struct thread thread;
    atomic_bool over;
    atomic_bool at_long_turn; /* it does not come round */
    uint64_t turns;           /* no atomic: read while it stands */
    uint64_t twin;            /* equal between two turns */
};

static void run(void *opaque)
{
    struct worker *worker = opaque;
    while (!atomic_load(&worker->over)) {
        worker->turns++;
        while (atomic_load(&worker->at_long_turn)) {
        }
        worker->twin++;
        parking_pass(&worker->parking);
    }
}

static void start(struct worker *worker)
{
    *worker = (struct worker){ 0 };
    parking_init(&worker->parking);
    assert_int_equal(thread_start(&worker->thread, "worker", run, worker), OK);
}

static void end(struct worker *worker)
{
    atomic_store(&worker->over, true);
    thread_join(&worker->thread);
    parking_release(&worker->parking);
}

static void it_stands_between_two_turns_and_goes_on(void **state)
{
    (void)state;
    struct worker worker;
    uint64_t before = 0;
    start(&worker);
    for (int i = 0; i < 1000; i++) {
        parking_want(&worker.parking);
        assert_true(parking_await(&worker.parking, clock_monotonic_ns() + PATIENCE_NS));
        assert_int_equal(worker.turns, worker.twin);
        assert_true(worker.turns >= before);
        before = worker.turns;
        worker.turns = worker.twin = before + 1000; /* it sees what was done */
        parking_let_go(&worker.parking);
    }
    end(&worker);
    assert_true(worker.turns >= 1000 * 1000);
}

static void one_that_does_not_come_round_is_given_up(void **state)
{
    (void)state;
    struct worker worker;
    start(&worker);
    atomic_store(&worker.at_long_turn, true);
    parking_want(&worker.parking);
    bool stood = parking_await(&worker.parking, clock_monotonic_ns() + NS_PER_SECOND / 50);
    parking_let_go(&worker.parking);
    atomic_store(&worker.at_long_turn, false);
    (void)stood; /* it may have stood before the long turn */
    parking_want(&worker.parking);
    assert_true(parking_await(&worker.parking, clock_monotonic_ns() + PATIENCE_NS));
    parking_let_go(&worker.parking);
    end(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_between_two_turns_and_goes_on),
        cmocka_unit_test(one_that_does_not_come_round_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
