/* The journal while it runs: rules 1, 2, 3 and 6, admission, sealing, splitting. Rules 4 and 5: journal_recover_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "event/chunk.h"
#include "journal_fixture.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/journal/journal_private.h"

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
}

static int with_memory(void **state)
{
    return fixture_start(state, DURABILITY_MEMORY);
}

static void rule_1_uses_the_real_path(void **state)
{
    struct fixture *f = *state;
    char link[128];
    snprintf(link, sizeof link, "%s-link", f->folder);
    fixture_close(f);
    assert_int_equal(symlink(f->folder, link), 0);
    f->options.data = link;
    assert_true(fixture_open(f));
    assert_string_equal(journal_folder(f->journal), f->folder);
    fixture_put(f, 0, 3);
    assert_int_equal(unlink(link), 0);
    fixture_put(f, 3, 3);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_segment(segment, 0, 6);
    assert_int_equal(journal_remove(f->journal, segment), OK);
}

static void rule_2_syncs_the_folder_before_the_first_acknowledgement_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_append(f, 0, 2), OK);
    assert_string_equal(fault_take(), "W");
    assert_int_equal(journal_commit(f->journal, 0), OK);
    assert_string_equal(fault_take(), "DF");
    fixture_put(f, 2, 2);
    assert_string_equal(fault_take(), "WD");
    assert_int_equal(journal_commit(f->journal, 0), OK); /* nothing new */
    assert_string_equal(fault_take(), "");
}

static void rule_2_syncs_the_folder_after_an_unlink(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 2);
    struct segment *segment = journal_seal(f->journal, 0);
    fault_take();
    fault.folder_errno = EIO;
    assert_int_equal(journal_remove(f->journal, segment), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 2);
    fault.folder_errno = 0;
    assert_int_equal(journal_remove(f->journal, segment), OK);
    assert_string_equal(fault_take(), "UFUF");
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 0);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_BYTES), 0);
}

static void rule_2_fails_the_group_if_the_folder_cannot_be_synced(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_append(f, 0, 2), OK);
    fault.folder_errno = EIO;
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_null(journal_take_sealed(f->journal));
    assert_int_equal(count_files(f, "journal"), 0);
}

/* The ways in which a group can fail behind rows that are acknowledged. */
struct failure {
    const char *name;
    int pwrite_errno;
    bool short_write;
    int fdatasync_errno;
    enum error error;
};

static const struct failure failures[] = {
    { "write error", EIO, false, 0, ERROR_JOURNAL_FAILED },
    { "full disk", ENOSPC, false, 0, ERROR_DISK_FULL },
    { "short write", 0, true, 0, ERROR_DISK_FULL },
    { "sync error", 0, false, EIO, ERROR_JOURNAL_FAILED },
};

static void fail_a_group(struct fixture *f, const struct failure *failure, unsigned first)
{
    assert_int_equal(fixture_append(f, first, 2), OK); /* one append of the group still works */
    fault.pwrite_errno = failure->pwrite_errno;
    fault.short_write = failure->short_write;
    fault.fdatasync_errno = failure->fdatasync_errno;
    bool by_sync = failure->fdatasync_errno != 0;
    assert_int_equal(fixture_append(f, first + 2, 2), by_sync ? OK : failure->error);
    fault.pwrite_errno = 0;
    fault.short_write = false;
    assert_int_equal(fixture_append(f, first + 4, 2), by_sync ? OK : failure->error);
    assert_int_equal(journal_commit(f->journal, 0), failure->error);
    fault.fdatasync_errno = 0;
}

static void rule_3_cuts_back_seals_and_goes_on_in_a_new_file(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        fixture_put(f, 0, 3);
        fail_a_group(f, &failures[i], 3);
        assert_int_equal(fixture_status(f), STATUS_DOWN);
        struct segment *sealed = journal_take_sealed(f->journal);
        assert_segment(sealed, 0, 3);
        struct stat info;
        assert_int_equal(fstat(sealed->fd, &info), 0);
        assert_int_equal(info.st_size, sealed->length);
        assert_null(journal_take_sealed(f->journal));
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 3);
        fault.now_ns += NS_PER_SECOND;
        assert_int_equal(journal_admits(f->journal, 1), OK);
        assert_int_equal(fixture_status(f), STATUS_OK);
        fixture_put(f, 10, 4);
        struct segment *next = journal_seal(f->journal, 0);
        assert_string_not_equal(next->name, sealed->name);
        assert_segment(next, 10, 4);
        assert_int_equal(journal_remove(f->journal, sealed), OK);
        assert_int_equal(journal_remove(f->journal, next), OK);
        assert_int_equal(count_files(f, "journal"), 0);
    }
}

