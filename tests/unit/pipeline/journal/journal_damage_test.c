/* Damage of the journal's files costs at most the frames it touches, is set aside, and is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FIXTURE_PARENT "/dev/shm"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "segment_files.h"

#define FRAMES 4
#define ROWS (2 * FRAMES)

/* Most of these open the journal at every byte: nothing is synced but what is set aside. */
static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
}

static struct stat info_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info;
}

/* The bytes of all files in damaged/, which is emptied. */
static struct buf take_damaged(const struct fixture *f, size_t *files)
{
    char folder[128];
    struct buf all = { 0 };
    snprintf(folder, sizeof folder, "%s/damaged", f->folder);
    DIR *entries = opendir(folder);
    *files = 0;
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        char path[512];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            struct buf bytes = read_file(path);
            buf_append_slice(&all, buf_slice(&bytes));
            buf_release(&bytes);
            unlink(path);
            ++*files;
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return all;
}

/* damaged/ holds one file of exactly these bytes; without bytes, none. */
static void assert_damaged(const struct fixture *f, struct slice bytes)
{
    size_t files;
    struct buf found = take_damaged(f, &files);
    assert_int_equal(files, bytes.len == 0 ? 0 : 1);
    assert_int_equal(found.len, bytes.len);
    assert_memory_equal(found.len == 0 ? "" : found.data, bytes.data, bytes.len);
    buf_release(&found);
}

/* What is recovered is rows [0, ROWS) but for frame `lost` (FRAMES: none), in one segment, which is then removed. */
static void assert_rows_but(struct fixture *f, unsigned lost)
{
    struct buf ids = { 0 };
    struct segment *segment = f->recovered;
    assert_non_null(segment);
    assert_null(segment->next);
    assert_int_equal(segment->rows, lost == FRAMES ? ROWS : ROWS - 2);
    assert_int_equal(segment_event_ids(segment, &ids), OK);
    assert_int_equal(ids.len, segment->rows * sizeof(struct event_id));
    for (unsigned row = 0, at = 0; row < ROWS; row++) {
        struct event_id id = sample_id(row);
        if (row / 2 != lost) {
            assert_memory_equal(ids.data + at++ * sizeof id, &id, sizeof id);
        }
    }
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), segment->rows);
    f->recovered = NULL;
    assert_int_equal(journal_remove(f->journal, segment), OK);
    buf_release(&ids);
}

static void assert_counts(struct fixture *f, int64_t recovered, int64_t damaged, int64_t tails)
{
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), recovered);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), damaged);
    assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), tails);
}

static void a_segment_cut_at_any_byte_keeps_its_whole_frames_and_its_tail_is_set_aside(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct buf bytes = make_segment(f, FRAMES, ends);
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t len = 0; len <= bytes.len; len++) {
        unsigned frames = 0;
        while (frames < FRAMES && ends[frames + 1] <= len) {
            frames++;
        }
        write_file(path, slice_make(bytes.data, len));
        must_open(f);
        size_t good = frames == 0 ? 0 : len == bytes.len ? len : ends[frames];
        bool bare_header = len == ends[0] / 2 || len == ends[0]; /* begun, and no row was written */
        struct slice tail = bare_header ? (struct slice){ "", 0 } : slice_make(bytes.data + good, len - good);
        assert_counts(f, frames * 2, 0, tail.len != 0);
        assert_int_equal(count_files(f, "journal"), frames == 0 ? 0 : 1);
        assert_int_equal(f->recovered != NULL, frames != 0);
        if (frames != 0) {
            assert_int_equal(f->recovered->length, ends[frames]);
            assert_segment(f->recovered, 0, frames * 2);
        }
        fixture_close(f);
        assert_damaged(f, tail);
    }
    must_open(f);
    buf_release(&bytes);
}

static void a_flipped_bit_at_any_byte_costs_the_frame_it_is_in_and_none_in_the_header(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct buf bytes = make_segment(f, FRAMES, ends);
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t at = 0; at < bytes.len; at++) {
        unsigned frame = 0; /* FRAMES: the seal */
        while (frame < FRAMES && ends[frame + 1] <= at) {
            frame++;
        }
        bool in_header = at < ends[0], in_seal = frame == FRAMES;
        size_t from = in_header ? at / (ends[0] / 2) * (ends[0] / 2) : ends[frame];
        size_t to = in_header ? from + ends[0] / 2 : in_seal ? bytes.len : ends[frame + 1];
        bytes.data[at] = (char)(bytes.data[at] ^ 1 << at % 8);
        write_file(path, buf_slice(&bytes));
        must_open(f);
        struct slice piece = slice_make(bytes.data + from, to - from);
        if (!in_header && !in_seal && f->recovered->rows == ROWS) {
            piece.len = 0; /* a match moved to an equal place: the bytes that come out are right */
            frame = FRAMES;
        }
        assert_counts(f, ROWS, in_header || frame == FRAMES ? 0 : 2, in_seal);
        assert_rows_but(f, in_header ? FRAMES : frame);
        fixture_close(f);
        assert_damaged(f, piece);
        bytes.data[at] = (char)(bytes.data[at] ^ 1 << at % 8);
    }
    must_open(f);
    buf_release(&bytes);
}

