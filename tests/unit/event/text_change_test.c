#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/stream_options.h"
#include "event/text_change.h"

/* What becomes of a text by each set of changes. */
static const struct {
    unsigned changes;
    const char *text, *becomes;
} rows[] = {
    { TEXT_TRIM, " \t\r\n\v\fa b\n", "a b" },
    { TEXT_TRIM, "\u00a0\u2003\u3000a\u2028\xc2\x85", "a" },
    { TEXT_TRIM, "\u200b\u00e9\u20ac", "\u200b\u00e9\u20ac" }, /* no white space of Unicode */
    { TEXT_TRIM, " \u3000 ", "" },
    { TEXT_TRIM, "", "" },
    { TEXT_LOWER, "ABC xyz [@`{ 019", "abc xyz [@`{ 019" },
    { TEXT_LOWER, "\u00c4\u0130Z", "\u00c4\u0130z" },
    { TEXT_UPPER, "azAZ\u00e4", "AZAZ\u00e4" },
    { TEXT_STRIP_QUERY, "https://a/b?c#d", "https://a/b" },
    { TEXT_STRIP_QUERY, "/b#c?d", "/b" },
    { TEXT_STRIP_QUERY, "?", "" },
    { TEXT_STRIP_SCHEME, "https://a/b?c", "a/b?c" },
    { TEXT_STRIP_SCHEME, "Android-App://com.shop/x", "com.shop/x" },
    { TEXT_STRIP_SCHEME, "//a/b", "a/b" },
    { TEXT_STRIP_SCHEME, "a/b?to=http://c", "a/b?to=http://c" },
    { TEXT_STRIP_SCHEME, "mailto:a@b", "mailto:a@b" },
    { TEXT_STRIP_SCHEME, "://a", "://a" },
    { TEXT_STRIP_SCHEME, "1a://b", "1a://b" },
    { TEXT_STRIP_SCHEME, "https://", "" },
    { TEXT_STRIP_QUERY | TEXT_STRIP_SCHEME, "http://A.b:80/C?d", "A.b:80/C" },
    { TEXT_HOST_PATH, "https://User:Pass@Shop.Example:8443/A/b?c#d", "shop.example/A/b" },
    { TEXT_HOST_PATH, "Shop.Example/A", "shop.example/A" },
    { TEXT_HOST_PATH, "http://[2001:DB8::1]:80/x", "[2001:db8::1]/x" },
    { TEXT_HOST_PATH, "/only/path?x", "/only/path" },
    { TEXT_HOST_PATH, "http://a.b?x/y@c", "a.b" },
    { TEXT_HOST_PATH, "a@b@C/d@e", "c/d@e" },
    { TEXT_HOST_PATH | TEXT_LOWER, " A.b/C", " a.b/c" },
    { TEXT_TRIM | TEXT_HOST_PATH | TEXT_LOWER, " A.b/C ", "a.b/c" },
    { TEXT_TRIM | TEXT_STRIP_QUERY, "a ?b ", "a " }, /* trimmed before, not behind */
    { 0, " As it is ", " As it is " },
};

static void texts_are_changed_in_the_order_that_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char out[64];
        struct slice text = slice_from_string(rows[i].text);
        struct slice changed = slice_make(out, text_change(rows[i].changes, text, out));
        if (!slice_equal(changed, slice_from_string(rows[i].becomes))) {
            fail_msg("\"%s\" became \"%.*s\", not \"%s\"", rows[i].text, (int)changed.len, changed.data,
                     rows[i].becomes);
        }
    }
}

static void blank_is_what_has_white_space_alone(void **state)
{
    (void)state;
    assert_true(text_is_blank(SLICE("")));
    assert_true(text_is_blank(SLICE(" \t\n\u00a0\u3000")));
    assert_false(text_is_blank(SLICE(" . ")));
    assert_false(text_is_blank(SLICE("\0")));
    assert_false(text_is_blank(SLICE("\xe2\x80\x8b"))); /* begins as wide spaces do */
}

static void absolute_urls_name_a_host(void **state)
{
    static const char *const fine[] = { "https://a", "HTTP://a.b:80/c?d#e", "http://u:p@[::1]/", "http://a?b" };
    static const char *const wrong[] = { "",
                                         "a.b/c",
                                         "/c",
                                         "//a/c",
                                         "ftp://a",
                                         "http:/a",
                                         "http://",
                                         "http:///a",
                                         "http://u@/a",
                                         "http://:80/",
                                         "https://a b",
                                         "https://a\r\nSet-Cookie: x",
                                         "https://a\\b",
                                         "javascript://a",
                                         " https://a" };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(fine); i++) {
        assert_true(text_is_absolute_url(slice_from_string(fine[i])));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        if (text_is_absolute_url(slice_from_string(wrong[i]))) {
            fail_msg("\"%s\" is no absolute URL", wrong[i]);
        }
    }
}

static void options_become_changes(void **state)
{
    const struct field_options options = { .trim = true, .upper = true, .url = URL_STRIP_QUERY | URL_ABSOLUTE };
    (void)state;
    assert_int_equal(text_changes_of(&options), TEXT_TRIM | TEXT_UPPER | TEXT_STRIP_QUERY | TEXT_ABSOLUTE);
    assert_int_equal(text_changes_of(&(struct field_options){ 0 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_changed_in_the_order_that_is_documented),
        cmocka_unit_test(blank_is_what_has_white_space_alone),
        cmocka_unit_test(absolute_urls_name_a_host),
        cmocka_unit_test(options_become_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