static void rule_3_leaves_no_file_of_a_group_that_failed_first(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        fail_a_group(f, &failures[i], 0);
        assert_null(journal_take_sealed(f->journal));
        assert_null(journal_seal(f->journal, 0));
        assert_int_equal(count_files(f, "journal"), 0);
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 0);
    }
}

static void rule_3_never_syncs_the_same_range_twice(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    assert_int_equal(fixture_append(f, 3, 3), OK);
    fault_take();
    fault.fdatasync_errno = EIO;
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    fault.fdatasync_errno = 0;
    assert_int_equal(journal_commit(f->journal, 0), OK);
    assert_string_equal(fault_take(), "DT");
    segment_free(journal_take_sealed(f->journal));
}

static void rule_3_accepts_nothing_until_a_failed_cut_succeeds(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    assert_int_equal(fixture_append(f, 3, 3), OK);
    fault.fdatasync_errno = EIO;
    fault.ftruncate_errno = EIO;
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    fault.fdatasync_errno = 0;
    assert_int_equal(journal_admits(f->journal, 1), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    assert_int_equal(fixture_append(f, 3, 3), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_null(journal_seal(f->journal, 0));
    assert_null(journal_take_sealed(f->journal));
    fault.ftruncate_errno = 0;
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(f->journal, 1), OK);
    assert_int_equal(fixture_status(f), STATUS_OK);
    struct segment *sealed = journal_take_sealed(f->journal);
    assert_segment(sealed, 0, 3);
    segment_free(sealed);
    fixture_put(f, 3, 3);
}

/* A journal of two streams in the fixture's folder. */
static struct journal *open_for_two(struct fixture *f, const struct stream *const streams[2])
{
    static const char *const names[] = { "events", "others" };
    fixture_close(f);
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 2 } });
    f->board = status_board_new();
    struct journal_config config = { .options = &f->options,
                                     .streams = streams,
                                     .stream_count = 2,
                                     .metrics = f->metrics,
                                     .board = f->board,
                                     .io = &fault_io };
    f->journal = journal_open(&config, &f->recovered, &f->problem);
    assert_non_null(f->journal);
    return f->journal;
}

static void rule_3_keeps_nothing_of_a_group_that_another_streams_failed_cut_ended(void **state)
{
    struct fixture *f = *state;
    struct stream_options options = sample_options;
    struct buf problems = { 0 };
    options.name = options.table = "others";
    struct stream *other = stream_compile(&options, 1, &problems);
    const struct stream *const streams[] = { f->stream, other };
    struct journal *journal = open_for_two(f, streams);
    struct chunk *chunk = chunk_new(other);
    sample_fill(chunk, 0, 2);
    assert_int_equal(journal_append(journal, chunk, NULL, 2, fault.now_ns), OK);
    fixture_put(f, 0, 1);
    fault.pwrite_errno = fault.ftruncate_errno = EIO;
    assert_int_equal(fixture_append(f, 1, 1), ERROR_JOURNAL_FAILED);
    fault.pwrite_errno = fault.ftruncate_errno = 0;
    assert_int_equal(journal_append(journal, chunk, NULL, 2, fault.now_ns), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_commit(journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_commit(journal, 1), ERROR_JOURNAL_FAILED);
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(journal, 0), OK);
    chunk_clear(chunk);
    sample_fill(chunk, 2, 3);
    assert_int_equal(journal_append(journal, chunk, NULL, 3, fault.now_ns), OK);
    assert_int_equal(journal_commit(journal, 1), OK);
    assert_int_equal(journal_events(journal, 1), 3);
    struct segment *sealed = journal_seal(journal, 1);
    assert_segment(sealed, 2, 3);
    segment_free(sealed);
    chunk_free(chunk);
    fixture_reopen(f); /* without the other stream, before that goes */
    stream_free(other);
}

