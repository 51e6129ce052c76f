/* What base/system/disk.h promises. */
#include "base/system/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void makes_a_folder_and_is_content_with_one_that_is_there(void **state)
{
    (void)state;
    char base[] = "/tmp/disk_test.XXXXXX";
    char folder[64];
    struct stat info;
    assert_non_null(mkdtemp(base));
    snprintf(folder, sizeof folder, "%s/keys", base);
    assert_true(disk_make_folder(folder));
    assert_true(disk_make_folder(folder));
    assert_int_equal(stat(folder, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(rmdir(base), 0);
}

static void makes_a_path_with_its_parents(void **state)
{
    (void)state;
    char base[] = "/tmp/disk_test.XXXXXX";
    char part[64];
    assert_non_null(mkdtemp(base));
    snprintf(part, sizeof part, "%s/a/b//c/", base);
    assert_true(disk_make_path(part));
    assert_true(disk_make_path(part));
    static const char *const made[] = { "/a/b/c", "/a/b", "/a", "" };
    for (size_t i = 0; i < ARRAY_LENGTH(made); i++) {
        snprintf(part, sizeof part, "%s%s", base, made[i]);
        assert_int_equal(rmdir(part), 0);
    }
    assert_false(disk_make_path(""));
    assert_int_equal(errno, ENOENT);
}

static void refuses_a_file_in_the_place_of_a_folder(void **state)
{
    (void)state;
    char file[] = "/tmp/disk_test.XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_false(disk_make_folder(file));
    assert_int_equal(errno, EEXIST);
    assert_false(disk_sync_folder(file));
    assert_int_equal(errno, ENOTDIR);
    close(fd);
    unlink(file);
}

static void says_why_not_all_was_written(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(disk_write_all(pipes[1], SLICE("abc")));
    assert_false(disk_write_all(pipes[0], SLICE("abc")));
    assert_int_equal(errno, EBADF);
    close(pipes[0]);
    close(pipes[1]);
}

static void tells_want_of_room_from_other_failures(void **state)
{
    (void)state;
    assert_int_equal(disk_error(ENOSPC), ERROR_DISK_FULL);
    assert_int_equal(disk_error(EDQUOT), ERROR_DISK_FULL);
    assert_int_equal(disk_error(EIO), ERROR_JOURNAL_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_folder_and_is_content_with_one_that_is_there),
        cmocka_unit_test(makes_a_path_with_its_parents),
        cmocka_unit_test(refuses_a_file_in_the_place_of_a_folder),
        cmocka_unit_test(says_why_not_all_was_written),
        cmocka_unit_test(tells_want_of_room_from_other_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
