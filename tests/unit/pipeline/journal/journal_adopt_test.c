/* Dead letters that were given back: they come into the journal once, whole, and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/segment/segment.h"
#include "journal_fixture.h"

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

static int with_memory(void **state)
{
    return fixture_start(state, DURABILITY_MEMORY);
}

static const char *path_in(const struct fixture *f, const char *folder, const char *name)
{
    static char path[768];
    snprintf(path, sizeof path, "%s/%s/%s", f->folder, folder, name);
    return path;
}

/* A segment of rows [first, first + count) that lies in retry/ and nowhere else. */
static const char *give_back(struct fixture *f, unsigned first, unsigned count)
{
    static char file_name[SEGMENT_NAME_MAX + 16];
    struct buf bytes = { 0 };
    fixture_put(f, first, count);
    struct segment *segment = journal_seal(f->journal, 0);
    snprintf(file_name, sizeof file_name, "%s" SEGMENT_SUFFIX, segment->name);
    mkdir(path_in(f, RETRY_FOLDER, ""), 0750);
    FILE *file = fopen(path_in(f, RETRY_FOLDER, file_name), "wb");
    assert_non_null(file);
    assert_int_equal(segment_read(segment, &bytes), OK);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
    buf_release(&bytes);
    assert_int_equal(journal_remove(f->journal, segment), OK);
    return file_name;
}

static struct segment *adopt(struct fixture *f, size_t most)
{
    struct segment *adopted;
    journal_adopt(f->journal, most, metrics_thread(f->metrics), &adopted);
    return adopted;
}

static void what_claims_a_tebibyte_is_put_aside(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(truncate(path_in(f, RETRY_FOLDER, give_back(f, 0, 3)), (off_t)1 << 40), 0);
    int fd = open(path_in(f, RETRY_FOLDER, give_back(f, 3, 3)), O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)1 << 40), 1);
    close(fd);
    assert_null(adopt(f, 10));
    assert_int_equal(count_files(f, "damaged"), 2);
    assert_int_equal(count_files(f, RETRY_FOLDER), 0);
}

static void takes_a_segment_as_one_that_was_found_at_start(void **state)
{
    struct fixture *f = *state;
    const char *name = give_back(f, 0, 3);
    struct segment *segment = adopt(f, 10);
    assert_segment(segment, 0, 3);
    assert_null(segment->next);
    assert_true(segment->recovered);
    assert_int_equal(segment->stream_index, 0);
    assert_string_equal(segment->path, path_in(f, "journal", name));
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 3);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 3);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 1);
    assert_int_equal(count_files(f, RETRY_FOLDER), 0);
    assert_int_equal(journal_remove(f->journal, segment), OK);
    assert_int_equal(count_files(f, "journal"), 0);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
    assert_null(adopt(f, 10));
}

static void waits_while_the_journal_has_one_of_its_name(void **state)
{
    struct fixture *f = *state;
    const char *name = give_back(f, 0, 3);
    assert_int_equal(close(open(path_in(f, "journal", name), O_CREAT | O_RDWR, 0640)), 0);
    assert_null(adopt(f, 10));
    assert_int_equal(count_files(f, RETRY_FOLDER), 1);
    assert_int_equal(unlink(path_in(f, "journal", name)), 0);
    struct segment *segment = adopt(f, 10);
    assert_segment(segment, 0, 3);
    segment_free(segment);
}

static void waits_while_the_journal_has_no_room(void **state)
{
    struct fixture *f = *state;
    give_back(f, 0, 3);
    fixture_put(f, 3, 2);
    f->options.max_bytes = journal_bytes(f->journal) + 10;
    assert_null(adopt(f, 10));
    assert_int_equal(count_files(f, RETRY_FOLDER), 1);
    f->options.max_bytes = 1 << 30;
    struct segment *segment = adopt(f, 10);
    assert_segment(segment, 0, 3);
    segment_free(segment);
}

