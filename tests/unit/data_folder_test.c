/* What base/data_folder.h promises: rule 1 of the journal. */
#include "base/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/sluice-folder-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void rule_1_refuses_a_folder_that_another_gateway_uses(void **state)
{
    struct data_folder first, second;
    struct buf problem = { 0 };
    char alias[160];
    (void)state;
    snprintf(alias, sizeof alias, "%s/../%s/.", root, strrchr(root, '/') + 1);
    assert_true(data_folder_take(&first, root, true, &problem));
    assert_false(data_folder_take(&second, alias, true, &problem));
    char expected[64];
    snprintf(expected, sizeof expected, "in use by another gateway (pid %ld)", (long)getpid());
    assert_non_null(strstr(buf_c_string(&problem), expected));
    data_folder_release(&second);
    data_folder_release(&first);
    buf_release(&problem);
    assert_true(data_folder_take(&second, alias, true, &problem)); /* the lock went with the first */
    assert_string_equal(second.path, root);
    data_folder_release(&second);
}

/* The folders that were synced, by their inodes. */
static struct {
    ino_t inodes[64];
    size_t count;
} synced;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && synced.count < ARRAY_LENGTH(synced.inodes)) {
        synced.inodes[synced.count++] = info.st_ino;
    }
    return __real_fsync(fd);
}

static bool was_synced(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    for (size_t i = 0; i < synced.count; i++) {
        if (synced.inodes[i] == info.st_ino) {
            return true;
        }
    }
    return false;
}

/* An earlier process may have made them, and died before it synced what they are in. */
static void syncs_the_folders_that_are_there_and_their_parents(void **state)
{
    static const char *const folders[] = {
        "", "/up", "/up/data", "/up/data/journal", "/up/data/keys", "/up/data/dead"
    };
    struct data_folder folder;
    struct buf problem = { 0 };
    char path[128];
    (void)state;
    for (size_t i = 1; i < ARRAY_LENGTH(folders); i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0750), 0);
    }
    snprintf(path, sizeof path, "%s/up/data", root);
    synced.count = 0;
    assert_true(data_folder_take(&folder, path, true, &problem) && data_folder_sync(&folder, &problem));
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        assert_true(was_synced(path));
    }
    data_folder_release(&folder);
    buf_release(&problem);
}

static void makes_a_missing_folder_only_when_asked(void **state)
{
    struct data_folder folder;
    struct buf problem = { 0 };
    char deep[128];
    (void)state;
    snprintf(deep, sizeof deep, "%s/a/b/c", root);
    assert_false(data_folder_take(&folder, deep, false, &problem));
    assert_non_null(strstr(buf_c_string(&problem), "No such file"));
    data_folder_release(&folder);
    assert_true(data_folder_take(&folder, deep, true, &problem));
    data_folder_release(&folder);
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(syncs_the_folders_that_are_there_and_their_parents, make_root, remove_root),
        cmocka_unit_test(rule_1_refuses_a_folder_that_another_gateway_uses),
        cmocka_unit_test(makes_a_missing_folder_only_when_asked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
