/* A file that somebody may be writing is left alone for a moment, and no file for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "config/half_written.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/half_written_test.XXXXXX";

static const char *written(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("keys:", file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int64_t age_ns(const char *path)
{
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    return clock_wall_ns() - (found.st_mtim.tv_sec * NS_PER_SECOND + found.st_mtim.tv_nsec);
}

static void what_was_written_just_now_is_left_alone_for_a_moment(void **state)
{
    const char *path = written("main.yaml");
    (void)state;
    half_written_await(path, "");
    assert_true(age_ns(path) >= HALF_WRITTEN_QUIET_MS * NS_PER_MS);
}

static void the_file_of_keys_is_waited_for_too(void **state)
{
    char main_path[128];
    (void)state;
    snprintf(main_path, sizeof main_path, "%s", written("main.yaml"));
    const char *keys = written("keys.yaml");
    half_written_await(main_path, "keys.yaml");
    assert_true(age_ns(keys) >= HALF_WRITTEN_QUIET_MS * NS_PER_MS);
}

static void a_file_that_is_not_there_or_of_the_future_is_not_waited_for(void **state)
{
    (void)state;
    half_written_await("/nowhere/main.yaml", "none.yaml");
    const char *path = written("main.yaml");
    const struct timespec times[2] = { { .tv_sec = INT32_MAX }, { .tv_sec = INT32_MAX } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    half_written_await(path, "none.yaml"); /* or the test would never end */
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const names[] = { "main.yaml", "keys.yaml" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_just_now_is_left_alone_for_a_moment),
        cmocka_unit_test(the_file_of_keys_is_waited_for_too),
        cmocka_unit_test(a_file_that_is_not_there_or_of_the_future_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