static void fails_the_group_if_no_file_can_be_made(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/journal", f->folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(fixture_append(f, 0, 1), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN); /* for good: see that no more clients come here */
    assert_int_equal(mkdir(path, 0750), 0);           /* another folder than the one that is synced */
    assert_int_equal(journal_admits(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_append(f, 0, 1), ERROR_JOURNAL_FAILED);
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    assert_int_equal(count_files(f, "journal"), 0);
    fixture_reopen(f);
    fixture_put(f, 0, 1);
}

/* Why no file can be made, and what is answered then. */
static const struct {
    int number;
    enum error error;
} no_file[] = { { EMFILE, ERROR_JOURNAL_FAILED }, { ENOSPC, ERROR_DISK_FULL }, { EROFS, ERROR_JOURNAL_FAILED } };

static void is_down_while_no_file_can_be_made_and_heals_without_an_event(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LENGTH(no_file); i++) {
        fault.now_ns += NS_PER_SECOND;
        fault.create_errno = no_file[i].number;
        assert_int_equal(fixture_append(f, 0, 1), no_file[i].error);
        assert_int_equal(journal_commit(f->journal, 0), no_file[i].error);
        assert_int_equal(fixture_status(f), STATUS_DOWN);
        assert_int_equal(journal_admits(f->journal, 0), no_file[i].error); /* tried at once */
        fault.create_errno = 0;
        assert_int_equal(journal_admits(f->journal, 0), no_file[i].error); /* and then each second */
        assert_int_equal(fixture_status(f), STATUS_DOWN);
        fault.now_ns += NS_PER_SECOND;
        assert_int_equal(journal_admits(f->journal, 0), OK);
        assert_int_equal(fixture_status(f), STATUS_OK);
        assert_int_equal(count_files(f, "journal"), 0);
    }
}

static void a_failure_that_passes_is_over_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_append(f, 0, 1), OK);
    fault.fdatasync_errno = EIO;
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    fault.fdatasync_errno = 0;
    fault_take();
    assert_int_equal(journal_admits(f->journal, 1), OK);
    assert_string_equal(fault_take(), "WDFU"); /* what a new group needs was tried */
    assert_int_equal(fixture_status(f), STATUS_OK);
}

static void a_good_group_does_not_make_up_for_a_failed_one(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 1);
    f->journal->admission.failing = ERROR_JOURNAL_FAILED; /* of another stream, in the same group */
    fixture_put(f, 1, 1);
    fault.create_errno = EMFILE;
    assert_int_equal(journal_admits(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
}

static void acknowledges_nothing_in_a_file_that_was_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 2);
    assert_int_equal(unlink(f->journal->open[0].segment->path), 0);
    assert_int_equal(fixture_append(f, 2, 2), OK);
    assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    assert_int_equal(journal_admits(f->journal, 0), OK);
    struct segment *sealed = journal_take_sealed(f->journal);
    assert_segment(sealed, 0, 2); /* as long as it is open, it can be delivered */
    fixture_put(f, 2, 2);
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(journal_remove(f->journal, sealed), OK);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 2);
}

static void rule_6_keeps_an_acknowledged_segment_when_it_cannot_be_unlinked(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 5);
    struct segment *segment = journal_seal(f->journal, 0);
    fault.unlink_errno = EROFS;
    assert_int_equal(journal_remove(f->journal, segment), ERROR_JOURNAL_FAILED);
    assert_segment(segment, 0, 5);
    segment_free(segment);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 5);
}

static void rule_6_refuses_new_events_rather_than_drop_old_ones(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 5);
    uint64_t used = journal_bytes(f->journal);
    f->options.max_bytes = used + 10;
    assert_int_equal(journal_admits(f->journal, 10), OK);
    assert_int_equal(journal_admits(f->journal, 11), ERROR_JOURNAL_FULL);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(journal_remove(f->journal, journal_seal(f->journal, 0)), OK);
    assert_int_equal(journal_admits(f->journal, 11), OK);
    assert_int_equal(fixture_status(f), STATUS_OK);
}

