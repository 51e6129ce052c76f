/* The journal at start: rules 4 and 5. What was acknowledged is there again, what is damaged is put aside and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "segment_files.h"

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

/* For the tests that open the journal at every byte: nothing is synced. */
static int with_os(void **state)
{
    return fixture_start(state, DURABILITY_OS);
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

static void rule_4_cuts_a_tail_and_keeps_what_is_no_zeros(void **state)
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
        assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), i == 0 ? 0 : 1);
        assert_int_equal(fixture_metric(f, METRIC_TORN_TAIL_BYTES), i == 0 ? 0 : (int64_t)tails[i].len);
        assert_int_equal(count_files(f, "damaged"), i);
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

/* The header again with another format and a check that is right for it. */
static void change_format(char *frame)
{
    static const size_t head = 8, check = sizeof ",\"check\":\"" - 1, tail = sizeof "\"}" - 1;
    size_t size = load_u32(frame + 4);
    size_t checked = size - check - EVENT_ID_TEXT - tail;
    char *format = strstr(frame + head, "\"format\":1");
    assert_non_null(format);
    format[sizeof "\"format\":" - 1] = '2';
    struct event_id hash = event_id_from_key(slice_make(frame + head, checked));
    event_id_format(&hash, frame + head + checked + check);
}

static void a_segment_of_a_newer_version_stops_the_start_and_stays_where_it_is(void **state)
{
    struct fixture *f = *state;
    size_t ends[3];
    struct buf bytes = make_segment(f, 2, ends);
    change_format(bytes.data);
    change_format(bytes.data + ends[0] / 2);
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
    assert_int_equal(segment_event_ids(f->recovered, &ids), OK);
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

#define TEBIBYTE ((off_t)1 << 40)

/* What a file claims and never held takes neither memory nor time. */
static void a_segment_that_claims_a_tebibyte_gives_its_rows(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    fixture_close(f);
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s", only_file(f));
    assert_int_equal(truncate(path, TEBIBYTE), 0);
    must_open(f);
    assert_segment(f->recovered, 0, 3);
    assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size < 1 << 20); /* cut */
}

static void a_file_that_is_all_claim_goes(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    fixture_close(f);
    assert_int_equal(truncate(only_file(f), 0), 0);
    assert_int_equal(truncate(only_file(f), TEBIBYTE), 0);
    must_open(f);
    assert_null(f->recovered);
    assert_int_equal(count_files(f, "journal"), 0);
}

static void what_is_longer_than_any_segment_is_put_aside_unread(void **state)
{
    struct fixture *f = *state;
    fixture_put(f, 0, 3);
    segment_free(journal_seal(f->journal, 0));
    fixture_close(f);
    int fd = open(only_file(f), O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, TEBIBYTE), 1);
    close(fd);
    must_open(f);
    assert_null(f->recovered);
    assert_int_equal(fixture_metric(f, METRIC_TORN_TAILS), 1);
    assert_int_equal(count_files(f, "damaged"), 1);
    fixture_put(f, 3, 2);
    fixture_reopen(f);
    assert_segment(f->recovered, 3, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fsync, fixture_stop)
#define QUICK(name) cmocka_unit_test_setup_teardown(name, with_os, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_acknowledged),
        TEST(a_segment_that_claims_a_tebibyte_gives_its_rows),
        TEST(a_file_that_is_all_claim_goes),
        TEST(what_is_longer_than_any_segment_is_put_aside_unread),
        TEST(rule_4_cuts_a_tail_and_keeps_what_is_no_zeros),
        TEST(rule_4_counts_the_rows_that_damaged_frames_still_tell),
        QUICK(a_segment_of_a_newer_version_stops_the_start_and_stays_where_it_is),
        TEST(rule_4_never_appends_to_a_segment_found_at_start),
        TEST(rule_5_tells_the_ids_of_recovered_rows),
        TEST(rule_5_never_uses_a_name_twice),
        TEST(the_whole_wins_over_its_halves),
        TEST(halves_stand_alone_once_the_whole_is_gone),
        TEST(still_delivers_for_a_stream_that_is_not_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
