/* Dead letters: readable, beside their bytes, once, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/segment/segment.h"
#include "journal_fixture.h"
#include "pipeline/journal/dead_letters.h"

#define WALL_NS (INT64_C(1700000000) * NS_PER_SECOND)

struct letters {
    struct fixture *fixture;
    struct dead_letters *letters;
    struct segment *segment;
};

static struct letters here;

static int set_up(void **state)
{
    if (fixture_start(state, DURABILITY_FSYNC) != 0) {
        return -1;
    }
    struct buf problem = { 0 };
    here.fixture = *state;
    here.letters = dead_letters_open(here.fixture->folder, 1 << 20, here.fixture->metrics, &problem);
    fixture_put(here.fixture, 0, 3);
    here.segment = journal_seal(here.fixture->journal, 0);
    return here.letters == NULL || here.segment == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    dead_letters_close(here.letters);
    segment_free(here.segment);
    return fixture_stop(state);
}

static void reopen(uint64_t max_bytes)
{
    struct buf problem = { 0 };
    dead_letters_close(here.letters);
    here.letters = dead_letters_open(here.fixture->folder, max_bytes, here.fixture->metrics, &problem);
    assert_non_null(here.letters);
}

static struct buf read_letter(const char *suffix)
{
    struct buf bytes = { 0 };
    char path[512];
    snprintf(path, sizeof path, "%s/dead/%s%s", here.fixture->folder, here.segment->name, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(buf_reserve(&bytes, 1 << 16));
    bytes.len = fread(bytes.data, 1, bytes.cap, file);
    fclose(file);
    return bytes;
}

/* What lies at the name of a file that is written for a moment is removed, and not what it links to. */
static void a_link_at_a_temporary_name_is_no_way_to_another_file(void **state)
{
    (void)state;
    char path[512], victim[128], text[16] = "";
    snprintf(victim, sizeof victim, "%s/victim", here.fixture->folder);
    FILE *file = fopen(victim, "wb");
    fputs("precious", file);
    fclose(file);
    snprintf(path, sizeof path, "%s/dead", here.fixture->folder);
    mkdir(path, 0750);
    snprintf(path, sizeof path, "%s/dead/%s.ndjson.tmp", here.fixture->folder, here.segment->name);
    assert_int_equal(symlink(victim, path), 0);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 469, "x", WALL_NS), OK);
    file = fopen(victim, "rb");
    assert_int_equal(fread(text, 1, sizeof text - 1, file), 8);
    fclose(file);
    assert_string_equal(text, "precious");
    assert_int_equal(count_files(here.fixture, "dead"), 2);
}

static void a_letter_that_claims_a_tebibyte_does_not_fill_the_folder(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/dead", here.fixture->folder);
    mkdir(path, 0750);
    snprintf(path, sizeof path, "%s/dead/claim.ndjson", here.fixture->folder);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    reopen(1 << 20);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 469, "x", WALL_NS), OK);
}

static void writes_a_line_an_event_with_the_reason(void **state)
{
    (void)state;
    assert_int_equal(dead_letters_add(here.letters, here.segment, 469, "Constraint \"x\" is violated\xff", WALL_NS),
                     OK);
    struct buf found = read_letter(".ndjson");
    struct buf expected = { 0 };
    for (unsigned k = 0; k < 3; k++) {
        buf_printf(
            &expected,
            "{\"stream\":\"events\",\"table\":\"events\",\"segment\":\"%s\",\"code\":469,\"reason\":\"Constraint "
            "\\\"x\\\" is violated\xef\xbf\xbd\",\"at\":\"2023-11-14T22:13:20Z\",\"event\":",
            here.segment->name);
        sample_json(&expected, k);
        buf_append_string(&expected, "}\n");
    }
    assert_string_equal(buf_c_string(&found), buf_c_string(&expected));
    buf_release(&found);
    buf_release(&expected);
}