static void a_full_journal_stays_full_until_a_sixteenth_is_free(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 5);
    struct segment *first = journal_seal(f->journal, 0);
    fixture_put(f, 5, 5);
    f->options.max_bytes = journal_bytes(f->journal) + 10;
    assert_int_equal(journal_admits(f->journal, 11), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_admits(f->journal, 0), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_remove(f->journal, first), OK);
    assert_int_equal(journal_admits(f->journal, 0), OK);
}

static void a_refused_group_keeps_it_full_until_there_is_room_for_that(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 5);
    struct segment *first = journal_seal(f->journal, 0);
    fixture_put(f, 5, 5);
    uint64_t room = journal_bytes(f->journal) / 2;
    f->options.max_bytes = journal_bytes(f->journal) + room;
    assert_int_equal(journal_admits(f->journal, room + 1), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_admits(f->journal, 0), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_remove(f->journal, first), OK);
    assert_int_equal(journal_admits(f->journal, 0), OK);
    assert_int_equal(journal_admits(f->journal, room + 1), OK);
}

static void an_empty_journal_takes_a_group_larger_than_its_bound(void **state)
{
    struct fixture *f = *state;
    f->options.max_bytes = 10;
    assert_int_equal(journal_admits(f->journal, 11), OK);
    assert_int_equal(fixture_status(f), STATUS_OK);
    fixture_put(f, 0, 5);
    assert_int_equal(journal_admits(f->journal, 1), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_remove(f->journal, journal_seal(f->journal, 0)), OK);
    assert_int_equal(journal_admits(f->journal, 11), OK);
}

static void an_empty_journal_leaves_min_free_whatever_comes(void **state)
{
    struct fixture *f = *state;
    f->options.max_bytes = 10;
    f->options.min_free = 1000;
    fault.free_bytes = 1020;
    assert_int_equal(journal_admits(f->journal, 20), OK);
    assert_int_equal(journal_admits(f->journal, 21), ERROR_DISK_FULL);
}

static void a_stream_that_has_filled_its_part_is_refused_and_heals(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    struct stream_options options = *f->stream->options;
    options.max_journal_bytes = 1 << 16;
    const struct stream_options *before = f->stream->options;
    f->stream->options = &options;
    assert_true(fixture_open(f));
    assert_int_equal(journal_admits_stream(f->journal, 0, 1 << 20), OK); /* with nothing waiting, whatever comes */
    fixture_put(f, 0, 5);
    uint64_t left = (1 << 16) - journal_bytes(f->journal);
    assert_int_equal(journal_admits_stream(f->journal, 0, left), OK);
    assert_int_equal(journal_admits_stream(f->journal, 0, left + 1), ERROR_JOURNAL_FULL);
    assert_int_equal(journal_admits(f->journal, left + 1), OK); /* whatever else there is may go on */
    assert_int_equal(fixture_status(f), STATUS_OK);
    struct status_view views[4];
    size_t parts = status_read(f->board, views, 4);
    assert_string_equal(views[parts - 1].name, "journal:events");
    assert_int_equal(views[parts - 1].level, STATUS_DEGRADED);
    assert_non_null(strstr(views[parts - 1].reason, "max_journal"));
    assert_int_equal(journal_remove(f->journal, journal_seal(f->journal, 0)), OK);
    assert_int_equal(journal_admits_stream(f->journal, 0, left + 1), OK);
    status_read(f->board, views, 4);
    assert_int_equal(views[parts - 1].level, STATUS_OK);
    f->stream->options = before;
}

static void refuses_events_while_the_disk_is_short_of_room(void **state)
{
    struct fixture *f = *state;
    f->options.min_free = 1000;
    fault.free_bytes = 1005;
    assert_int_equal(journal_admits(f->journal, 5), OK);
    assert_int_equal(journal_admits(f->journal, 6), ERROR_DISK_FULL);
    fault.free_bytes = 5000;
    assert_int_equal(journal_admits(f->journal, 6), ERROR_DISK_FULL); /* asked at most once a second */
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(f->journal, 6), OK);
}

