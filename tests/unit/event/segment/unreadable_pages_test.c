/* A page that the disk does not give costs the frames it touches, at a start and while the gateway runs, and no process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIXTURE_PARENT "/dev/shm"
#include "failing_pread.h"
#include "segment_files.h"

#include "base/metrics/metrics.h"
#include "command/journal_command.h"
#include "config/options/options.h"
#include "event/event_id.h"

#define FRAMES 4
#define ROWS_EACH 600
#define PAGE 4096

struct segment_file {
    char path[512];
    size_t ends[FRAMES + 1]; /* of headers and frames */
    size_t length;
};

static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
}

static int stop(void **state)
{
    pread_fail(0, 0, 0);
    return fixture_stop(state);
}

/* The only segment, of frames of several pages each, closed. */
static struct segment_file make_large_segment(struct fixture *f, bool sealed)
{
    struct segment_file file = { .length = 0 };
    for (unsigned i = 0; i < FRAMES; i++) {
        fixture_put(f, i * ROWS_EACH, ROWS_EACH);
    }
    fixture_close(f);
    snprintf(file.path, sizeof file.path, "%s", only_file(f));
    struct buf bytes = read_file(file.path);
    file.ends[0] = 2 * lz4_frame_length(buf_slice(&bytes));
    for (unsigned i = 0; i < FRAMES; i++) {
        size_t length = lz4_frame_length(slice_after(buf_slice(&bytes), file.ends[i]));
        assert_true(length > 3 * PAGE);
        file.ends[i + 1] = file.ends[i] + length;
    }
    file.length = sealed ? bytes.len : file.ends[FRAMES];
    assert_int_equal(truncate(file.path, (off_t)file.length), 0);
    buf_release(&bytes);
    return file;
}

/* The page in the middle of a frame. */
static void lose_page_of(const struct segment_file *file, unsigned frame)
{
    size_t from = (file->ends[frame] + file->ends[frame + 1]) / 2 / PAGE * PAGE;
    pread_fail(from, from + PAGE, EIO);
}

/* What is recovered is the rows of all frames but `lost` (FRAMES: none). */
static void assert_frames_but(struct fixture *f, unsigned lost)
{
    struct segment *segment = f->recovered;
    struct buf ids = { 0 };
    assert_non_null(segment);
    assert_null(segment->next);
    assert_int_equal(segment->rows, (lost < FRAMES ? FRAMES - 1 : FRAMES) * ROWS_EACH);
    pread_fail(0, 0, 0);
    assert_int_equal(segment_event_ids(segment, &ids), OK);
    for (unsigned row = 0, at = 0; row < FRAMES * ROWS_EACH; row++) {
        struct event_id id = sample_id(row);
        if (row / ROWS_EACH != lost) {
            assert_memory_equal(ids.data + at++ * sizeof id, &id, sizeof id);
        }
    }
    buf_release(&ids);
}

static void assert_saved(struct fixture *f, const struct segment_file *file, unsigned lost)
{
    char aside[600];
    snprintf(aside, sizeof aside, "%s/damaged/%s", f->folder, strrchr(file->path, '/') + 1);
    assert_frames_but(f, lost);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), ROWS_EACH);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), FRAMES * ROWS_EACH);
    assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), 0);
    struct buf whole = read_file(aside); /* for another reader */
    assert_int_equal(whole.len, file->length);
    buf_release(&whole);
}

static void a_page_of_a_waiting_segment_costs_its_frame_and_the_file_is_kept(void **state)
{
    struct fixture *f = *state;
    for (unsigned lost = 0; lost < FRAMES; lost++) {
        struct segment_file file = make_large_segment(f, true);
        lose_page_of(&file, lost);
        must_open(f);
        assert_saved(f, &file, lost);
        struct segment *segment = f->recovered;
        f->recovered = NULL;
        assert_int_equal(journal_remove(f->journal, segment), OK);
    }
}