static void damage_is_counted_once_and_its_segment_is_sound_from_then_on(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    struct buf bytes = make_segment(f, FRAMES, ends);
    bytes.data[ends[0] / 2 + 20] ^= 1;
    bytes.data[ends[FRAMES] - 1] ^= 1;
    write_file(only_file(f), buf_slice(&bytes));
    must_open(f);
    assert_counts(f, ROWS, 2, 0);
    assert_true(fixture_metric(f, METRIC_DAMAGED_BYTES) > 0);
    fixture_reopen(f);
    assert_counts(f, ROWS - 2, 0, 0);
    assert_segment(f->recovered, 0, ROWS - 2);
    assert_int_equal(count_files(f, "damaged"), 2);
    buf_release(&bytes);
}

static void a_sealed_segment_without_any_good_frame_is_damage_and_set_aside_whole(void **state)
{
    struct fixture *f = *state;
    size_t ends[2];
    struct buf bytes = make_segment(f, 1, ends);
    bytes.data[ends[0] + 50] ^= 1;
    write_file(only_file(f), buf_slice(&bytes));
    must_open(f);
    assert_null(f->recovered);
    assert_counts(f, 2, 2, 0);
    assert_int_equal(count_files(f, "journal"), 0);
    assert_damaged(f, buf_slice(&bytes));
    buf_release(&bytes);
}

/* As the version before wrote them: one header, no seal. */
static void segments_of_the_version_before_are_read_and_a_damaged_header_sets_them_aside(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[512];
    struct buf bytes = make_segment(f, FRAMES, ends);
    size_t header = ends[0] / 2;
    struct slice before = slice_make(bytes.data + header, ends[FRAMES] - header);
    snprintf(path, sizeof path, "%s", only_file(f));
    write_file(path, before);
    must_open(f);
    assert_segment(f->recovered, 0, ROWS);
    assert_int_equal(f->recovered->length, before.len);
    assert_counts(f, ROWS, 0, 0);
    fixture_close(f);
    assert_damaged(f, (struct slice){ "", 0 });
    for (size_t at = 0; at < header; at += 7) {
        bytes.data[header + at] ^= 0x20;
        write_file(path, before);
        must_open(f);
        assert_null(f->recovered);
        assert_counts(f, ROWS, ROWS, 0);
        assert_int_equal(count_files(f, "journal"), 0);
        fixture_close(f);
        assert_damaged(f, before);
        bytes.data[header + at] ^= 0x20;
    }
    must_open(f);
    buf_release(&bytes);
}

static void write_named(const struct fixture *f, const char *name, struct slice bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    write_file(path, bytes);
}

#define OTHER "events-01890a5d-ac96-774b-bcce-b302099a8057.native.lz4"

static void a_copy_beside_its_original_is_set_aside_and_no_loss(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    struct buf bytes = make_segment(f, FRAMES, ends);
    write_named(f, "journal/" OTHER, buf_slice(&bytes));
    must_open(f);
    assert_segment(f->recovered, 0, ROWS);
    assert_null(f->recovered->next);
    assert_counts(f, ROWS, 0, 0);
    fixture_close(f);
    assert_damaged(f, buf_slice(&bytes));
    must_open(f);
    buf_release(&bytes);
}

static void a_segment_under_another_name_whose_original_is_gone_is_set_aside_and_counted(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    struct buf bytes = make_segment(f, FRAMES, ends);
    unlink(only_file(f));
    write_named(f, "journal/" OTHER, buf_slice(&bytes));
    must_open(f);
    assert_null(f->recovered);
    assert_counts(f, ROWS, ROWS, 0);
    assert_damaged(f, buf_slice(&bytes));
    buf_release(&bytes);
}

#define LONG_NAME "a_stream_whose_name_is_as_long_as_names_may_be_so_that_it_counts"