static void keeps_the_bytes_for_a_retry(void **state)
{
    (void)state;
    struct buf bytes = { 0 };
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    struct buf found = read_letter(SEGMENT_SUFFIX);
    assert_int_equal(segment_read(here.segment, &bytes), OK);
    assert_true(slice_equal(buf_slice(&found), buf_slice(&bytes)));
    buf_release(&bytes);
    buf_release(&found);
}

static void adds_nothing_the_second_time(void **state)
{
    (void)state;
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "first", WALL_NS), OK);
    struct buf before = read_letter(".ndjson");
    uint64_t bytes = dead_letters_bytes(here.letters);
    reopen(bytes); /* full, and another process */
    assert_int_equal(dead_letters_add(here.letters, here.segment, 2, "second", WALL_NS), OK);
    struct buf after = read_letter(".ndjson");
    assert_true(slice_equal(buf_slice(&before), buf_slice(&after)));
    assert_int_equal(dead_letters_bytes(here.letters), bytes);
    assert_int_equal(count_files(here.fixture, "dead"), 2);
    buf_release(&before);
    buf_release(&after);
}

static void goes_on_after_a_crash_between_its_two_files(void **state)
{
    (void)state;
    char path[512];
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    snprintf(path, sizeof path, "%s/dead/%s.ndjson", here.fixture->folder, here.segment->name);
    assert_int_equal(unlink(path), 0);
    strcat(path, ".tmp");
    FILE *file = fopen(path, "wb");
    assert_int_equal(fputs("half a li", file) < 0, 0);
    fclose(file);
    reopen(1 << 20);
    assert_int_equal(count_files(here.fixture, "dead"), 1);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    assert_int_equal(count_files(here.fixture, "dead"), 2);
}

static void buries_again_where_only_the_text_was_left(void **state)
{
    (void)state;
    char path[512];
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "first", WALL_NS), OK);
    snprintf(path, sizeof path, "%s/dead/%s%s", here.fixture->folder, here.segment->name, SEGMENT_SUFFIX);
    assert_int_equal(unlink(path), 0); /* given back, then refused again */
    assert_int_equal(dead_letters_add(here.letters, here.segment, 2, "second", WALL_NS), OK);
    struct buf text = read_letter(".ndjson");
    assert_non_null(strstr(buf_c_string(&text), "\"reason\":\"second\""));
    assert_int_equal(access(path, F_OK), 0);
    buf_release(&text);
}

static void knows_its_bytes_after_each_burial(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        fixture_put(here.fixture, i, 2 + i);
        struct segment *segment = journal_seal(here.fixture->journal, 0);
        assert_int_equal(dead_letters_add(here.letters, segment, 1, "why", WALL_NS), OK);
        int64_t bytes = fixture_metric(here.fixture, METRIC_DEAD_LETTER_BYTES);
        assert_int_equal(bytes, dead_letters_bytes(here.letters)); /* which asks the folder */
        segment_free(segment);
    }
}

static void sees_what_people_take_away(void **state)
{
    (void)state;
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    char path[512];
    snprintf(path, sizeof path, "%s/dead/%s.ndjson", here.fixture->folder, here.segment->name);
    assert_int_equal(unlink(path), 0);
    dead_letters_watch(here.letters);
    assert_int_equal(fixture_metric(here.fixture, METRIC_DEAD_LETTER_BYTES), here.segment->length);
}

static void leaves_the_files_of_others_alone(void **state)
{
    (void)state;
    static const char *const names[] = { "notes.tmp", ".tmp", "letter.ndjson.tmp", "events-0.native.lz4.tmp" };
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/dead/%s", here.fixture->folder, names[i]);
        fclose(fopen(path, "wb"));
    }
    reopen(1 << 20);
    assert_int_equal(count_files(here.fixture, "dead"), 2 + ARRAY_LENGTH(names) - 1); /* one is hidden */
}

