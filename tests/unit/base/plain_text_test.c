#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/plain_text.h"
#include "base/status.h"
#include "base/utf8.h"
#include "store/store.h"

#define X UTF8_REPLACEMENT

static const struct {
    struct slice text;
    const char *expected;
} cases[] = {
    { SLICE(""), "" },
    { SLICE("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
    { SLICE("a\nb\rc\td\0e"), "a b c d e" },
    { SLICE("\x1b[31mred\x1b]0;title\x07"), " [31mred ]0;title " },
    { SLICE("\x7f"), " " },
    { SLICE("\xc2\x9b"
            "31m\xc2\x85\xc2\x80\xc2\x9f\xc2\xa0"),
      " 31m   \xc2\xa0" }, /* C1; U+00A0 stays */
    { SLICE("\xff\xfe"), X X },
    { SLICE("\x9b"
            "31m"),
      X "31m" }, /* C1 as one byte is no UTF-8 */
    { SLICE("a\xe2\x80\xae"
            "b"),
      "a" X "b" }, /* U+202E turns the rest of the line around */
    { SLICE("\xe2\x81\xa6x\xe2\x81\xa9"), X "x" X },
    { SLICE("\xe2\x80\x8f\xd8\x9c"), X X },
    { SLICE("a\xe2\x80\xa8"
            "b\xe2\x80\xa9"),
      "a b " },
    { SLICE("\xef\xbb\xbf"), X },
    { SLICE("\xf3\xa0\x81\x81"), X },
    { SLICE("\xed\xa0\x80"), X X X }, /* a surrogate */
};

static void is_one_line_that_does_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char out[64];
        size_t length = plain_text_copy(cases[i].text, out, sizeof out);
        assert_string_equal(out, cases[i].expected);
        assert_int_equal(length, strlen(cases[i].expected));
    }
}

static void is_cut_between_characters(void **state)
{
    (void)state;
    char out[8];
    assert_int_equal(plain_text_copy(SLICE("123456\xc3\xa4"), out, sizeof out), 6);
    assert_string_equal(out, "123456");
    assert_int_equal(plain_text_copy(SLICE("12345\xc3\xa4"), out, sizeof out), 7);
    assert_int_equal(plain_text_copy(SLICE("12345\xff"), out, sizeof out), 5); /* what stands for it does not fit */
    assert_int_equal(plain_text_copy(SLICE("1"), out, 1), 0);
    assert_string_equal(out, "");
}

static void a_string_is_cleaned_where_it_stands(void **state)
{
    (void)state;
    char text[16] = "a\xff\xff\xff\xff\xff"
                    "b";
    plain_text_clean(text, sizeof text);
    assert_string_equal(text, "a" X X X X); /* five would leave no room for the end */
    char harmless[] = "as it was";
    plain_text_clean(harmless, sizeof harmless);
    assert_string_equal(harmless, "as it was");
}

/* What LOG writes to stderr. */
static void logged(enum log_format format, const char *text, char *out, size_t size)
{
    int ends[2];
    int kept = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    log_init(LOG_INFO, format);
    LOG(LOG_WARN, "said", "%s", text);
    log_init(LOG_INFO, LOG_TEXT);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    ssize_t got = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(got > 0);
    out[got] = '\0';
}

#define HOSTILE                                                                                                        \
    "x\x1b[2J\xc2\x9b"                                                                                                 \
    "31m\xff\xfe\ny\xe2\x80\xae"
#define HARMLESS "x [2J 31m" X X " y" X

static void the_log_the_board_and_replies_hold_nothing_else(void **state)
{
    (void)state;
    char line[512];
    logged(LOG_TEXT, HOSTILE, line, sizeof line);
    assert_non_null(strstr(line, "said: " HARMLESS "\n"));
    logged(LOG_JSON, HOSTILE, line, sizeof line);
    assert_non_null(strstr(line, "\"detail\":\"" HARMLESS "\"}\n"));

    struct status_board *board = status_board_new();
    struct status_view view;
    status_set(status_add(board, "part"), STATUS_OK, "%s", HOSTILE);
    assert_int_equal(status_read(board, &view, 1), 1);
    assert_string_equal(view.reason, HARMLESS);
    status_board_free(board);

    struct store_reply reply;
    store_reply_set(&reply, STORE_ANSWERED, 1, 500, SLICE("  " HOSTILE "\n"));
    assert_string_equal(reply.message, HARMLESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_one_line_that_does_nothing),
        cmocka_unit_test(is_cut_between_characters),
        cmocka_unit_test(a_string_is_cleaned_where_it_stands),
        cmocka_unit_test(the_log_the_board_and_replies_hold_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
