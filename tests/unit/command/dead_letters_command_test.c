/* sluice dead-letters list|retry|drop: what people see, the exit code, and what a kill leaves behind at each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "command/dead_letters_command.h"
#include "config/options/options.h"
#include "journal_fixture.h"
#include "pipeline/journal/dead_letters.h"

#define WALL_NS (INT64_C(1700000000) * NS_PER_SECOND)

static int set_up(void **state)
{
    if (fixture_start(state, DURABILITY_FSYNC) != 0) {
        return -1;
    }
    char path[512];
    const struct fixture *f = *state;
    snprintf(path, sizeof path, "%s/LOCK", f->folder);
    return close(open(path, O_RDWR | O_CREAT, 0600));
}

/* Its exit code; what it prints goes to *out, both streams. `words` are those behind the data folder. */
static int run_command(const struct fixture *f, const char *verb, const char *words, struct buf *out)
{
    char copy[1024], folder[64], path[128], verb_copy[16];
    char *arguments[9] = { "dead-letters", verb_copy, folder };
    int count = 3;
    snprintf(verb_copy, sizeof verb_copy, "%s", verb);
    snprintf(folder, sizeof folder, "%s", f->folder);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        arguments[count++] = word;
    }
    snprintf(path, sizeof path, "%s/output", f->folder);
    fflush(stdout);
    int saved[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    int code = dead_letters_command.run(count, arguments);
    fflush(stdout);
    dup2(saved[0], STDOUT_FILENO);
    dup2(saved[1], STDERR_FILENO);
    close(saved[0]);
    close(saved[1]);
    buf_clear(out);
    assert_true(buf_reserve(out, 1 << 16));
    ssize_t len = pread(file, out->data, 1 << 16, 0);
    out->len = len > 0 ? (size_t)len : 0;
    close(file);
    assert_non_null(buf_c_string(out));
    return code;
}

/* Buries rows [first, first + count) as one segment, as a writer does; its name stays valid until the next call. */
static const char *bury(struct fixture *f, unsigned first, unsigned count, const char *reason)
{
    static char name[SEGMENT_NAME_MAX];
    struct buf problem = { 0 };
    struct dead_letters *letters = dead_letters_open(f->folder, 1 << 20, f->metrics, &problem);
    assert_non_null(letters);
    fixture_put(f, first, count);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_int_equal(dead_letters_add(letters, segment, 469, reason, WALL_NS), OK);
    memcpy(name, segment->name, sizeof name);
    assert_int_equal(journal_remove(f->journal, segment), OK);
    dead_letters_close(letters);
    return name;
}

static const char *path_in(const struct fixture *f, const char *folder, const char *name, const char *suffix)
{
    static char path[768];
    snprintf(path, sizeof path, "%s/%s/%s%s", f->folder, folder, name, suffix);
    return path;
}

static bool is_file(const struct fixture *f, const char *folder, const char *name, const char *suffix)
{
    return access(path_in(f, folder, name, suffix), F_OK) == 0;
}

static void list_prints_a_line_a_segment_and_the_sums(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char line[512];
    const char *name = bury(f, 0, 3, "Constraint \"x\"\nis violated");
    assert_int_equal(run_command(f, "list", "", &out), 0);
    snprintf(line, sizeof line, "2023-11-14T22:13:20Z  events            events                  3 ");
    assert_non_null(strstr(out.data, line));
    snprintf(line, sizeof line, " 469  %s", name);
    assert_non_null(strstr(out.data, line));
    assert_non_null(strstr(out.data, "Constraint \"x\" is violated\n"));
    assert_non_null(strstr(out.data, "1 segments, 3 rows, "));
    bury(f, 3, 2, "y");
    assert_int_equal(run_command(f, "list", name, &out), 0);
    assert_non_null(strstr(out.data, "1 segments, 2 rows, "));
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "2 segments, 5 rows, "));
    buf_release(&out);
}