/* Frames that are shorter than what a repaired segment's header has more than the first one: the name of its parent, twice. */
static void a_repaired_segment_may_be_longer_than_the_damaged_one(void **state)
{
    struct fixture *f = *state;
    struct buf problems = { 0 };
    struct field_options field = { .name = "n", .type = "UInt8", .max_past_ns = -1, .max_future_ns = -1 };
    const struct stream_options options = { .name = LONG_NAME, .table = "t", .fields = &field, .field_count = 1 };
    struct stream *stream = stream_compile(&options, 0, &problems);
    struct chunk *chunk = chunk_new(stream);
    f->streams[0] = stream;
    fixture_reopen(f);
    for (unsigned row = 0; row < 5; row++) {
        struct event_id id = sample_id(row);
        chunk_clear(chunk);
        assert_true(chunk_reserve_row(chunk));
        chunk->ids[0] = id;
        buf_append_byte(&chunk->columns[0].data, (uint8_t)row);
        buf_append(&chunk->columns[1].data, id.bytes, sizeof id.bytes);
        chunk->columns[0].rows = chunk->columns[1].rows = chunk->rows = 1;
        assert_int_equal(journal_append(f->journal, chunk, NULL, 1, fault.now_ns), OK);
        assert_int_equal(journal_commit(f->journal, 0), OK);
    }
    char path[512];
    snprintf(path, sizeof path, "%s", only_file(f));
    struct buf bytes = read_file(path); /* as a kill leaves it: without a seal */
    size_t at = 2 * lz4_frame_length(buf_slice(&bytes));
    size_t frame = lz4_frame_length(slice_after(buf_slice(&bytes), at));
    fixture_close(f);
    bytes.data[at + 2 * frame + frame / 2] ^= 1;
    write_file(path, buf_slice(&bytes));
    must_open(f);
    assert_int_equal(f->recovered->rows, 4);
    assert_true(f->recovered->length > bytes.len);
    fixture_close(f);
    f->streams[0] = f->stream;
    must_open(f);
    buf_release(&bytes);
    chunk_free(chunk);
    stream_free(stream);
}

static void nothing_in_damaged_is_written_over(void **state)
{
    struct fixture *f = *state;
    size_t ends[FRAMES + 1];
    char path[1024], piece[600];
    struct buf bytes = make_segment(f, FRAMES, ends);
    snprintf(path, sizeof path, "%s", only_file(f));
    char *name = strrchr(path, '/') + 1;
    snprintf(piece, sizeof piece, "damaged/%.*s.%zu.piece", (int)(strlen(name) - strlen(SEGMENT_SUFFIX)), name,
             ends[FRAMES - 1]);
    for (unsigned i = 0; i < 3; i++) {
        write_file(path, slice_make(bytes.data, ends[FRAMES] - 1 - i / 2)); /* the second time the same tail again */
        must_open(f);
        fixture_close(f);
        assert_int_equal(count_files(f, "damaged"), 1 + i / 2);
    }
    snprintf(path, sizeof path, "%s/%s", f->folder, piece);
    assert_int_equal(info_of(path).st_size, ends[FRAMES] - 1 - ends[FRAMES - 1]);
    write_named(f, "damaged/" OTHER, SLICE("mine"));
    write_named(f, "journal/" OTHER, SLICE("no segment at all"));
    must_open(f);
    assert_int_equal(count_files(f, "damaged"), 4);
    snprintf(path, sizeof path, "%s/damaged/" OTHER, f->folder);
    assert_int_equal(info_of(path).st_size, 4);
    snprintf(path, sizeof path, "%s/damaged/" OTHER ".2", f->folder);
    assert_int_equal(info_of(path).st_size, 17);
    buf_release(&bytes);
}

static void a_half_is_kept_when_the_whole_beside_it_is_damaged(void **state)
{
    struct fixture *f = *state;
    struct segment *first, *second;
    char path[512];
    fixture_put(f, 0, 2);
    fixture_put(f, 2, 2);
    struct segment *whole = journal_seal(f->journal, 0);
    snprintf(path, sizeof path, "%s", whole->path);
    struct buf bytes = read_file(path);
    assert_int_equal(journal_split(f->journal, whole, 2, &first, &second), OK);
    segment_free(first);
    segment_free(second);
    fixture_close(f);
    bytes.data[bytes.len - 200] ^= 1; /* in the last frame, before the seal */
    write_file(path, buf_slice(&bytes));
    must_open(f);
    assert_segment(f->recovered, 0, 2);
    assert_null(f->recovered->next);
    assert_counts(f, 4, 2, 0);
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(count_files(f, "damaged"), 3); /* the damaged frame, and both halves */
    buf_release(&bytes);
}

