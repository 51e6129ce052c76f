/* sluice journal ls|cat|verify: what people see, and the exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lz4.h"
#include "command/journal_command.h"
#include "config/options/options.h"
#include "journal_fixture.h"

static int with_fsync(void **state)
{
    return fixture_start(state, DURABILITY_FSYNC);
}

/* Its exit code; what it prints to `stream` goes to *out. */
static int run_and_read(const struct fixture *f, const char *verb, int stream, struct buf *out)
{
    char word[16], folder[64], path[128];
    char *arguments[] = { "journal", word, folder };
    snprintf(word, sizeof word, "%s", verb);
    snprintf(folder, sizeof folder, "%s", f->folder);
    snprintf(path, sizeof path, "%s/output", f->folder);
    fflush(stdout);
    int saved = dup(stream);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, stream);
    int code = journal_command.run(3, arguments);
    fflush(stdout);
    dup2(saved, stream);
    close(saved);
    buf_clear(out);
    assert_true(buf_reserve(out, 1 << 16));
    ssize_t len = pread(file, out->data, 1 << 16, 0);
    out->len = len > 0 ? (size_t)len : 0;
    close(file);
    assert_non_null(buf_c_string(out));
    return code;
}

static int run(const struct fixture *f, const char *verb, struct buf *out)
{
    return run_and_read(f, verb, STDOUT_FILENO, out);
}

static void cat_prints_the_rows_of_a_running_gateway(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    struct buf expected = { 0 };
    fixture_put(f, 0, 3);
    segment_free(journal_seal(f->journal, 0));
    fixture_put(f, 3, 2);
    for (unsigned k = 0; k < 5; k++) {
        sample_json(&expected, k);
        buf_append_byte(&expected, '\n');
    }
    assert_int_equal(run(f, "cat", &out), 0);
    assert_string_equal(out.data, buf_c_string(&expected));
    buf_release(&out);
    buf_release(&expected);
}

static void ls_prints_a_line_a_segment(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    fixture_put(f, 0, 3);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_int_equal(run(f, "ls", &out), 0);
    assert_non_null(strstr(out.data, segment->name));
    assert_non_null(strstr(out.data, "events                            3 "));
    segment_free(segment);
    buf_release(&out);
}

static void verify_tells_damage_from_a_tail(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    for (unsigned i = 0; i < 3; i++) {
        fixture_put(f, i * 2, 2);
    }
    struct segment *segment = journal_seal(f->journal, 0);
    struct buf bytes = { 0 };
    assert_int_equal(segment_read(segment, &bytes), OK);
    off_t header = (off_t)lz4_frame_length(buf_slice(&bytes));
    buf_release(&bytes);
    assert_int_equal(run(f, "verify", &out), 0);
    assert_non_null(strstr(out.data, ": sound, 3 frames, 6 rows\n"));
    assert_int_equal(ftruncate(segment->fd, (off_t)segment->length - 1), 0);
    assert_int_equal(run(f, "verify", &out), 0);
    assert_non_null(strstr(out.data, ": sound, 2 frames, 4 rows, a tail of "));
    assert_int_equal(pwrite(segment->fd, "\0\0", 2, 2 * header + 40), 2);
    assert_int_equal(run(f, "verify", &out), 1);
    assert_non_null(strstr(out.data, ": DAMAGED, 1 frames, 2 rows, 1 damaged pieces of "));
    assert_int_equal(pwrite(segment->fd, "x", 1, 20), 1);
    assert_int_equal(run(f, "verify", &out), 1);
    assert_non_null(strstr(out.data, ": DAMAGED, 1 frames, 2 rows, 2 damaged pieces of "));
    assert_int_equal(pwrite(segment->fd, "x", 1, header + 20), 1);
    assert_int_equal(run(f, "verify", &out), 1);
    assert_non_null(strstr(out.data, ": header damaged, 2 rows behind it\n"));
    segment_free(segment);
    buf_release(&out);
}

static void cat_says_what_it_leaves_out(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    fixture_put(f, 0, 2);
    fixture_put(f, 2, 2);
    struct segment *segment = journal_seal(f->journal, 0);
    assert_int_equal(run_and_read(f, "cat", STDERR_FILENO, &out), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(pwrite(segment->fd, "xx", 2, (off_t)segment->length - 20), 2);
    assert_int_equal(run_and_read(f, "cat", STDERR_FILENO, &out), 1);
    assert_non_null(strstr(out.data, segment->name));
    assert_non_null(strstr(out.data, ": DAMAGED, 1 damaged pieces of "));
    segment_free(segment);
    buf_release(&out);
}

static void says_how_it_is_used(void **state)
{
    struct fixture *f = *state;
    struct buf out = { 0 };
    assert_int_equal(run(f, "drop", &out), 2);
    char *alone[] = { "journal" };
    assert_int_equal(journal_command.run(1, alone), 2);
    fixture_close(f);
    remove_tree(f->folder);
    assert_int_equal(mkdir(f->folder, 0700), 0);
    assert_int_equal(run(f, "ls", &out), 1); /* no journal in there */
    assert_true(fixture_open(f));
    buf_release(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, with_fsync, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cat_prints_the_rows_of_a_running_gateway),
        TEST(ls_prints_a_line_a_segment),
        TEST(verify_tells_damage_from_a_tail),
        TEST(cat_says_what_it_leaves_out),
        TEST(says_how_it_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