static void list_tells_letters_from_files_with_odd_names(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char path[1024];
    char stem[SEGMENT_NAME_MAX];
    snprintf(stem, sizeof stem, "%s", bury(f, 0, 1, "x"));
    static const char *const odd[] = { SEGMENT_SUFFIX ".ndjson", SEGMENT_SUFFIX SEGMENT_SUFFIX, ".ndjson.ndjson",
                                       ".txt" };
    for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
        snprintf(path, sizeof path, "%s/dead/%s%s", f->folder, stem, odd[i]);
        fclose(fopen(path, "wb"));
    }
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "1 segments, 1 rows, "));
    buf_release(&out);
}

/* The files are of whoever could write to the folder. */
static void list_prints_plain_text_whatever_the_file_says(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    FILE *file = fopen(path_in(f, "dead", bury(f, 0, 1, "x"), ".ndjson"), "wb");
    fputs("{\"code\":469,\"at\":\"2\\u001b[2J\\u009b31m\\u202e\",\"reason\":\"r\\u001b[31m\",\"event\":{}}\n", file);
    fclose(file);
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "2 [2J 31m\xef\xbf\xbd "));
    assert_non_null(strstr(out.data, "r [31m\n"));
    assert_null(strchr(out.data, '\x1b'));
    buf_release(&out);
}

static void a_letter_that_claims_a_tebibyte_is_read_for_what_it_holds(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char path[768];
    snprintf(path, sizeof path, "%s", path_in(f, "dead", bury(f, 0, 3, "x"), SEGMENT_SUFFIX));
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, (off_t)1 << 40), 1);
    close(fd);
    assert_int_equal(run_command(f, "list", "", &out), 1);
    assert_non_null(strstr(out.data, "DAMAGED"));
    buf_release(&out);
}

static void list_says_so_when_there_is_none(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_string_equal(out.data, "no dead letters\n");
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_string_equal(out.data, "no dead letters\n");
    buf_release(&out);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char reason[301] = "a";
    for (size_t i = 1; i + 2 < sizeof reason; i += 2) {
        memcpy(reason + i, "ö", 2);
    }
    bury(f, 0, 1, reason);
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "ö…\n"));
    buf_release(&out);
}

static void retry_gives_back_all_or_the_named(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char first[SEGMENT_NAME_MAX];
    snprintf(first, sizeof first, "%s", bury(f, 0, 3, "x"));
    const char *second = bury(f, 3, 2, "y");
    assert_int_equal(run_command(f, "retry", first, &out), 0);
    assert_non_null(strstr(out.data, "gave back 1 segments, 3 rows"));
    assert_true(is_file(f, "retry", first, SEGMENT_SUFFIX));
    assert_false(is_file(f, "dead", first, ".ndjson") || is_file(f, "dead", first, SEGMENT_SUFFIX));
    assert_true(is_file(f, "dead", second, ".ndjson") && is_file(f, "dead", second, SEGMENT_SUFFIX));
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "1 more were given back"));
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_int_equal(count_files(f, "retry"), 2);
    assert_int_equal(count_files(f, "dead"), 0);
    buf_release(&out);
}

static void drop_deletes_the_named_or_all_of_them_when_told_so(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    char words[SEGMENT_NAME_MAX + 8];
    snprintf(words, sizeof words, "%s.ndjson", bury(f, 0, 3, "x"));
    bury(f, 3, 2, "y");
    assert_int_equal(run_command(f, "drop", "", &out), 2);
    assert_int_equal(count_files(f, "dead"), 4);
    assert_int_equal(run_command(f, "drop", words, &out), 0);
    assert_non_null(strstr(out.data, "dropped 1 segments, 3 rows"));
    assert_int_equal(count_files(f, "dead"), 2);
    assert_int_equal(run_command(f, "drop", "--all", &out), 0);
    assert_non_null(strstr(out.data, "dropped 1 segments, 2 rows"));
    assert_int_equal(count_files(f, "dead"), 0);
    buf_release(&out);
}

