#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/string_list.h"
#include "proto/front/hosts.h"

static void names_of_the_list_and_addresses_are_taken(void **state)
{
    (void)state;
    const char *entries[] = { "events.example", "*.in.example", "other.example:8443" };
    struct string_list list = { entries, ARRAY_LENGTH(entries) };
    static const struct {
        const char *host;
        bool taken;
    } rows[] = {
        { "events.example", true },
        { "Events.Example", true },
        { "events.example:8080", true },
        { "events.example.", true },
        { "events.example.:80", true },
        { "a.in.example", true },
        { "a.b.in.example:1", true },
        { "in.example", false },
        { "other.example:8443", true },
        { "other.example", false },
        { "other.example:80", false },
        { "evil.example", false },
        { "evil.example:8080", false },
        { "events.example.evil", false },
        { "evilevents.example", false },
        { "127.0.0.1.evil.example", false },
        { "localhost.evil.example:8080", false },
        { "127.0.0.1", true },
        { "10.1.2.3:8080", true },
        { "[::1]", true },
        { "[::1]:8080", true },
        { "localhost:8080", true },
        { "a.localhost", true },
        { "", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (hosts_take(&list, slice_from_string(rows[i].host)) != rows[i].taken) {
            fail_msg("%s", rows[i].host);
        }
    }
}

static void without_a_list_all_are_taken(void **state)
{
    (void)state;
    struct string_list none = { 0 };
    assert_true(hosts_take(&none, SLICE("evil.example")));
}

static void entries_that_no_host_equals_are_told(void **state)
{
    (void)state;
    const char *good[] = { "events.example", "*.events.example", "events.example:8443", "gateway", "a_b.example" };
    const char *bad[] = {
        "https://events.example", "events.example/", "a.*.example", "*", "*.", ".example", "a..b", "a b",
        "events.example:http",    "events.example:*"
    };
    struct buf problems = { 0 };
    assert_true(hosts_check(&(struct string_list){ good, ARRAY_LENGTH(good) }, &problems));
    assert_int_equal(problems.len, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        buf_clear(&problems);
        if (hosts_check(&(struct string_list){ &bad[i], 1 }, &problems)) {
            fail_msg("%s", bad[i]);
        }
        assert_non_null(strstr(buf_c_string(&problems), bad[i]));
    }
    buf_release(&problems);
}

static void lists_overlap_where_some_host_is_in_both(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b; /* "": an empty list */
        bool overlap;
    } rows[] = {
        { "a.example", "a.example", true },
        { "a.example", "A.Example", true },
        { "a.example", "b.example", false },
        { "*.example", "a.example", true },
        { "a.example", "*.example", true },
        { "*.example", "example", false },
        { "*.a.example", "*.example", true },
        { "*.a.example", "*.b.example", false },
        { "a.example:1", "a.example:2", false },
        { "a.example:1", "a.example", true },
        { "a.example:1", "*.example:1", true },
        { "*.example:1", "*.a.example:2", false },
        { "", "a.example", true },
        { "", "", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *a = rows[i].a, *b = rows[i].b;
        const struct string_list left = { &a, *a != '\0' }, right = { &b, *b != '\0' };
        assert_int_equal(hosts_overlap(&left, &right), rows[i].overlap);
    }
}

static void a_list_has_its_names_alone(void **state)
{
    (void)state;
    const char *entries[] = { "a.example", "*.b.example" };
    const struct string_list list = { entries, ARRAY_LENGTH(entries) }, empty = { 0 };
    assert_true(hosts_list(&list, SLICE("A.example.:80")));
    assert_true(hosts_list(&list, SLICE("x.b.example")));
    assert_false(hosts_list(&list, SLICE("127.0.0.1")));
    assert_false(hosts_list(&list, SLICE("localhost")));
    assert_false(hosts_list(&list, SLICE("")));
    assert_false(hosts_list(&empty, SLICE("a.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_overlap_where_some_host_is_in_both),  cmocka_unit_test(a_list_has_its_names_alone),
        cmocka_unit_test(names_of_the_list_and_addresses_are_taken), cmocka_unit_test(without_a_list_all_are_taken),
        cmocka_unit_test(entries_that_no_host_equals_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
