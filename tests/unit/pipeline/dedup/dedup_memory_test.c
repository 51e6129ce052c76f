#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "config/options/dedup_options.h"
#include "event/event_id.h"
#include "pipeline/dedup/dedup.h"

#define WINDOW (60 * NS_PER_SECOND)
#define START INT64_C(1800000000000000000)

struct fixture {
    char folder[64];
    struct metrics *metrics;
    struct dedup_options options;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/sluice-dedup-XXXXXX");
    fixture->metrics = metrics_new(&(struct metrics_labels){ .streams = { NULL, 0 } });
    fixture->options = (struct dedup_options){ .kind = DEDUP_MEMORY, .window_ns = WINDOW, .max_bytes = 1 << 20 };
    *state = fixture;
    return mkdtemp(fixture->folder) == NULL || fixture->metrics == NULL;
}

/* Calls `each` with the path of every key file, and counts them. */
static int each_file(struct fixture *fixture, void (*each)(const char *path))
{
    char keys[128];
    snprintf(keys, sizeof keys, "%s/keys", fixture->folder);
    DIR *folder = opendir(keys);
    int count = 0;
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry != NULL; entry = readdir(folder)) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", keys, entry->d_name);
        if (entry->d_name[0] != '.') {
            count++;
            if (each != NULL) {
                each(path);
            }
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static void remove_file(const char *path)
{
    unlink(path);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char keys[128];
    each_file(fixture, remove_file);
    snprintf(keys, sizeof keys, "%s/keys", fixture->folder);
    rmdir(keys);
    rmdir(fixture->folder);
    metrics_free(fixture->metrics);
    free(fixture);
    return 0;
}

static struct dedup_config config_of(const struct fixture *fixture, enum durability durability)
{
    return (struct dedup_config){
        .options = &fixture->options,
        .folder = fixture->folder,
        .durability = durability,
        .metrics = fixture->metrics,
    };
}

static struct dedup *open_at(struct fixture *fixture, int64_t wall_ns)
{
    struct buf problem = { 0 };
    struct dedup_config config = config_of(fixture, DURABILITY_FSYNC);
    struct dedup *dedup = dedup_memory_new(&config, wall_ns, &problem);
    assert_non_null(dedup);
    assert_int_equal(problem.len, 0);
    return dedup;
}

static struct event_id id_of(uint64_t number)
{
    struct event_id id = { { 0 } };
    memcpy(id.bytes, &number, sizeof number);
    id.bytes[6] = 0x80;
    id.bytes[8] = 0x80;
    return id;
}

static bool knows(struct dedup *dedup, uint64_t number, int64_t wall_ns)
{
    struct event_id id = id_of(number);
    uint8_t seen = 0;
    struct dedup_ids run = { 0, &id, 1, &seen };
    assert_int_equal(dedup->ops->lookup(dedup, &run, 1, wall_ns), OK);
    assert_true(seen <= 1);
    return seen;
}

static void note(struct dedup *dedup, uint64_t number, int64_t wall_ns)
{
    struct event_id id = id_of(number);
    dedup->ops->note(dedup, &(struct dedup_ids){ 0, &id, 1, NULL }, 1, wall_ns);
}

static void keep(struct dedup *dedup, uint64_t number, int64_t wall_ns)
{
    struct event_id id = id_of(number);
    struct dedup_ids run = { 0, &id, 1, NULL };
    dedup->ops->note(dedup, &run, 1, wall_ns);
    dedup->ops->persist(dedup, &run, 1, wall_ns);
}

static void remembers_for_one_to_two_windows(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    assert_false(knows(dedup, 1, START));
    note(dedup, 1, START);
    note(dedup, 2, START + WINDOW - 1);
    assert_true(knows(dedup, 1, START + WINDOW));
    assert_true(knows(dedup, 2, START + 2 * WINDOW - 2));
    note(dedup, 3, START + WINDOW);
    note(dedup, 4, START + 2 * WINDOW);
    assert_false(knows(dedup, 1, START + 2 * WINDOW));
    assert_true(knows(dedup, 3, START + 2 * WINDOW));
    dedup->ops->free(dedup);
}

static void forgets_what_is_asked_for_again_and_again(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    note(dedup, 1, START);
    assert_true(knows(dedup, 1, START + WINDOW));
    assert_true(knows(dedup, 1, START + 2 * WINDOW - 1));
    assert_false(knows(dedup, 1, START + 2 * WINDOW));
    note(dedup, 1, START + 2 * WINDOW);
    assert_true(knows(dedup, 1, START + 3 * WINDOW - 1));
    dedup->ops->free(dedup);
}

static void forgets_all_after_a_long_silence(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    note(dedup, 1, START);
    assert_false(knows(dedup, 1, START + 3 * WINDOW));
    dedup->ops->free(dedup);
}

static void stays_within_its_bytes_and_keeps_the_newest(void **state)
{
    struct fixture *fixture = *state;
    struct dedup *dedup = open_at(fixture, START);
    for (uint64_t i = 1; i <= 200000; i++) {
        note(dedup, i, START);
    }
    assert_true(metric_read(fixture->metrics, METRIC_DEDUP_BYTES, 0, 0, OK) <= 1 << 20);
    assert_true(metric_read(fixture->metrics, METRIC_DEDUP_IDS, 0, 0, OK) >= 16384);
    assert_true(knows(dedup, 200000, START));
    assert_true(knows(dedup, 200000 - 16000, START));
    assert_false(knows(dedup, 1, START));
    dedup->ops->free(dedup);
}

static void remembers_across_a_restart_what_was_persisted(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    keep(dedup, 1, START);
    note(dedup, 2, START);
    assert_int_equal(dedup->ops->sync(dedup), OK);
    dedup->ops->free(dedup);

    dedup = open_at(*state, START + 1);
    assert_true(knows(dedup, 1, START + 1));
    assert_false(knows(dedup, 2, START + 1));
    dedup->ops->free(dedup);

    dedup = open_at(*state, START + 3 * WINDOW);
    assert_false(knows(dedup, 1, START + 3 * WINDOW));
    dedup->ops->free(dedup);
}

static void append_garbage(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "SLK1 torn", 9), 9);
    close(fd);
}

