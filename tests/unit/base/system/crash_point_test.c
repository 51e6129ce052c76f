/* What base/system/crash_point.h promises, in every build: the unit is compiled here with its points. */
#ifndef SLUICE_CRASH_POINTS
#define SLUICE_CRASH_POINTS 1
#endif
#include "base/system/crash_point.c"

#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The wait status of a child that arms `text` and passes after_fsync so many times. */
static int passes(const char *text, int times)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct buf problem = { 0 };
        bool good = crash_points_arm(text, &problem);
        for (int i = 0; i < times; i++) {
            CRASH_POINT(after_fsync);
        }
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void dies_the_nth_time_the_armed_point_is_passed(void **state)
{
    (void)state;
    int status = passes("after_fsync:3", 3);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(passes("after_fsync:3", 2), 0);
}

static void lives_when_nothing_or_another_point_is_armed(void **state)
{
    (void)state;
    assert_int_equal(passes(NULL, 5), 0);
    assert_int_equal(passes("before_mark:1", 5), 0);
}

static void refuses_what_is_no_point_and_names_those_there_are(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "after_fsync", "after_fsync:", "after_fsync:0", "after_fsync:x", "dusk:1"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct buf problem = { 0 };
        assert_false(crash_points_arm(wrong[i], &problem));
        assert_non_null(strstr(buf_c_string(&problem), "between_halves"));
        buf_release(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_the_nth_time_the_armed_point_is_passed),
        cmocka_unit_test(lives_when_nothing_or_another_point_is_armed),
        cmocka_unit_test(refuses_what_is_no_point_and_names_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
