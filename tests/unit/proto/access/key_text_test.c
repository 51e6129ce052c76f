#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/access_options.h"
#include "proto/access/key_text.h"

/* docs/security.md shows it, too. */
static void has_the_form_that_is_written_down(void **state)
{
    uint8_t random[KEY_TEXT_RANDOM];
    char text[KEY_TEXT_LENGTH + 1];
    (void)state;
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = (uint8_t)i;
    }
    assert_true(key_text_of(ACCESS_WRITE, random, text));
    assert_string_equal(text, "slw_000g40r40m30e209185gr38e1w8124gkg2tswr");
    assert_true(key_text_is_whole(slice_from_string(text)));
}

static void tells_the_widest_scope(void **state)
{
    static const struct {
        unsigned scopes;
        const char *prefix;
    } rows[] = {
        { ACCESS_WRITE, "slw_" },
        { ACCESS_READ | ACCESS_WRITE, "slr_" },
        { ACCESS_ADMIN | ACCESS_READ, "sla_" },
    };
    char text[KEY_TEXT_LENGTH + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_true(key_text_make(rows[i].scopes, text));
        assert_memory_equal(text, rows[i].prefix, 4);
    }
}

static void no_two_are_alike(void **state)
{
    char first[KEY_TEXT_LENGTH + 1], second[KEY_TEXT_LENGTH + 1];
    (void)state;
    assert_true(key_text_make(ACCESS_WRITE, first) && key_text_make(ACCESS_WRITE, second));
    assert_string_not_equal(first, second);
}

static void every_character_that_is_changed_lost_or_added_is_noticed(void **state)
{
    char text[KEY_TEXT_LENGTH + 1], changed[KEY_TEXT_LENGTH + 2];
    (void)state;
    assert_true(key_text_make(ACCESS_WRITE, text));
    for (size_t at = 4; at < KEY_TEXT_LENGTH; at++) {
        memcpy(changed, text, sizeof text);
        changed[at] = text[at] == '7' ? '8' : '7';
        assert_true(key_text_is_damaged(slice_make(changed, KEY_TEXT_LENGTH)));
        memcpy(changed + at, text + at + 1, KEY_TEXT_LENGTH - at);
        assert_true(key_text_is_damaged(slice_make(changed, KEY_TEXT_LENGTH - 1)));
        memcpy(changed, text, at);
        changed[at] = '7';
        memcpy(changed + at + 1, text + at, sizeof text - at);
        assert_true(key_text_is_damaged(slice_make(changed, KEY_TEXT_LENGTH + 1)));
        assert_true(key_text_is_damaged(slice_make(text, at)));
    }
}

static void a_text_of_somebody_elses_making_is_not_damaged(void **state)
{
    static const char *const texts[] = { "", "s", "slw", "my-own-write-key", "slx_0123456789", "SLW_0123456789", "sl" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        assert_false(key_text_is_damaged(slice_from_string(texts[i])));
        assert_false(key_text_is_whole(slice_from_string(texts[i])));
    }
    assert_false(key_text_is_damaged(SLICE("sl\0_0123456789abcdef")));
}

static void visible_characters_alone_make_a_key(void **state)
{
    static char longest[KEY_TEXT_MAX + 1];
    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_true(key_text_is_fit(SLICE("a")));
    assert_true(key_text_is_fit(SLICE("!~")));
    assert_true(key_text_is_fit(slice_make(longest, KEY_TEXT_MAX)));
    assert_false(key_text_is_fit(slice_make(longest, KEY_TEXT_MAX + 1)));
    assert_false(key_text_is_fit(SLICE("")));
    assert_false(key_text_is_fit(SLICE("a b")));
    assert_false(key_text_is_fit(SLICE("a\n")));
    assert_false(key_text_is_fit(SLICE("a\0")));
    assert_false(key_text_is_fit(SLICE("\x7f")));
    assert_false(key_text_is_fit(SLICE("\xc3\xa4")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_form_that_is_written_down),
        cmocka_unit_test(tells_the_widest_scope),
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(every_character_that_is_changed_lost_or_added_is_noticed),
        cmocka_unit_test(a_text_of_somebody_elses_making_is_not_damaged),
        cmocka_unit_test(visible_characters_alone_make_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