static void ends_in_garbage(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size % 16, 9);
}

static void flip_in_the_middle(const char *path)
{
    struct stat about;
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &about), 0);
    assert_int_equal(pread(fd, &byte, 1, about.st_size / 2), 1);
    byte ^= 4;
    assert_int_equal(pwrite(fd, &byte, 1, about.st_size / 2), 1);
    close(fd);
}

static void skips_damage_and_counts_it(void **state)
{
    struct fixture *fixture = *state;
    struct dedup *dedup = open_at(*state, START);
    for (uint64_t i = 0; i < 3; i++) {
        keep(dedup, i, START);
    }
    dedup->ops->free(dedup);
    assert_int_equal(each_file(*state, flip_in_the_middle), 1);
    dedup = open_at(*state, START);
    assert_true(knows(dedup, 0, START));
    assert_false(knows(dedup, 1, START));
    assert_true(knows(dedup, 2, START));
    assert_int_equal(metric_read(fixture->metrics, METRIC_DEDUP_DAMAGED_BYTES, 0, 0, OK), 48);
    dedup->ops->free(dedup);
}

static void leaves_foreign_files_alone(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "notes", "ids-01.keys", "ids--1x.keys", "ids-.keys", "\xff\n.keys" };
    char path[512];
    snprintf(path, sizeof path, "%s/keys", fixture->folder);
    struct dedup *dedup = open_at(*state, START);
    keep(dedup, 1, START);
    dedup->ops->free(dedup);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/keys/%s", fixture->folder, names[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    snprintf(path, sizeof path, "%s/keys/ids-1.keys", fixture->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/keys/ids-2.keys", fixture->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/keys/ids-3.keys", fixture->folder);
    assert_int_equal(symlink("/dev/zero", path), 0);
    dedup = open_at(*state, START + 3 * WINDOW); /* and none of them is too old */
    keep(dedup, 2, START + 3 * WINDOW);
    dedup->ops->free(dedup);
    dedup = open_at(*state, START + 3 * WINDOW);
    assert_true(knows(dedup, 2, START + 3 * WINDOW));
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/keys/%s", fixture->folder, names[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
    for (unsigned i = 1; i <= 3; i++) {
        struct stat about;
        snprintf(path, sizeof path, "%s/keys/ids-%u.keys", fixture->folder, i);
        assert_int_equal(lstat(path, &about), 0);
        assert_int_equal(i == 2 ? rmdir(path) : unlink(path), 0);
    }
    dedup->ops->free(dedup);
}

