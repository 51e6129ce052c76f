/* A disk that fails one call of a start, or of a look at what was given back: nothing that it did not fail for is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIXTURE_PARENT "/dev/shm"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/segment/segment.h"
#include "segment_files.h"

#define FRAMES 4
#define ROWS (2 * FRAMES)
#define MOST_CALLS 60

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

/* What a start finds: the bytes of the only segment file, perhaps damaged, and the rows that are good in them. */
struct scene {
    struct buf bytes;
    uint64_t rows;
};

static uint64_t rows_of(const struct segment *list)
{
    uint64_t rows = 0;
    for (; list != NULL; list = list->next) {
        rows += list->rows;
    }
    return rows;
}

static void empty_folder(const struct fixture *f, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    remove_tree(path);
    assert_int_equal(mkdir(path, 0750), 0);
}

/* Opens with the n-th call failing. Returns whether there was one. */
static bool open_failing_at(struct fixture *f, size_t n)
{
    static const char *const names[] = { "events" };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    f->board = status_board_new();
    buf_clear(&f->problem);
    fault_clear();
    fault.fails_at = n;
    f->journal = fixture_open_through(f, &fault_io);
    bool failed = fault.total >= n;
    fault.fails_at = 0;
    return failed;
}

/* Whichever call fails, the start says so or finds all, and the next start finds all. */
static void assert_survives_each_call(struct fixture *f, const char *path, const struct scene *scene)
{
    size_t n = 1;
    for (bool failed = true; failed; n++) {
        assert_true(n < MOST_CALLS);
        empty_folder(f, "journal");
        empty_folder(f, "damaged");
        write_file(path, buf_slice(&scene->bytes));
        failed = open_failing_at(f, n);
        if (f->journal == NULL) {
            assert_true(failed && f->problem.len != 0);
        } else {
            assert_int_equal(rows_of(f->recovered), scene->rows);
        }
        fixture_close(f);
        must_open(f);
        assert_int_equal(rows_of(f->recovered), scene->rows);
        fixture_close(f);
    }
    assert_true(n > 2);
    must_open(f); /* for the fixture to close */
}

static void a_start_with_any_call_failing_keeps_the_rows_before_a_torn_tail(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct scene scene = { make_segment(f, FRAMES, ends), ROWS - 2 };
    snprintf(path, sizeof path, "%s", only_file(f));
    scene.bytes.len = ends[FRAMES] - 3;
    assert_survives_each_call(f, path, &scene);
    buf_release(&scene.bytes);
}

static void a_start_with_any_call_failing_keeps_the_rows_around_damage(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct scene scene = { make_segment(f, FRAMES, ends), ROWS - 2 };
    snprintf(path, sizeof path, "%s", only_file(f));
    scene.bytes.data[ends[1] + 20] ^= 0x40;
    assert_survives_each_call(f, path, &scene);
    buf_release(&scene.bytes);
}

static void a_start_with_any_call_failing_keeps_a_sealed_segment(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct scene scene = { make_segment(f, FRAMES, ends), ROWS };
    snprintf(path, sizeof path, "%s", only_file(f));
    assert_survives_each_call(f, path, &scene);
    buf_release(&scene.bytes);
}

static void what_was_given_back_stays_where_it_is_until_it_can_be_moved(void **state)
{
    struct fixture *f = *state;
    char from[512], to[512];
    struct segment *adopted;
    fixture_put(f, 0, 3);
    struct segment *segment = journal_seal(f->journal, 0);
    snprintf(from, sizeof from, "%s", segment->path);
    snprintf(to, sizeof to, "%s/" RETRY_FOLDER, f->folder);
    assert_int_equal(mkdir(to, 0750), 0);
    snprintf(to, sizeof to, "%s/" RETRY_FOLDER "%s", f->folder, strrchr(from, '/'));
    struct buf bytes = read_file(from);
    write_file(to, buf_slice(&bytes));
    assert_int_equal(journal_remove(f->journal, segment), OK);
    fault.rename_errno = EIO;
    journal_adopt(f->journal, 10, metrics_thread(f->metrics), &adopted);
    assert_null(adopted);
    assert_int_equal(access(to, F_OK), 0);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 0);
    fault.rename_errno = 0;
    journal_adopt(f->journal, 10, metrics_thread(f->metrics), &adopted);
    assert_segment(adopted, 0, 3);
    assert_int_equal(access(to, F_OK), -1);
    assert_int_equal(journal_remove(f->journal, adopted), OK);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_start_with_any_call_failing_keeps_the_rows_before_a_torn_tail, with_fsync,
                                        fixture_stop),
        cmocka_unit_test_setup_teardown(a_start_with_any_call_failing_keeps_the_rows_around_damage, with_fsync,
                                        fixture_stop),
        cmocka_unit_test_setup_teardown(a_start_with_any_call_failing_keeps_a_sealed_segment, with_fsync, fixture_stop),
        cmocka_unit_test_setup_teardown(what_was_given_back_stays_where_it_is_until_it_can_be_moved, with_fsync,
                                        fixture_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