static void a_refused_group_keeps_the_disk_full_until_there_is_room_for_that(void **state)
{
    struct fixture *f = *state;
    fault.free_bytes = 0; /* and min_free is 0 */
    assert_int_equal(journal_admits(f->journal, 0), OK);
    assert_int_equal(journal_admits(f->journal, 100), ERROR_DISK_FULL);
    assert_int_equal(journal_admits(f->journal, 0), ERROR_DISK_FULL);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    fault.free_bytes = 99;
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(f->journal, 0), ERROR_DISK_FULL);
    fault.free_bytes = 100;
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(f->journal, 0), OK);
    assert_int_equal(journal_admits(f->journal, 100), OK);
    assert_int_equal(fixture_status(f), STATUS_OK);
}

static void a_group_that_found_the_disk_full_waits_for_its_room(void **state)
{
    struct fixture *f = *state;
    fault.free_bytes = 10; /* somebody else has taken the rest since it was asked */
    fault.pwrite_errno = ENOSPC;
    assert_int_equal(fixture_append(f, 0, 5), ERROR_DISK_FULL);
    assert_int_equal(journal_commit(f->journal, 0), ERROR_DISK_FULL);
    fault.pwrite_errno = 0; /* a small file can be written */
    assert_int_equal(journal_admits(f->journal, 0), ERROR_DISK_FULL);
    assert_int_equal(fixture_status(f), STATUS_DOWN);
    fault.free_bytes = 1 << 20;
    fault.now_ns += NS_PER_SECOND;
    assert_int_equal(journal_admits(f->journal, 0), OK);
    assert_int_equal(fixture_status(f), STATUS_OK);
}

static void writes_only_the_rows_that_are_kept(void **state)
{
    struct fixture *f = *state;
    uint64_t keep = 0x0e;
    sample_fill(f->chunk, 0, 6);
    assert_int_equal(journal_append(f->journal, f->chunk, &keep, 3, 7), OK);
    uint64_t none = 0;
    assert_int_equal(journal_append(f->journal, f->chunk, &none, 0, 8), OK);
    assert_int_equal(journal_commit(f->journal, 0), OK);
    struct journal_state now = journal_state(f->journal, 0);
    assert_int_equal(now.rows, 3);
    assert_int_equal(now.opened_ns, 7);
    struct segment *segment = journal_seal(f->journal, 0);
    segment->min_time_ns = (INT64_C(1700000000000) + 1) * NS_PER_MS; /* of all rows of the chunk, which is allowed */
    segment->max_time_ns = (INT64_C(1700000000000) + 3) * NS_PER_MS;
    assert_segment(segment, 1, 3);
    assert_int_equal(segment->raw_bytes, now.raw_bytes);
    segment_free(segment);
    assert_int_equal(journal_state(f->journal, 0).rows, 0);
    assert_null(journal_seal(f->journal, 0));
}

static void gauges_follow_every_change(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 4);
    fixture_put(f, 4, 3);
    struct segment *first = journal_seal(f->journal, 0);
    fixture_put(f, 0, 2);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 9);
    assert_int_equal(journal_events(f->journal, 0), 9);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 2);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_BYTES), journal_bytes(f->journal));
    assert_int_equal(journal_remove(f->journal, first), OK);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 2);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 1);
}

/* Until it is called again with the limit that it returns. */
static rlim_t limit_descriptors(rlim_t most)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

enum { SEALED = 200, ROWS = 4, FEW_DESCRIPTORS = 48 };

/* Their first rows: only the first 40 samples can be told apart. */
static unsigned first_of(unsigned sealed)
{
    return sealed % 10 * ROWS;
}

static void seal_many(struct fixture *f, struct segment *sealed[SEALED])
{
    for (unsigned i = 0; i < SEALED; i++) {
        fixture_put(f, first_of(i), ROWS);
        sealed[i] = journal_seal(f->journal, 0);
    }
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), SEALED * ROWS);
}

