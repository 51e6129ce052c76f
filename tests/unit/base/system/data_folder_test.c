/* What base/system/data_folder.h promises: rule 1 of the journal. */
#include "base/system/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_text(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(fread(found, 1, sizeof found - 1, file) > 0);
    fclose(file);
    assert_string_equal(found, text);
}

/* LOCK as something else than a plain file: 0 a link, 1 a link to nothing, 2 a pipe, 3 a folder. */
static void make_odd(unsigned kind, const char *lock, const char *victim)
{
    int made = kind == 0   ? symlink(victim, lock)
               : kind == 1 ? symlink("/nonexistent/lock", lock)
               : kind == 2 ? mkfifo(lock, 0600)
                           : mkdir(lock, 0700);
    assert_int_equal(made, 0);
}

static void lock_is_no_way_to_another_file(void **state)
{
    char lock[96], victim[96];
    (void)state;
    snprintf(lock, sizeof lock, "%s/LOCK", root);
    snprintf(victim, sizeof victim, "%s/victim", root);
    write_text(victim, "precious");
    for (unsigned kind = 0; kind < 4; kind++) {
        struct data_folder folder;
        struct buf problem = { 0 };
        remove(lock);
        make_odd(kind, lock, victim);
        assert_false(data_folder_take(&folder, root, false, &problem));
        assert_non_null(strstr(buf_c_string(&problem), "LOCK"));
        data_folder_release(&folder);
        buf_release(&problem);
        remove(lock);
    }
    expect_text(victim, "precious");
}

/* A backup by hard links (cp -al) gives LOCK a second name: the next start takes it, and writes over no other file. */
static void a_lock_with_two_names_is_taken_and_only_a_pid_is_written_over(void **state)
{
    static const char *const texts[] = { "precious", "12345\n" };
    char lock[96], other[96], pid[32];
    (void)state;
    snprintf(lock, sizeof lock, "%s/LOCK", root);
    snprintf(other, sizeof other, "%s/other", root);
    snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    for (size_t i = 0; i < 2; i++) {
        struct data_folder folder;
        struct buf problem = { 0 };
        write_text(other, texts[i]);
        remove(lock);
        assert_int_equal(link(other, lock), 0);
        assert_true(data_folder_take(&folder, root, false, &problem));
        expect_text(other, i == 0 ? "precious" : pid);
        data_folder_release(&folder);
        remove(other);
    }
    remove(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(syncs_the_folders_that_are_there_and_their_parents, make_root, remove_root),
        cmocka_unit_test(rule_1_refuses_a_folder_that_another_gateway_uses),
        cmocka_unit_test(lock_is_no_way_to_another_file),
        cmocka_unit_test(a_lock_with_two_names_is_taken_and_only_a_pid_is_written_over),
        cmocka_unit_test(makes_a_missing_folder_only_when_asked),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
