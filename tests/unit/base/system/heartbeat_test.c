/* Whether a thread's loop goes round: only work that goes on ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/system/heartbeat.h"

static void a_turn_ages_until_the_next_begins(void **state)
{
    struct heartbeat heartbeat = { 0 };
    (void)state;
    heartbeat_turn(&heartbeat, 100);
    assert_int_equal(heartbeat_age_ns(&heartbeat, 150), 50);
    heartbeat_turn(&heartbeat, 160);
    assert_int_equal(heartbeat_age_ns(&heartbeat, 170), 10);
    assert_int_equal(heartbeat_age_ns(&heartbeat, 155), 0); /* it began after the clock was read */
}

static void waiting_does_not_age(void **state)
{
    struct heartbeat heartbeat = { 0 };
    (void)state;
    assert_int_equal(heartbeat_age_ns(&heartbeat, 1000), 0);
    heartbeat_turn(&heartbeat, 100);
    heartbeat_wait(&heartbeat);
    assert_int_equal(heartbeat_age_ns(&heartbeat, INT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_ages_until_the_next_begins),
        cmocka_unit_test(waiting_does_not_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
