/* Which texts are patterns, and which paths they stand for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/route/route_pattern.h"

static void what_is_no_pattern_is_told_with_the_cure(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *path, *problem;
    } rows[] = {
        { "", "events", "found \"events\", expected a path that begins with \"/\"" },
        { NULL, "", "found \"\", expected a path that begins with \"/\"" },
        { "", "/a b", "found \"/a b\", expected a path without blanks, \"?\", \"#\" and \"%\"" },
        { "", "/a?b", "found \"/a?b\", expected a path without blanks, \"?\", \"#\" and \"%\"" },
        { "", "/a%20b", "found \"/a%20b\", expected a path without blanks, \"?\", \"#\" and \"%\"" },
        { "", "//", "found \"//\", expected something between two slashes" },
        { "", "//a", "found \"//a\", expected something between two slashes" },
        { "", "/a//", "found \"/a//\", expected something between two slashes" },
        { "", "/{a", "found \"/{a\", expected braces around a whole segment: /a/{name}" },
        { "", "/v{a}", "found \"/v{a}\", expected braces around a whole segment: /a/{name}" },
        { "/p", "/{a}.gif", "found \"/p/{a}.gif\", expected braces around a whole segment: /a/{name}" },
        { "", "/{}", "found \"/{}\", expected braces around a whole segment: /a/{name}" },
        { "", "/{...}",
          "found \"/{...}\", expected a name of letters, digits and \"_\" in the braces: {name} or {name...}" },
        { "", "/{1a}",
          "found \"/{1a}\", expected a name of letters, digits and \"_\" in the braces: {name} or {name...}" },
        { "", "/{a}/{a}", "found \"/{a}/{a}\", expected each name once" },
        { "", "/{a...}/b",
          "found \"/{a...}/b\", expected nothing behind {name...}, which stands for all that follows" },
        { "", "/{a...}/", "found \"/{a...}/\", expected nothing behind {name...}, which stands for all that follows" },
        { "", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
          "found \"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}\", expected at most 8 names" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct route_pattern pattern;
        struct buf problem = { 0 };
        assert_false(route_pattern_compile(&pattern, rows[i].prefix, rows[i].path, &problem));
        assert_string_equal(buf_c_string(&problem), rows[i].problem);
        buf_release(&problem);
    }
}

static struct route_pattern must_compile(const char *prefix, const char *path)
{
    struct route_pattern pattern;
    struct buf problem = { 0 };
    assert_true(route_pattern_compile(&pattern, prefix, path, &problem));
    return pattern;
}

/* Captures as "name=value;". NULL: no match. */
static void must_match(const char *path, const char *pattern_text, bool exact, const char *expected)
{
    struct route_pattern pattern = must_compile("", pattern_text);
    struct captures captures;
    struct buf decoded = { 0 }, found = { 0 };
    assert_true(route_path_decode(slice_from_string(path), &decoded));
    bool matches = route_pattern_match(&pattern, buf_slice(&decoded), exact, &captures);
    assert_int_equal(matches, expected != NULL);
    route_path_restore(&decoded);
    for (size_t i = 0; matches && i < captures.count; i++) {
        buf_append_slice(&found, captures.items[i].name);
        buf_append_byte(&found, '=');
        buf_append_slice(&found, captures.items[i].value);
        buf_append_byte(&found, ';');
    }
    if (expected != NULL) {
        assert_string_equal(buf_c_string(&found), expected);
    }
    buf_release(&found);
    buf_release(&decoded);
    route_pattern_release(&pattern);
}

static void names_stand_for_segments_and_rests_for_all_that_follows(void **state)
{
    (void)state;
    static const struct {
        const char *path, *pattern;
        bool exact;
        const char *captures;
    } rows[] = {
        { "/", "/", false, "" },
        { "/", "/{all...}", false, "all=;" },
        { "/a", "/{all...}", false, "all=a;" },
        { "/a/b/", "/{all...}", false, "all=a/b/;" },
        { "/a/1", "/a/{x}", false, "x=1;" },
        { "/a/", "/a/{x}", false, NULL },
        { "/a", "/a/{x}", false, NULL },
        { "/a/1/2", "/a/{x}", false, NULL },
        { "/a/1/c", "/a/{x}/c", false, "x=1;" },
        { "/a/1/d", "/a/{x}/c", false, NULL },
        { "/x/y/z", "/{a}/{b}/{c}", true, "a=x;b=y;c=z;" },
        { "/f", "/f/{p...}", false, "p=;" },
        { "/f", "/f/{p...}", true, NULL },
        { "/f/", "/f/{p...}", true, "p=;" },
        { "/f/a%2Fb/c", "/f/{p...}", true, "p=a/b/c;" },
        { "/a/x%2fy", "/a/{x}", false, "x=x/y;" },
        { "/a%2Fb", "/a/b", false, NULL },
        { "/%61/%7B%7d", "/a/{x}", false, "x={};" },
        { "/a/%C3%A9+%20", "/a/{x}", false, "x=\xc3\xa9+ ;" },
        { "/A/1", "/a/{x}", false, NULL },
        { "/a/1/", "/a/{x}", false, "x=1;" },
        { "/a/1/", "/a/{x}", true, NULL },
        { "//", "/{x}", false, NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        must_match(rows[i].path, rows[i].pattern, rows[i].exact, rows[i].captures);
    }
}

static void a_prefix_stands_before_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *prefix, *path, *text;
    } rows[] = { { "/tracker", "/a/{x}", "/tracker/a/{x}" },
                 { "/tracker/", "/a/", "/tracker/a" },
                 { "", "/", "/" },
                 { "/t", "/", "/t" } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct route_pattern pattern = must_compile(rows[i].prefix, rows[i].path);
        assert_true(slice_equal(slice_make(pattern.text, pattern.length), slice_from_string(rows[i].text)));
        route_pattern_release(&pattern);
    }
}

static void patterns_of_other_names_stand_for_the_same_paths(void **state)
{
    (void)state;
    static const char *const in_order[] = { "/a/b",      "/a/b/c", "/a/c", "/a/{x}", "/a/{x}/c", "/a/{x}/{y...}",
                                            "/a/{x...}", "/b",     "/{x}", "/{x}/b", "/{x...}" };
    for (size_t i = 0; i < ARRAY_LENGTH(in_order); i++) {
        for (size_t k = 0; k < ARRAY_LENGTH(in_order); k++) {
            struct route_pattern a = must_compile("", in_order[i]), b = must_compile("", in_order[k]);
            int order = route_pattern_order(&a, &b);
            assert_int_equal(order < 0 ? -1 : order > 0, i < k ? -1 : i > k);
            route_pattern_release(&a);
            route_pattern_release(&b);
        }
    }
    struct route_pattern a = must_compile("", "/a/{x}/{y...}"), b = must_compile("/a", "/{u}/{v...}");
    assert_int_equal(route_pattern_order(&a, &b), 0);
    route_pattern_release(&a);
    route_pattern_release(&b);
}

static void escapes_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "/%", "/%4", "/%zz", "/a%2" };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        struct buf out = { 0 };
        assert_false(route_path_decode(slice_from_string(bad[i]), &out));
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_pattern_is_told_with_the_cure),
        cmocka_unit_test(names_stand_for_segments_and_rests_for_all_that_follows),
        cmocka_unit_test(a_prefix_stands_before_the_path),
        cmocka_unit_test(patterns_of_other_names_stand_for_the_same_paths),
        cmocka_unit_test(escapes_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
