/* The journal at start: rules 4 and 5. What was acknowledged is there again, what is damaged is put aside and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "journal_fixture.h"

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

/* For the tests that open the journal at every byte: nothing is synced. */
static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
}

/* The path of the only segment file. */
static const char *only_file(const struct fixture *f)
{
    static char path[512];
    char folder[128];
    snprintf(folder, sizeof folder, "%s/journal", f->folder);
    path[0] = '\0';
    DIR *entries = opendir(folder);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] != '.') {
            assert_string_equal(path, "");
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        }
    }
    closedir(entries);
    return path;
}

static struct buf read_file(const char *path)
{
    struct buf bytes = { 0 };
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(buf_reserve(&bytes, 1 << 20));
    bytes.len = fread(bytes.data, 1, bytes.cap, file);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    fclose(file);
}

/* Leaves a segment of `frames` frames of two rows each, closed; the ends of header and frames in ends[0 … frames]. */
static struct buf make_segment(struct fixture *f, unsigned frames, size_t *ends)
{
    for (unsigned i = 0; i < frames; i++) {
        fixture_put(f, i * 2, 2);
    }
    fixture_close(f);
    struct buf bytes = read_file(only_file(f));
    ends[0] = lz4_frame_length(buf_slice(&bytes));
    for (unsigned i = 0; i < frames; i++) {
        ends[i + 1] = ends[i] + lz4_frame_length(slice_after(buf_slice(&bytes), ends[i]));
    }
    assert_int_equal(ends[frames], bytes.len);
    return bytes;
}

static void must_open(struct fixture *f)
{
    if (!fixture_open(f)) {
        fail_msg("%s", buf_c_string(&f->problem));
    }
}

static void finds_what_was_acknowledged(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 5);
    segment_free(journal_seal(f->journal, 0));
    fixture_put(f, 5, 3);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 5);
    assert_segment(f->recovered->next, 5, 3); /* oldest first */
    assert_null(f->recovered->next->next);
    assert_true(f->recovered->recovered);
    assert_int_equal(f->recovered->stream_index, 0);
    assert_true(llabs(clock_wall_ns() - f->recovered->first_ns) < 60 * NS_PER_SECOND);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 8);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 8);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_SEGMENTS), 2);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
}

static void rule_4_cuts_a_torn_tail_at_every_byte(void **state)
{
    struct fixture *f = *state;
    size_t ends[4];
    struct buf bytes = make_segment(f, 3, ends);
    char path[512];
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t len = 0; len <= bytes.len; len++) {
        unsigned frames = 0;
        while (frames < 3 && ends[frames + 1] <= len) {
            frames++;
        }
        write_file(path, slice_make(bytes.data, len));
        must_open(f);
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), frames * 2);
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
        assert_int_equal(count_files(f, "journal"), frames == 0 ? 0 : 1);
        if (frames == 0) {
            assert_null(f->recovered);
        } else {
            struct stat info;
            assert_int_equal(stat(path, &info), 0);
            assert_int_equal(info.st_size, ends[frames]);
            assert_int_equal(f->recovered->length, ends[frames]);
            assert_segment(f->recovered, 0, frames * 2);
        }
        fixture_close(f);
    }
    assert_int_equal(count_files(f, "damaged"), 0);
    must_open(f);
    buf_release(&bytes);
}

static void rule_4_cuts_a_tail_of_zeros_or_garbage(void **state)
{
    struct fixture *f = *state;
    static const struct slice tails[] = { { "\0\0\0\0\0\0\0\0\0", 9 },
                                          { "\x04\x22\x4d\x18\x64\x40\xa7zzzzzz", 13 },
                                          { "\x50\x2a\x4d\x18\xff\xff\xff\xff", 8 } };
    size_t ends[2];
    struct buf bytes = make_segment(f, 1, ends);
    char path[512];
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t i = 0; i < ARRAY_LENGTH(tails); i++) {
        bytes.len = ends[1];
        buf_append_slice(&bytes, tails[i]);
        write_file(path, buf_slice(&bytes));
        must_open(f);
        assert_segment(f->recovered, 0, 2);
        assert_int_equal(f->recovered->length, ends[1]);
        fixture_close(f);
    }
    must_open(f);
    buf_release(&bytes);
}

