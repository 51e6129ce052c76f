/* How many events of a flood are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proto/live/live_tail.h"

#include <string.h>

static bool offer(struct live_tail *tail, size_t stream)
{
    struct buf *out = live_tail_admits(tail) ? live_tail_begin(tail, stream) : NULL;
    if (out != NULL) {
        buf_append_string(out, "event");
        live_tail_end(tail);
    }
    return out != NULL;
}

static int offer_many(struct live_tail *tail, int count)
{
    int passed = 0;
    for (int i = 0; i < count; i++) {
        passed += offer(tail, 7);
    }
    return passed;
}

static int take_all(struct live_tail *tail)
{
    struct live_item items[LIVE_TAIL_ITEMS];
    size_t count = live_tail_take(tail, items);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(items[i].stream, 7);
        assert_true(slice_equal(buf_slice(&items[i].text), SLICE("event")));
        buf_release(&items[i].text);
    }
    return (int)count;
}

static void so_many_a_second_pass_and_no_more(void **state)
{
    (void)state;
    struct live_tail tail;
    live_tail_init(&tail, 20);
    assert_int_equal(offer_many(&tail, 100), 0);
    int passed = 0;
    for (int turn = 0; turn < 30; turn++) {
        live_tail_refill(&tail, 100 * NS_PER_MS);
        passed += offer_many(&tail, 100);
        assert_int_equal(take_all(&tail), 2);
    }
    assert_int_equal(passed, 60);
    live_tail_refill(&tail, 3600 * NS_PER_SECOND);
    live_tail_refill(&tail, 3600 * NS_PER_SECOND);
    assert_int_equal(offer_many(&tail, 100), 20);
    live_tail_release(&tail);
}

static void few_a_second_are_as_few_in_tenths_of_one(void **state)
{
    (void)state;
    struct live_tail tail;
    live_tail_init(&tail, 3);
    int passed = 0;
    for (int turn = 0; turn < 100; turn++) {
        live_tail_refill(&tail, 100 * NS_PER_MS);
        passed += offer_many(&tail, 100);
        take_all(&tail);
    }
    assert_int_equal(passed, 30);
    live_tail_release(&tail);
}

static void none_pass_if_none_are_asked_for(void **state)
{
    (void)state;
    struct live_tail tail;
    live_tail_init(&tail, 0);
    live_tail_refill(&tail, NS_PER_SECOND);
    assert_int_equal(offer_many(&tail, 10), 0);
    live_tail_release(&tail);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct live_tail tail;
    live_tail_init(&tail, 1000);
    live_tail_refill(&tail, NS_PER_SECOND);
    assert_int_equal(offer_many(&tail, 1000), LIVE_TAIL_ITEMS);
    assert_int_equal(take_all(&tail), LIVE_TAIL_ITEMS);
    assert_int_equal(offer_many(&tail, 1), 1);
    live_tail_release(&tail);
}

static void a_thread_that_would_wait_for_another_lets_its_event_go(void **state)
{
    (void)state;
    struct live_tail tail;
    live_tail_init(&tail, 10);
    live_tail_refill(&tail, NS_PER_SECOND);
    pthread_mutex_lock(&tail.mutex);
    assert_false(offer(&tail, 7));
    pthread_mutex_unlock(&tail.mutex);
    assert_true(offer(&tail, 7));
    live_tail_release(&tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_a_second_pass_and_no_more),
        cmocka_unit_test(few_a_second_are_as_few_in_tenths_of_one),
        cmocka_unit_test(none_pass_if_none_are_asked_for),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(a_thread_that_would_wait_for_another_lets_its_event_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
