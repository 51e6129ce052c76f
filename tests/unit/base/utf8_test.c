#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

#define X UTF8_REPLACEMENT

/* Right sides as Python's bytes.decode("utf-8", "replace") and browsers' TextDecoder give them. */
static const struct {
    struct slice text;
    const char *expected;
} cases[] = {
    { SLICE(""), "" },
    { SLICE("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80" },
    { SLICE("caf\xe9"), "caf" X },                    /* CP-1252 */
    { SLICE("a\xff z\xc3\xa4"), "a" X " z\xc3\xa4" }, /* never */
    { SLICE("\x80\xbf"), X X },                       /* continuations alone */
    { SLICE("\xe2\x82"), X },                         /* cut off: one for the whole beginning */
    { SLICE("\xe2\x82\x41"), X "A" },                 /* ASCII behind it stays */
    { SLICE("\xf0\x9f\x98\xc3\xa4"), X "\xc3\xa4" },  /* cut off by the next character */
    { SLICE("\xf0\x9f\xf0\x9f\x98\x80"), X "\xf0\x9f\x98\x80" },
    { SLICE("\xc0\x80\xc1\xbf"), X X X X },                                    /* overlong */
    { SLICE("\xe0\x80\x80\xe0\x9f\xbf"), X X X X X X },                        /* overlong */
    { SLICE("\xf0\x8f\xbf\xbf"), X X X X },                                    /* overlong */
    { SLICE("\xed\xa0\x80\xed\xbf\xbf"), X X X X X X },                        /* surrogates (CESU-8) */
    { SLICE("\xed\x9f\xbf\xee\x80\x80"), "\xed\x9f\xbf\xee\x80\x80" },         /* next to them */
    { SLICE("\xf4\x8f\xbf\xbf\xf4\x90\x80\x80"), "\xf4\x8f\xbf\xbf" X X X X }, /* the last, and beyond */
    { SLICE("\xf5\x80\x80\x80"), X X X X },
    { SLICE("\xef\xbb\xbf\x41"), "\xef\xbb\xbf"
                                 "A" },
};

static void each_longest_beginning_of_a_character_becomes_one_replacement(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct buf out = { 0 };
        utf8_append_repaired(&out, cases[i].text);
        assert_string_equal(buf_c_string(&out), cases[i].expected);
        buf_release(&out);
    }
}

/* Each cut of some characters, and every two bytes behind a letter. */
static void what_is_cut_off_at_the_end_is_unfinished_and_nothing_else(void **state)
{
    (void)state;
    static const char *const characters[] = { "\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
                                              "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
                                              "\xf0\x90\x80\x80", "\xf3\xbf\xbf\xbf", "\xf4\x8f\xbf\xbf" };
    for (size_t i = 0; i < ARRAY_LENGTH(characters); i++) {
        size_t whole = strlen(characters[i]);
        for (size_t len = 0; len <= whole; len++) {
            assert_int_equal(utf8_unfinished(slice_make(characters[i], len)), len == whole ? 0 : len);
        }
    }
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        char text[] = { 'a', (char)(pair >> 8), (char)pair };
        size_t len = utf8_unfinished(slice_make(text, sizeof text));
        bool begun = false;
        for (size_t next = 0; next < 3 && len != 0 && !begun; next++) { /* some bytes make it whole */
            char more[] = { text[1], text[2], "\x80\x90\xa0"[next], '\x80', '\x80' };
            (void)utf8_take(slice_make(more + 2 - len, 3 + len), &begun);
        }
        assert_true(begun == (len != 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_longest_beginning_of_a_character_becomes_one_replacement),
        cmocka_unit_test(what_is_cut_off_at_the_end_is_unfinished_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