static void an_empty_journal_takes_a_segment_larger_than_its_bound(void **state)
{
    struct fixture *f = *state;
    give_back(f, 0, 3);
    f->options.max_bytes = 10;
    struct segment *segment = adopt(f, 10);
    assert_segment(segment, 0, 3);
    segment_free(segment);
}

static void takes_so_many_at_once_oldest_first(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        give_back(f, i, 1);
    }
    struct segment *segment = adopt(f, 2);
    assert_segment(segment, 0, 1);
    assert_segment(segment->next, 1, 1);
    assert_null(segment->next->next);
    segment_free(segment->next);
    segment_free(segment);
    segment = adopt(f, 2);
    assert_segment(segment, 2, 1);
    segment_free(segment);
}

static void expect_put_aside(struct fixture *f, int64_t rows)
{
    assert_null(adopt(f, 10));
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), rows);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), rows);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
    assert_int_equal(count_files(f, RETRY_FOLDER), 0);
    assert_int_equal(count_files(f, "damaged"), 1);
}

static void puts_a_damaged_header_aside_with_the_rows_behind_it(void **state)
{
    struct fixture *f = *state;
    int fd = open(path_in(f, RETRY_FOLDER, give_back(f, 0, 3)), O_RDWR);
    assert_int_equal(pwrite(fd, "xx", 2, 20), 2);
    close(fd);
    expect_put_aside(f, 3);
}

/* Cut tails are not forgiven here: what was buried was whole. */
static void puts_a_cut_segment_aside(void **state)
{
    struct fixture *f = *state;
    const char *path = path_in(f, RETRY_FOLDER, give_back(f, 0, 3));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(truncate(path, info.st_size - 1), 0);
    expect_put_aside(f, 0); /* nothing tells how many rows there were */
}

static void puts_an_empty_file_aside(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(truncate(path_in(f, RETRY_FOLDER, give_back(f, 0, 3)), 0), 0);
    expect_put_aside(f, 0);
}

static void puts_a_segment_under_another_name_aside(void **state)
{
    struct fixture *f = *state;
    char from[768];
    snprintf(from, sizeof from, "%s", path_in(f, RETRY_FOLDER, give_back(f, 0, 3)));
    const char *other = path_in(f, RETRY_FOLDER, "events-01935c7e-0000-7000-8000-000000000001" SEGMENT_SUFFIX);
    assert_int_equal(rename(from, other), 0);
    expect_put_aside(f, 3);
}

static void leaves_foreign_files_alone(void **state)
{
    struct fixture *f = *state;
    mkdir(path_in(f, RETRY_FOLDER, ""), 0750);
    assert_int_equal(close(open(path_in(f, RETRY_FOLDER, "notes.txt"), O_CREAT | O_RDWR, 0640)), 0);
    const char *link = path_in(f, RETRY_FOLDER, "events-01935c7e-0000-7000-8000-000000000001" SEGMENT_SUFFIX);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_null(adopt(f, 10));
    assert_int_equal(count_files(f, RETRY_FOLDER), 2);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
}

static void durability_memory_takes_them_too(void **state)
{
    struct fixture *f = *state;
    give_back(f, 0, 3);
    struct segment *segment = adopt(f, 10);
    assert_segment(segment, 0, 3);
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(journal_remove(f->journal, segment), OK);
    assert_int_equal(count_files(f, "journal"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fsync, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_a_segment_as_one_that_was_found_at_start),
        TEST(what_claims_a_tebibyte_is_put_aside),
        TEST(waits_while_the_journal_has_one_of_its_name),
        TEST(waits_while_the_journal_has_no_room),
        TEST(an_empty_journal_takes_a_segment_larger_than_its_bound),
        TEST(takes_so_many_at_once_oldest_first),
        TEST(puts_a_damaged_header_aside_with_the_rows_behind_it),
        TEST(puts_a_cut_segment_aside),
        TEST(puts_an_empty_file_aside),
        TEST(puts_a_segment_under_another_name_aside),
        TEST(leaves_foreign_files_alone),
        cmocka_unit_test_setup_teardown(durability_memory_takes_them_too, with_memory, fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