static void rule_4_puts_damage_aside_and_keeps_what_follows(void **state)
{
    struct fixture *f = *state;
    size_t ends[5];
    struct buf bytes = make_segment(f, 4, ends);
    char path[512];
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t at = ends[1]; at < ends[2]; at += 3) {
        bytes.data[at] = (char)(bytes.data[at] ^ 0x10);
        write_file(path, buf_slice(&bytes));
        bytes.data[at] = (char)(bytes.data[at] ^ 0x10);
        must_open(f);
        assert_int_equal(count_files(f, "journal"), 1);
        struct segment *segment = f->recovered;
        if (segment->rows == 8) { /* a match moved to an equal place: the bytes that come out are right */
            assert_segment(segment, 0, 8);
            fixture_close(f);
            continue;
        }
        assert_int_equal(count_files(f, "damaged"), 1);
        assert_int_equal(segment->rows, 6);
        assert_null(segment->next);
        struct buf ids = { 0 };
        assert_true(segment_read_ids(segment, &ids));
        static const unsigned rows[] = { 0, 1, 4, 5, 6, 7 };
        for (size_t i = 0; i < 6; i++) {
            struct event_id id = sample_id(rows[i]);
            assert_memory_equal(ids.data + i * sizeof id, &id, sizeof id);
        }
        buf_release(&ids);
        int64_t damaged = fixture_metric(f, METRIC_EVENTS_DAMAGED);
        assert_true(damaged == 2 || damaged == 0 || at < ends[1] + 16); /* the frame mostly still says how many */
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 6 + damaged);
        assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 6);
        f->recovered = NULL;
        assert_int_equal(journal_remove(f->journal, segment), OK);
        fixture_close(f);
    }
    must_open(f);
    buf_release(&bytes);
}

static void rule_4_counts_the_rows_that_damaged_frames_still_tell(void **state)
{
    struct fixture *f = *state;
    size_t ends[5];
    struct buf bytes = make_segment(f, 4, ends);
    bytes.data[ends[1] + 40] ^= 1;
    bytes.data[ends[2] + 40] ^= 1;
    write_file(only_file(f), buf_slice(&bytes));
    must_open(f);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 4);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 8);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 4);
    fixture_reopen(f); /* it is damage once */
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 4);
    buf_release(&bytes);
}

static void rule_4_puts_a_segment_with_a_damaged_header_aside_whole(void **state)
{
    struct fixture *f = *state;
    size_t ends[3];
    struct buf bytes = make_segment(f, 2, ends);
    char path[512];
    snprintf(path, sizeof path, "%s", only_file(f));
    for (size_t at = 0; at < ends[0]; at += 7) {
        bytes.data[at] = (char)(bytes.data[at] ^ 0x20);
        write_file(path, buf_slice(&bytes));
        bytes.data[at] = (char)(bytes.data[at] ^ 0x20);
        must_open(f);
        assert_null(f->recovered);
        assert_int_equal(count_files(f, "journal"), 0);
        assert_int_equal(count_files(f, "damaged"), 1);
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 4);
        assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 4);
        fixture_close(f);
    }
    must_open(f);
    buf_release(&bytes);
}

/* The header again with another format and a check that is right for it. */
static void change_format(struct buf *bytes)
{
    static const size_t head = 8, check = sizeof ",\"check\":\"" - 1, tail = sizeof "\"}" - 1;
    size_t size = load_u32(bytes->data + 4);
    size_t checked = size - check - EVENT_ID_TEXT - tail;
    char *format = strstr(bytes->data + head, "\"format\":1");
    assert_non_null(format);
    format[sizeof "\"format\":" - 1] = '2';
    struct event_id hash = event_id_from_key(slice_make(bytes->data + head, checked));
    event_id_format(&hash, bytes->data + head + checked + check);
}

static void a_segment_of_a_newer_version_stops_the_start_and_stays_where_it_is(void **state)
{
    struct fixture *f = *state;
    size_t ends[3];
    struct buf bytes = make_segment(f, 2, ends);
    change_format(&bytes);
    write_file(only_file(f), buf_slice(&bytes));
    assert_false(fixture_open(f));
    assert_non_null(strstr(buf_c_string(&f->problem), "newer version"));
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_DAMAGED), 0);
    buf_release(&bytes);
}

static void rule_4_never_appends_to_a_segment_found_at_start(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 2);
    fixture_reopen(f);
    fixture_put(f, 2, 2);
    assert_int_equal(count_files(f, "journal"), 2);
    assert_segment(f->recovered, 0, 2);
}

static void rule_5_tells_the_ids_of_recovered_rows(void **state)
{
    struct fixture *f = *state;
    struct buf ids = { 0 };
    fixture_put(f, 0, 5);
    fixture_put(f, 5, 5);
    fixture_reopen(f);
    assert_true(segment_read_ids(f->recovered, &ids));
    assert_int_equal(ids.len, 10 * sizeof(struct event_id));
    for (unsigned k = 0; k < 10; k++) {
        struct event_id id = sample_id(k);
        assert_memory_equal(ids.data + k * sizeof id, &id, sizeof id);
    }
    buf_release(&ids);
}

static void rule_5_never_uses_a_name_twice(void **state)
{
    struct fixture *f = *state;
    char last[SEGMENT_NAME_MAX] = "";
    for (unsigned i = 0; i < 20; i++) {
        fixture_put(f, 0, 1);
        struct segment *segment = journal_seal(f->journal, 0);
        assert_true(strcmp(segment->name, last) > 0); /* and they sort by age */
        memcpy(last, segment->name, sizeof last);
        assert_int_equal(journal_remove(f->journal, segment), OK);
    }
}