static void names_what_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    bury(f, 0, 1, "x");
    assert_int_equal(run_command(f, "retry", "events-nothing", &out), 1);
    assert_non_null(strstr(out.data, "there is no events-nothing in "));
    assert_int_equal(count_files(f, "dead"), 2);
    buf_release(&out);
}

static void a_damaged_letter_stays_and_is_named(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    const char *name = bury(f, 0, 3, "x");
    int fd = open(path_in(f, "dead", name, SEGMENT_SUFFIX), O_RDWR);
    off_t length = lseek(fd, 0, SEEK_END);
    assert_int_equal(pwrite(fd, "\0\0\0\0", 4, length - 20), 4);
    close(fd);
    assert_int_equal(run_command(f, "list", "", &out), 1);
    assert_non_null(strstr(out.data, "DAMAGED"));
    assert_int_equal(run_command(f, "retry", "", &out), 1);
    assert_non_null(strstr(out.data, name));
    assert_non_null(strstr(out.data, ": damaged, so it stays"));
    assert_true(is_file(f, "dead", name, SEGMENT_SUFFIX));
    assert_int_equal(run_command(f, "drop", name, &out), 0);
    assert_int_equal(count_files(f, "dead"), 0);
    buf_release(&out);
}

/* Else a gateway of its own user could not take what root gives back. */
static void the_folder_of_what_is_given_back_belongs_to_whom_the_dead_letters_do(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    struct stat dead, retry;
    bury(f, 0, 3, "x");
    if (geteuid() == 0) {
        assert_int_equal(chown(path_in(f, "dead", "", ""), 12345, 12346), 0);
    }
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_int_equal(stat(path_in(f, "dead", "", ""), &dead), 0);
    assert_int_equal(stat(path_in(f, "retry", "", ""), &retry), 0);
    assert_true(dead.st_uid == retry.st_uid && dead.st_gid == retry.st_gid);
    buf_release(&out);
}

/* --- what a kill leaves --- */

/* However it was left, a retry now and a start deliver rows [0, 3) once. */
static void expect_delivered_once(struct fixture *f)
{
    struct buf out = { 0 };
    struct segment *adopted;
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_int_equal(count_files(f, "dead"), 0);
    fixture_reopen(f);
    journal_adopt(f->journal, 100, metrics_thread(f->metrics), &adopted);
    assert_true((f->recovered == NULL) != (adopted == NULL));
    struct segment *segment = adopted != NULL ? adopted : f->recovered;
    assert_segment(segment, 0, 3);
    assert_null(segment->next);
    assert_int_equal(fixture_metric(f, METRIC_EVENTS_RECOVERED), 3);
    assert_int_equal(fixture_metric(f, METRIC_JOURNAL_EVENTS), 3);
    assert_int_equal(count_files(f, "retry"), 0);
    if (adopted != NULL) {
        segment_free(adopted);
    }
    buf_release(&out);
}

static void retry_killed_after_the_text_went_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    const char *name = bury(f, 0, 3, "x");
    assert_int_equal(unlink(path_in(f, "dead", name, ".ndjson")), 0);
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_non_null(strstr(out.data, "unknown: a crash left its bytes alone\n1 segments, 3 rows"));
    expect_delivered_once(f);
    buf_release(&out);
}

static void move_to_retry(struct fixture *f, const char *name)
{
    char from[768];
    snprintf(from, sizeof from, "%s", path_in(f, "dead", name, SEGMENT_SUFFIX));
    mkdir(path_in(f, "retry", "", ""), 0750);
    assert_int_equal(rename(from, path_in(f, "retry", name, SEGMENT_SUFFIX)), 0);
}

static void retry_killed_after_the_bytes_moved_loses_nothing(void **state)
{
    struct fixture *f = *state;
    const char *name = bury(f, 0, 3, "x");
    assert_int_equal(unlink(path_in(f, "dead", name, ".ndjson")), 0);
    move_to_retry(f, name);
    expect_delivered_once(f);
}