static void more_segments_wait_than_there_are_descriptors_and_all_are_read_split_and_removed(void **state)
{
    struct fixture *f = *state;
    struct segment *sealed[SEALED];
    rlim_t before = limit_descriptors(FEW_DESCRIPTORS);
    seal_many(f, sealed);
    for (unsigned i = 0; i < SEALED; i++) {
        struct segment *halves[2];
        assert_segment(sealed[i], first_of(i), ROWS);
        assert_int_equal(journal_split(f->journal, sealed[i], 1, &halves[0], &halves[1]), OK);
        assert_segment(halves[0], first_of(i), 1);
        assert_segment(halves[1], first_of(i) + 1, ROWS - 1);
        assert_int_equal(journal_remove(f->journal, halves[0]), OK);
        assert_int_equal(journal_remove(f->journal, halves[1]), OK);
    }
    limit_descriptors(before);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_BYTES), 0);
    assert_int_equal(count_files(f, "journal"), 0);
}

static void a_start_finds_more_segments_than_there_are_descriptors(void **state)
{
    struct fixture *f = *state;
    struct segment *sealed[SEALED];
    seal_many(f, sealed);
    for (unsigned i = 0; i < SEALED; i++) {
        segment_free(sealed[i]);
    }
    rlim_t before = limit_descriptors(FEW_DESCRIPTORS);
    fixture_reopen(f);
    for (unsigned i = 0; i < SEALED; i++) {
        assert_segment(f->recovered, first_of(i), ROWS);
        fixture_drop_recovered(f);
    }
    limit_descriptors(before);
    assert_null(f->recovered);
}

static void a_sealed_segment_that_is_deleted_is_read_if_it_was_kept_open_and_else_said_to_be_gone(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = { 0 };
    fixture_put(f, 0, 2);
    struct segment *kept_open = journal_seal(f->journal, 0);
    fixture_put(f, 2, 2);
    rlim_t before = limit_descriptors(0);
    struct segment *closed = journal_seal(f->journal, 0);
    limit_descriptors(before);
    assert_segment(closed, 2, 2);
    assert_int_equal(unlink(kept_open->path), 0);
    assert_int_equal(unlink(closed->path), 0);
    assert_segment(kept_open, 0, 2);
    assert_int_equal(segment_read(closed, &bytes), ERROR_JOURNAL_FAILED);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(journal_remove(f->journal, kept_open), OK);
    assert_int_equal(journal_remove(f->journal, closed), OK);
}

/* What the file is long, beside what is acknowledged of it. */
static off_t file_length(const struct segment *segment)
{
    struct stat info;
    assert_int_equal(fstat(segment->fd, &info), 0);
    return info.st_size;
}

static void extends_a_file_ahead_of_small_groups_and_cuts_and_seals_it_in_the_end(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 2);
    const struct open_segment *open = &f->journal->open[0];
    assert_int_equal(file_length(open->segment), open->written); /* one group alone writes no zeros */
    fixture_put(f, 2, 2);
    assert_true(file_length(open->segment) > (off_t)open->written);
    fixture_put(f, 4, 2);
    struct segment *segment = journal_seal(f->journal, 0);
    uint64_t rows = 0;
    struct buf bytes = { 0 };
    assert_true(file_length(segment) > (off_t)segment->length);
    uint64_t length = segment->length;
    segment->length = (uint64_t)file_length(segment);
    assert_int_equal(segment_read(segment, &bytes), OK);
    assert_int_equal(segment_seal_read(buf_slice(&bytes), length, segment->name, &rows),
                     bytes.len - length); /* and nothing else */
    assert_int_equal(rows, 6);
    buf_release(&bytes);
    segment->length = length;
    assert_segment(segment, 0, 6);
    assert_int_equal(journal_remove(f->journal, segment), OK);
}

static void os_never_syncs(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 4);
    assert_int_equal(journal_remove(f->journal, journal_seal(f->journal, 0)), OK);
    assert_string_equal(fault_take(), "WWU");
}

static void memory_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct segment *first, *second;
    fixture_put(f, 0, 6);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_segment(segment, 0, 6);
    assert_int_equal(journal_split(f->journal, segment, 2, &first, &second), OK);
    assert_segment(second, 2, 4);
    assert_int_equal(count_files(f, ""), 1); /* the empty folder journal/ */
    assert_int_equal(count_files(f, "journal"), 0);
    assert_int_equal(journal_remove(f->journal, first), OK);
    assert_int_equal(journal_remove(f->journal, second), OK);
    assert_string_equal(fault_take(), "WWWWW");
}