static void leaves_foreign_files_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "notes.txt", "events-0.native.lz4", OTHER ".bak", "a\n\xff\x01 b",
                                         ("copy of " OTHER) };
    char path[512];
    fixture_put(f, 0, 1);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        snprintf(path, sizeof path, "journal/%s", names[i]);
        write_named(f, path, SLICE("mine"));
    }
    snprintf(path, sizeof path, "%s/journal/" OTHER, f->folder);
    assert_int_equal(mkdir(path, 0750), 0);
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8058.native.lz4", f->folder);
    assert_int_equal(symlink("notes.txt", path), 0);
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8059.native.lz4", f->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 1);
    assert_null(f->recovered->next);
    assert_int_equal(count_files(f, "journal"), ARRAY_LENGTH(names) + 4);
    assert_int_equal(count_files(f, "damaged"), 0);
}

static void removes_only_what_can_hold_no_row(void **state)
{
    struct fixture *f = *state;
    write_named(f, "journal/events-01890a5d-ac96-774b-bcce-b302099a8057.native.lz4", SLICE(""));
    write_named(f, "journal/events-01890a5d-ac96-774b-bcce-b302099a8058.native.lz4", SLICE("\0\0\0\0\0\0\0\0\0\0\0\0"));
    write_named(f, "journal/events-01890a5d-ac96-774b-bcce-b302099a8059.native.lz4", SLICE("\0\0\0\0\0\0\0\0\0\0\0x"));
    fixture_reopen(f);
    assert_null(f->recovered);
    assert_int_equal(count_files(f, "journal"), 0);
    assert_damaged(f, SLICE("\0\0\0\0\0\0\0\0\0\0\0x"));
    assert_counts(f, 0, 0, 1);
}

static void makes_every_folder_that_is_missing(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    remove_tree(f->folder);
    assert_int_equal(mkdir(f->folder, 0700), 0);
    must_open(f);
    fixture_put(f, 0, 2);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 2);
}

static void refuses_when_the_whole_folder_is_deleted_under_it(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 2);
    remove_tree(f->folder);
    assert_int_equal(mkdir(f->folder, 0700), 0); /* whoever made it: it is not the one that was taken */
    for (unsigned i = 0; i < 3; i++) {
        (void)!fixture_append(f, 2, 2);
        assert_int_equal(journal_commit(f->journal, 0), ERROR_JOURNAL_FAILED);
        assert_int_equal(fixture_status(f), STATUS_DOWN);
    }
    struct segment *sealed = journal_take_sealed(f->journal);
    assert_segment(sealed, 0, 2); /* what was acknowledged before is still delivered */
    assert_int_equal(journal_remove(f->journal, sealed), OK);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 0);
}

static void a_segment_that_is_cut_under_a_running_gateway_is_kept_for_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct buf bytes = { 0 };
    fixture_put(f, 0, 2);
    fixture_put(f, 2, 2);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_int_equal(truncate(segment->path, (off_t)segment->length - 1), 0);
    assert_int_equal(segment_read(segment, &bytes), ERROR_JOURNAL_FAILED);
    assert_int_equal(bytes.len, 0);
    buf_release(&bytes);
    segment_free(segment);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 2);
    assert_counts(f, 2, 0, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_os, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_segment_cut_at_any_byte_keeps_its_whole_frames_and_its_tail_is_set_aside),
        TEST(a_flipped_bit_at_any_byte_costs_the_frame_it_is_in_and_none_in_the_header),
        TEST(damage_is_counted_once_and_its_segment_is_sound_from_then_on),
        TEST(a_sealed_segment_without_any_good_frame_is_damage_and_set_aside_whole),
        TEST(segments_of_the_version_before_are_read_and_a_damaged_header_sets_them_aside),
        TEST(a_copy_beside_its_original_is_set_aside_and_no_loss),
        TEST(a_segment_under_another_name_whose_original_is_gone_is_set_aside_and_counted),
        TEST(a_repaired_segment_may_be_longer_than_the_damaged_one),
        TEST(nothing_in_damaged_is_written_over),
        TEST(a_half_is_kept_when_the_whole_beside_it_is_damaged),
        TEST(leaves_foreign_files_alone),
        TEST(removes_only_what_can_hold_no_row),
        TEST(makes_every_folder_that_is_missing),
        TEST(refuses_when_the_whole_folder_is_deleted_under_it),
        TEST(a_segment_that_is_cut_under_a_running_gateway_is_kept_for_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