static void the_last_frame_of_a_segment_that_was_open_is_damage_and_no_torn_tail(void **state)
{
    struct fixture *f = *state;
    struct segment_file file = make_large_segment(f, false);
    lose_page_of(&file, FRAMES - 1);
    must_open(f);
    assert_saved(f, &file, FRAMES - 1);
}

static void a_page_behind_the_last_frame_costs_no_row(void **state)
{
    struct fixture *f = *state;
    struct segment_file file = make_large_segment(f, true);
    size_t from = (file.length + PAGE - 1) / PAGE * PAGE; /* zeros that were written ahead */
    assert_int_equal(truncate(file.path, (off_t)(from + PAGE)), 0);
    pread_fail(from, from + PAGE, EIO);
    must_open(f);
    assert_frames_but(f, FRAMES);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
}

static void a_segment_of_which_nothing_can_be_read_is_kept_and_others_are_delivered(void **state)
{
    struct fixture *f = *state;
    struct segment_file file = make_large_segment(f, true);
    char aside[600];
    snprintf(aside, sizeof aside, "%s/damaged/%s", f->folder, strrchr(file.path, '/') + 1);
    pread_fail(0, UINT64_MAX, EIO);
    must_open(f);
    pread_fail(0, 0, 0);
    assert_null(f->recovered);
    struct buf whole = read_file(aside);
    assert_int_equal(whole.len, file.length);
    buf_release(&whole);
}

/* The events are as good as ever: another start may read them. */
static void what_is_no_verdict_on_the_bytes_stops_the_start(void **state)
{
    static const int numbers[] = { ENOMEM, ETIMEDOUT, ENOTCONN };
    struct fixture *f = *state;
    struct segment_file file = make_large_segment(f, true);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        pread_fail(file.ends[1], file.ends[1] + PAGE, numbers[i]);
        assert_false(fixture_open(f));
        assert_non_null(strstr(buf_c_string(&f->problem), "cannot read "));
        assert_non_null(strstr(f->problem.data, strerror(numbers[i])));
        fixture_close(f);
    }
    pread_fail(0, 0, 0);
    must_open(f);
    assert_frames_but(f, FRAMES);
}

static void a_running_gateway_is_told_and_lives(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = { 0 };
    for (unsigned i = 0; i < FRAMES; i++) {
        fixture_put(f, i * ROWS_EACH, ROWS_EACH);
    }
    struct segment *segment = journal_seal(f->journal, 0);
    pread_fail(2 * PAGE, 3 * PAGE, EIO);
    assert_int_equal(segment_read(segment, &bytes), ERROR_JOURNAL_FAILED);
    assert_int_equal(errno, EIO);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(segment_check(segment), ERROR_JOURNAL_FAILED);
    pread_fail(2 * PAGE, 3 * PAGE, ENOMEM);
    assert_int_equal(segment_check(segment), ERROR_OUT_OF_MEMORY);
    pread_fail(0, 0, 0);
    assert_int_equal(segment_check(segment), OK);
    assert_int_equal(truncate(segment->path, 3 * PAGE), 0); /* by somebody else, between two looks */
    assert_int_equal(segment_check(segment), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_remove(f->journal, segment), OK);
    buf_release(&bytes);
}

static void journal_verify_names_it(void **state)
{
    struct fixture *f = *state;
    char *arguments[] = { "journal", "verify", f->folder };
    struct segment_file file = make_large_segment(f, true);
    lose_page_of(&file, 1);
    assert_int_equal(journal_command.run(3, arguments), 1);
    pread_fail(0, 0, 0);
    assert_int_equal(journal_command.run(3, arguments), 0);
    must_open(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_os, stop)
        TEST(a_page_of_a_waiting_segment_costs_its_frame_and_the_file_is_kept),
        TEST(the_last_frame_of_a_segment_that_was_open_is_damage_and_no_torn_tail),
        TEST(a_page_behind_the_last_frame_costs_no_row),
        TEST(a_segment_of_which_nothing_can_be_read_is_kept_and_others_are_delivered),
        TEST(what_is_no_verdict_on_the_bytes_stops_the_start),
        TEST(a_running_gateway_is_told_and_lives),
        TEST(journal_verify_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