static void memory_still_delivers_what_an_earlier_run_left(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 6);
    f->options.durability = DURABILITY_MEMORY;
    fixture_reopen(f);
    struct segment *segment = f->recovered;
    assert_segment(segment, 0, 6);
    f->recovered = NULL;
    assert_int_equal(journal_remove(f->journal, segment), OK);
    assert_int_equal(count_files(f, "journal"), 0);
}

static void splits_a_segment_at_any_row(void **state)
{
    struct fixture *f = *state;
    for (unsigned at = 1; at < 9; at++) {
        struct segment *first, *second;
        fixture_put(f, 0, 4);
        fixture_put(f, 4, 3);
        fixture_put(f, 7, 2);
        struct segment *whole = journal_seal(f->journal, 0);
        char name[SEGMENT_NAME_MAX];
        memcpy(name, whole->name, sizeof name);
        fault_take();
        assert_int_equal(journal_split(f->journal, whole, at, &first, &second), OK);
        const char *calls = fault_take();
        assert_string_equal(strchr(calls, 'D'), "DDFUF");
        assert_string_equal(first->header.parent, name);
        assert_segment(first, 0, at);
        assert_segment(second, at, 9 - at);
        assert_int_equal(count_files(f, "journal"), 2);
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 9);
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 2);
        assert_int_equal(journal_remove(f->journal, first), OK);
        assert_int_equal(journal_remove(f->journal, second), OK);
        assert_int_equal(journal_bytes(f->journal), 0);
    }
}

static void leaves_the_whole_if_it_cannot_be_split(void **state)
{
    struct fixture *f = *state;
    struct segment *first, *second;
    fixture_put(f, 0, 6);
    struct segment *whole = journal_seal(f->journal, 0);
    int *const errors[] = { &fault.pwrite_errno, &fault.fdatasync_errno, &fault.folder_errno };
    for (size_t i = 0; i < ARRAY_LENGTH(errors); i++) {
        *errors[i] = EIO;
        assert_int_equal(journal_split(f->journal, whole, 3, &first, &second), ERROR_JOURNAL_FAILED);
        *errors[i] = 0;
        assert_segment(whole, 0, 6);
        assert_int_equal(count_files(f, "journal"), 1);
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 6);
    }
    segment_free(whole);
}

/* Writers remove and split while the commit thread appends. */
#define SHARED 64

struct shared {
    struct fixture *fixture;
    struct wakeup wakeup;
    struct segment *waiting;
    bool done;
};

static void remove_or_split(struct fixture *f, struct segment *segment)
{
    struct segment *first, *second;
    if (segment->rows == 3) {
        assert_int_equal(journal_split(f->journal, segment, 1, &first, &second), OK);
        assert_int_equal(journal_remove(f->journal, first), OK);
        segment = second;
    }
    assert_int_equal(journal_remove(f->journal, segment), OK);
}

static void work(void *argument)
{
    struct shared *shared = argument;
    wakeup_lock(&shared->wakeup);
    while (!shared->done || shared->waiting != NULL) {
        struct segment *segment = shared->waiting;
        if (segment == NULL) {
            wakeup_wait(&shared->wakeup, INT64_MAX);
            continue;
        }
        shared->waiting = segment->next;
        wakeup_unlock(&shared->wakeup);
        remove_or_split(shared->fixture, segment);
        wakeup_lock(&shared->wakeup);
    }
    wakeup_unlock(&shared->wakeup);
}