static void makes_its_folder_again_when_somebody_deletes_it(void **state)
{
    struct fixture *fixture = *state;
    char path[512];
    struct dedup *dedup = open_at(*state, START);
    keep(dedup, 1, START);
    each_file(*state, remove_file);
    snprintf(path, sizeof path, "%s/keys", fixture->folder);
    assert_int_equal(rmdir(path), 0);
    keep(dedup, 2, START + WINDOW); /* in a new file */
    assert_int_equal(dedup->ops->sync(dedup), OK);
    dedup->ops->free(dedup);
    dedup = open_at(*state, START + WINDOW);
    assert_true(knows(dedup, 2, START + WINDOW));
    dedup->ops->free(dedup);
}

static void leaves_a_torn_tail_where_it_is(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    keep(dedup, 1, START);
    dedup->ops->free(dedup);
    assert_int_equal(each_file(*state, append_garbage), 1);
    dedup = open_at(*state, START);
    assert_true(knows(dedup, 1, START));
    dedup->ops->free(dedup);
    assert_int_equal(each_file(*state, ends_in_garbage), 1);
}

static void claim_a_tebibyte(const char *path)
{
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
}

static void hold_a_byte_at_a_tebibyte(const char *path)
{
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)1 << 40), 1);
    close(fd);
}

static void reads_no_more_of_a_file_than_it_can_hold(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct dedup *dedup = open_at(*state, START);
        keep(dedup, 1, START);
        dedup->ops->free(dedup);
        each_file(*state, i == 0 ? claim_a_tebibyte : hold_a_byte_at_a_tebibyte);
        dedup = open_at(*state, START);
        assert_true(knows(dedup, 1, START));
        dedup->ops->free(dedup);
        each_file(*state, remove_file);
    }
}

static void deletes_files_that_are_out_of_the_window(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    for (int i = 0; i < 10; i++) {
        keep(dedup, (uint64_t)i, START + i * WINDOW);
        assert_int_equal(dedup->ops->sync(dedup), OK);
        assert_true(each_file(*state, NULL) <= 3);
    }
    dedup->ops->free(dedup);
    dedup = open_at(*state, START + 9 * WINDOW);
    assert_true(knows(dedup, 9, START + 9 * WINDOW));
    assert_false(knows(dedup, 1, START + 9 * WINDOW));
    dedup->ops->free(dedup);
}

static void makes_no_file_where_nothing_is_kept(void **state)
{
    struct dedup *dedup = open_at(*state, START);
    assert_int_equal(dedup->ops->sync(dedup), OK);
    note(dedup, 1, START);
    dedup->ops->free(dedup);
    assert_int_equal(each_file(*state, NULL), 0);

    struct fixture *fixture = *state;
    struct buf problem = { 0 };
    struct dedup_config config = config_of(fixture, DURABILITY_MEMORY);
    dedup = dedup_memory_new(&config, START, &problem);
    keep(dedup, 1, START);
    assert_int_equal(dedup->ops->sync(dedup), OK);
    assert_true(knows(dedup, 1, START));
    dedup->ops->free(dedup);
    assert_int_equal(each_file(*state, NULL), 0);
}