/* As after a power cut that kept only the second of its two changes. */
static void a_text_alone_is_swept_when_its_bytes_were_given_back(void **state)
{
    struct fixture *f = *state;
    move_to_retry(f, bury(f, 0, 3, "x"));
    expect_delivered_once(f);
}

static void the_gateway_killed_after_it_took_a_letter_finds_it_at_the_next_start(void **state)
{
    struct fixture *f = *state;
    struct segment *adopted;
    struct buf out = { 0 };
    bury(f, 0, 3, "x");
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    journal_adopt(f->journal, 100, metrics_thread(f->metrics), &adopted);
    assert_segment(adopted, 0, 3);
    segment_free(adopted);
    expect_delivered_once(f);
    buf_release(&out);
}

/* A burial that is under way, or was killed: the journal still has the segment. */
static void a_burial_that_is_not_done_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    fixture_put(f, 0, 3);
    struct segment *segment = journal_seal(f->journal, 0);
    mkdir(path_in(f, "dead", "", ""), 0750);
    assert_int_equal(close(open(path_in(f, "dead", segment->name, ".ndjson"), O_CREAT | O_RDWR, 0640)), 0);
    assert_int_equal(run_command(f, "list", "", &out), 0);
    assert_string_equal(out.data, "no dead letters\n");
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_int_equal(run_command(f, "drop", "--all", &out), 0);
    assert_true(is_file(f, "dead", segment->name, ".ndjson"));
    assert_int_equal(unlink(segment->path), 0); /* it was delivered after all */
    assert_int_equal(run_command(f, "retry", "", &out), 0);
    assert_int_equal(count_files(f, "dead"), 0);
    segment_free(segment);
    buf_release(&out);
}

static void drop_killed_between_its_two_files_can_be_repeated(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    assert_int_equal(unlink(path_in(f, "dead", bury(f, 0, 3, "x"), ".ndjson")), 0);
    assert_int_equal(run_command(f, "drop", "--all", &out), 0);
    assert_non_null(strstr(out.data, "dropped 1 segments, 3 rows"));
    assert_int_equal(count_files(f, "dead"), 0);
    buf_release(&out);
}

static void says_how_it_is_used(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    assert_int_equal(run_command(f, "cat", "", &out), 2);
    assert_int_equal(run_command(f, "list", "--every", &out), 2);
    char *alone[] = { "dead-letters" };
    assert_int_equal(dead_letters_command.run(1, alone), 2);
    assert_int_equal(unlink(path_in(f, "", "LOCK", "")), 0);
    assert_int_equal(run_command(f, "list", "", &out), 1);
    assert_non_null(strstr(out.data, "it is no data folder"));
    buf_release(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(list_prints_a_line_a_segment_and_the_sums),
        TEST(list_says_so_when_there_is_none),
        TEST(a_letter_that_claims_a_tebibyte_is_read_for_what_it_holds),
        TEST(list_prints_plain_text_whatever_the_file_says),
        TEST(list_tells_letters_from_files_with_odd_names),
        TEST(a_long_reason_is_cut_between_characters),
        TEST(retry_gives_back_all_or_the_named),
        TEST(drop_deletes_the_named_or_all_of_them_when_told_so),
        TEST(names_what_is_not_there),
        TEST(a_damaged_letter_stays_and_is_named),
        TEST(the_folder_of_what_is_given_back_belongs_to_whom_the_dead_letters_do),
        TEST(retry_killed_after_the_text_went_loses_nothing),
        TEST(retry_killed_after_the_bytes_moved_loses_nothing),
        TEST(a_text_alone_is_swept_when_its_bytes_were_given_back),
        TEST(the_gateway_killed_after_it_took_a_letter_finds_it_at_the_next_start),
        TEST(a_burial_that_is_not_done_is_left_alone),
        TEST(drop_killed_between_its_two_files_can_be_repeated),
        TEST(says_how_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