static void removes_and_splits_on_other_threads_while_it_appends(void **state)
{
    struct fixture *f = *state;
    struct shared shared = { .fixture = f };
    struct thread threads[2] = { 0 };
    f->journal->folder.io = &journal_system_io;
    wakeup_init(&shared.wakeup);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(thread_start(&threads[i], "worker", work, &shared), OK);
    }
    for (unsigned i = 0; i < SHARED; i++) {
        fixture_put(f, 0, 2 + i % 2);
        assert_int_equal(journal_admits(f->journal, 0), OK);
        struct segment *segment = journal_seal(f->journal, 0);
        wakeup_lock(&shared.wakeup);
        segment->next = shared.waiting;
        shared.waiting = segment;
        wakeup_one(&shared.wakeup);
        wakeup_unlock(&shared.wakeup);
    }
    wakeup_lock(&shared.wakeup);
    shared.done = true;
    wakeup_all(&shared.wakeup);
    wakeup_unlock(&shared.wakeup);
    for (size_t i = 0; i < 2; i++) {
        thread_join(&threads[i]);
    }
    wakeup_release(&shared.wakeup);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 0);
    assert_int_equal(journal_bytes(f->journal), 0);
    assert_int_equal(count_files(f, "journal"), 0);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rule_1_uses_the_real_path, with_fsync),
        TEST(rule_2_syncs_the_folder_before_the_first_acknowledgement_only, with_fsync),
        TEST(rule_2_syncs_the_folder_after_an_unlink, with_fsync),
        TEST(rule_2_fails_the_group_if_the_folder_cannot_be_synced, with_fsync),
        TEST(rule_3_cuts_back_seals_and_goes_on_in_a_new_file, with_fsync),
        TEST(rule_3_leaves_no_file_of_a_group_that_failed_first, with_fsync),
        TEST(rule_3_never_syncs_the_same_range_twice, with_fsync),
        TEST(rule_3_accepts_nothing_until_a_failed_cut_succeeds, with_fsync),
        TEST(rule_3_keeps_nothing_of_a_group_that_another_streams_failed_cut_ended, with_fsync),
        TEST(fails_the_group_if_no_file_can_be_made, with_fsync),
        TEST(is_down_while_no_file_can_be_made_and_heals_without_an_event, with_fsync),
        TEST(a_failure_that_passes_is_over_at_once, with_fsync),
        TEST(a_good_group_does_not_make_up_for_a_failed_one, with_fsync),
        TEST(acknowledges_nothing_in_a_file_that_was_deleted, with_fsync),
        TEST(acknowledges_nothing_in_a_file_that_was_deleted, with_os),
        TEST(rule_6_keeps_an_acknowledged_segment_when_it_cannot_be_unlinked, with_fsync),
        TEST(rule_6_refuses_new_events_rather_than_drop_old_ones, with_fsync),
        TEST(a_full_journal_stays_full_until_a_sixteenth_is_free, with_fsync),
        TEST(a_refused_group_keeps_it_full_until_there_is_room_for_that, with_fsync),
        TEST(an_empty_journal_takes_a_group_larger_than_its_bound, with_fsync),
        TEST(an_empty_journal_leaves_min_free_whatever_comes, with_fsync),
        TEST(a_stream_that_has_filled_its_part_is_refused_and_heals, with_fsync),
        TEST(refuses_events_while_the_disk_is_short_of_room, with_fsync),
        TEST(a_refused_group_keeps_the_disk_full_until_there_is_room_for_that, with_fsync),
        TEST(a_group_that_found_the_disk_full_waits_for_its_room, with_fsync),
        TEST(writes_only_the_rows_that_are_kept, with_fsync),
        TEST(gauges_follow_every_change, with_fsync),
        TEST(extends_a_file_ahead_of_small_groups_and_cuts_and_seals_it_in_the_end, with_fsync),
        TEST(more_segments_wait_than_there_are_descriptors_and_all_are_read_split_and_removed, with_fsync),
        TEST(more_segments_wait_than_there_are_descriptors_and_all_are_read_split_and_removed, with_memory),
        TEST(a_start_finds_more_segments_than_there_are_descriptors, with_os),
        TEST(a_sealed_segment_that_is_deleted_is_read_if_it_was_kept_open_and_else_said_to_be_gone, with_fsync),
        TEST(os_never_syncs, with_os),
        TEST(memory_writes_nothing, with_memory),
        TEST(memory_still_delivers_what_an_earlier_run_left, with_fsync),
        TEST(splits_a_segment_at_any_row, with_fsync),
        TEST(leaves_the_whole_if_it_cannot_be_split, with_fsync),
        TEST(removes_and_splits_on_other_threads_while_it_appends, with_fsync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