/* RLIMIT_FSIZE makes writes fail as a full disk would. */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void keeps_what_a_failing_disk_refuses_and_writes_it_later(void **state)
{
    signal(SIGXFSZ, SIG_IGN);
    struct dedup *dedup = open_at(*state, START);
    keep(dedup, 1, START);
    assert_int_equal(dedup->ops->sync(dedup), OK);
    limit_file_size(40);
    keep(dedup, 2, START);
    keep(dedup, 3, START);
    enum error while_failing = dedup->ops->sync(dedup);
    limit_file_size(0);
    assert_int_equal(while_failing, ERROR_DISK_FULL);
    assert_true(each_file(*state, NULL) <= 2);
    assert_int_equal(dedup->ops->sync(dedup), OK);
    dedup->ops->free(dedup);

    dedup = open_at(*state, START);
    for (uint64_t id = 1; id <= 3; id++) {
        assert_true(knows(dedup, id, START));
    }
    dedup->ops->free(dedup);
}

enum { THREADS = 3, ROUNDS = 200, IDS_A_ROUND = 100 };

struct persisting {
    struct dedup *dedup;
    uint64_t first;
};

static void persist_and_sync(void *argument)
{
    struct persisting *persisting = argument;
    struct event_id ids[IDS_A_ROUND];
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < IDS_A_ROUND; i++) {
            ids[i] = id_of(persisting->first + round * IDS_A_ROUND + i);
        }
        persisting->dedup->ops->persist(persisting->dedup, &(struct dedup_ids){ 0, ids, IDS_A_ROUND, NULL }, 1, START);
        if (round % 10 == 0 && persisting->dedup->ops->sync(persisting->dedup) != OK) {
            return;
        }
    }
}

static void persists_from_many_threads(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.max_bytes = 4 << 20;
    struct dedup *dedup = open_at(fixture, START);
    struct thread threads[THREADS] = { 0 };
    struct persisting persisting[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        persisting[i] = (struct persisting){ dedup, 1 + i * ROUNDS * IDS_A_ROUND };
        assert_int_equal(thread_start(&threads[i], "persist", persist_and_sync, &persisting[i]), OK);
    }
    for (int i = 0; i < THREADS; i++) {
        thread_join(&threads[i]);
    }
    assert_int_equal(dedup->ops->sync(dedup), OK);
    dedup->ops->free(dedup);
    dedup = open_at(fixture, START);
    for (uint64_t id = 1; id <= THREADS * ROUNDS * IDS_A_ROUND; id++) {
        assert_true(knows(dedup, id, START));
    }
    dedup->ops->free(dedup);
}

static void none_knows_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct buf problem = { 0 };
    fixture->options.kind = DEDUP_NONE;
    struct dedup_config config = config_of(fixture, DURABILITY_FSYNC);
    struct dedup *dedup = dedup_new(&config, START, &problem);
    keep(dedup, 1, START);
    assert_false(knows(dedup, 1, START));
    assert_int_equal(dedup->ops->sync(dedup), OK);
    dedup->ops->free(dedup);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(remembers_for_one_to_two_windows),
        TEST(forgets_what_is_asked_for_again_and_again),
        TEST(forgets_all_after_a_long_silence),
        TEST(stays_within_its_bytes_and_keeps_the_newest),
        TEST(remembers_across_a_restart_what_was_persisted),
        TEST(skips_damage_and_counts_it),
        TEST(leaves_foreign_files_alone),
        TEST(makes_its_folder_again_when_somebody_deletes_it),
        TEST(leaves_a_torn_tail_where_it_is),
        TEST(deletes_files_that_are_out_of_the_window),
        TEST(reads_no_more_of_a_file_than_it_can_hold),
        TEST(makes_no_file_where_nothing_is_kept),
        TEST(keeps_what_a_failing_disk_refuses_and_writes_it_later),
        TEST(persists_from_many_threads),
        TEST(none_knows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