static void refuses_what_would_pass_its_bound(void **state)
{
    (void)state;
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    uint64_t bytes = dead_letters_bytes(here.letters);
    assert_int_equal(fixture_metric(here.fixture, METRIC_DEAD_LETTER_BYTES), bytes);
    char path[512];
    snprintf(path, sizeof path, "%s/dead", here.fixture->folder);
    remove_tree(path);
    reopen(bytes - 1);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), ERROR_JOURNAL_FULL);
    assert_int_equal(dead_letters_bytes(here.letters), 0);
    reopen(here.segment->length - 1);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), ERROR_JOURNAL_FULL);
    reopen(bytes);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
}

static void takes_letters_again_when_people_made_room(void **state)
{
    (void)state;
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
    reopen(dead_letters_bytes(here.letters));
    fixture_put(here.fixture, 0, 3);
    struct segment *second = journal_seal(here.fixture->journal, 0);
    assert_int_equal(dead_letters_add(here.letters, second, 1, "why", WALL_NS), ERROR_JOURNAL_FULL);
    char path[512];
    snprintf(path, sizeof path, "%s/dead", here.fixture->folder);
    remove_tree(path);
    assert_int_equal(dead_letters_add(here.letters, second, 1, "why", WALL_NS), OK);
    segment_free(second);
}

static void adds_nothing_when_the_disk_fails(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/dead", here.fixture->folder);
    FILE *file = fopen(path, "wb"); /* a file where the folder should be */
    assert_non_null(file);
    fclose(file);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), ERROR_JOURNAL_FAILED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 1, "why", WALL_NS), OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Whether the board has a part of this text that is degraded. */
static bool is_told(struct status_board *board, const char *text)
{
    struct status_view views[8];
    size_t parts = status_read(board, views, 8);
    for (size_t i = 0; i < parts && i < 8; i++) {
        if (views[i].level == STATUS_DEGRADED && strstr(views[i].reason, text) != NULL) {
            return true;
        }
    }
    return false;
}

static void tells_how_many_rows_lie_there_also_after_a_start_and_when_they_are_gone(void **state)
{
    (void)state;
    const struct stream *const streams[] = { here.fixture->stream };
    struct status_board *board = status_board_new();
    dead_letters_tell(here.letters, board, streams, 1);
    assert_false(is_told(board, "rows"));
    assert_int_equal(dead_letters_add(here.letters, here.segment, 469, "why", WALL_NS), OK);
    assert_int_equal(dead_letters_add(here.letters, here.segment, 469, "why", WALL_NS), OK); /* after a crash */
    assert_int_equal(fixture_metric(here.fixture, METRIC_DEAD_LETTER_ROWS), 1);
    assert_true(is_told(board, "1 rows that their tables refused lie in dead/ (events 1)"));
    reopen(1 << 20);
    dead_letters_tell(here.letters, board, streams, 1);
    assert_int_equal(fixture_metric(here.fixture, METRIC_DEAD_LETTER_ROWS), 1);
    char path[512];
    snprintf(path, sizeof path, "%s/dead/%s" SEGMENT_SUFFIX, here.fixture->folder, here.segment->name);
    assert_int_equal(unlink(path), 0);
    dead_letters_watch(here.letters);
    assert_int_equal(fixture_metric(here.fixture, METRIC_DEAD_LETTER_ROWS), 0);
    dead_letters_close(here.letters);
    here.letters = NULL;
    status_board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_a_line_an_event_with_the_reason),
        TEST(a_letter_that_claims_a_tebibyte_does_not_fill_the_folder),
        TEST(a_link_at_a_temporary_name_is_no_way_to_another_file),
        TEST(keeps_the_bytes_for_a_retry),
        TEST(adds_nothing_the_second_time),
        TEST(goes_on_after_a_crash_between_its_two_files),
        TEST(leaves_the_files_of_others_alone),
        TEST(refuses_what_would_pass_its_bound),
        TEST(takes_letters_again_when_people_made_room),
        TEST(adds_nothing_when_the_disk_fails),
        TEST(buries_again_where_only_the_text_was_left),
        TEST(knows_its_bytes_after_each_burial),
        TEST(sees_what_people_take_away),
        TEST(tells_how_many_rows_lie_there_also_after_a_start_and_when_they_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