static void leaves_foreign_files_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "notes.txt", "events-0.native.lz4",
                                         "events-01890a5d-ac96-774b-bcce-b302099a8057.native.lz4.bak" };
    char path[256];
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/journal/%s", f->folder, names[i]);
        write_file(path, SLICE("mine"));
    }
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8057.native.lz4", f->folder);
    assert_int_equal(mkdir(path, 0750), 0);
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8058.native.lz4", f->folder);
    assert_int_equal(symlink("notes.txt", path), 0);
    fixture_put(f, 0, 1);
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 1);
    assert_null(f->recovered->next);
    assert_int_equal(count_files(f, "journal"), 6);
    assert_int_equal(count_files(f, "damaged"), 0);
}

static void removes_a_segment_that_holds_nothing(void **state)
{
    struct fixture *f = *state;
    char path[256];
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8057.native.lz4", f->folder);
    write_file(path, SLICE(""));
    snprintf(path, sizeof path, "%s/journal/events-01890a5d-ac96-774b-bcce-b302099a8058.native.lz4", f->folder);
    write_file(path, SLICE("\0\0\0\0\0\0\0\0\0\0\0\0"));
    fixture_reopen(f);
    assert_null(f->recovered);
    assert_int_equal(count_files(f, "journal"), 0);
    assert_int_equal(count_files(f, "damaged"), 0);
}

static void the_whole_wins_over_its_halves(void **state)
{
    struct fixture *f = *state;
    struct segment *first, *second;
    fixture_put(f, 0, 6);
    struct segment *whole = journal_seal(f->journal, 0);
    struct buf bytes = read_file(whole->path);
    char path[512];
    snprintf(path, sizeof path, "%s", whole->path);
    assert_int_equal(journal_split(f->journal, whole, 2, &first, &second), OK);
    segment_free(first);
    segment_free(second);
    write_file(path, buf_slice(&bytes)); /* as if the crash came before the unlink */
    fixture_reopen(f);
    assert_segment(f->recovered, 0, 6);
    assert_null(f->recovered->next);
    assert_int_equal(count_files(f, "journal"), 1);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 6);
    buf_release(&bytes);
}

static void halves_stand_alone_once_the_whole_is_gone(void **state)
{
    struct fixture *f = *state;
    struct segment *first, *second;
    fixture_put(f, 0, 6);
    assert_int_equal(journal_split(f->journal, journal_seal(f->journal, 0), 2, &first, &second), OK);
    segment_free(first);
    segment_free(second);
    fixture_reopen(f);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 6);
    assert_segment(f->recovered, 0, 2);
    assert_segment(f->recovered->next, 2, 4);
}

static void still_delivers_for_a_stream_that_is_not_configured(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    fixture_close(f);
    const char *name = f->stream->name;
    f->stream->name = "clicks";
    must_open(f);
    assert_segment(f->recovered, 0, 3);
    assert_int_equal(f->recovered->stream_index, SIZE_MAX);
    size_t none = metrics_no_stream(f->metrics);
    assert_int_equal(metric_read(f->metrics, METRIC_EVENTS_RECOVERED, 0, none, OK), 3);
    assert_int_equal(metric_read(f->metrics, METRIC_JOURNAL_EVENTS, 0, none, OK), 3);
    struct segment *segment = f->recovered;
    f->recovered = NULL;
    assert_int_equal(journal_remove(f->journal, segment), OK);
    assert_int_equal(journal_events(f->journal, SIZE_MAX), 0);
    f->stream->name = name;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fsync, fixture_stop)
#define QUICK(name) cmocka_unit_test_setup_teardown(name, with_os, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_acknowledged),
        QUICK(rule_4_cuts_a_torn_tail_at_every_byte),
        TEST(rule_4_cuts_a_tail_of_zeros_or_garbage),
        QUICK(rule_4_puts_damage_aside_and_keeps_what_follows),
        TEST(rule_4_counts_the_rows_that_damaged_frames_still_tell),
        QUICK(rule_4_puts_a_segment_with_a_damaged_header_aside_whole),
        QUICK(a_segment_of_a_newer_version_stops_the_start_and_stays_where_it_is),
        TEST(rule_4_never_appends_to_a_segment_found_at_start),
        TEST(rule_5_tells_the_ids_of_recovered_rows),
        TEST(rule_5_never_uses_a_name_twice),
        TEST(leaves_foreign_files_alone),
        TEST(removes_a_segment_that_holds_nothing),
        TEST(the_whole_wins_over_its_halves),
        TEST(halves_stand_alone_once_the_whole_is_gone),
        TEST(still_delivers_for_a_stream_that_is_not_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
