#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/string_list.h"
#include "proto/front/origins.h"

static bool is_allowed(const char *entry, const char *origin)
{
    const char *entries[] = { entry };
    struct string_list list = { entries, 1 };
    return origins_find(&list, slice_from_string(origin)) == 0;
}

static void entries_allow_what_they_say_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        const char *origin;
        bool allowed;
    } rows[] = {
        { "*", "https://a.example", true },
        { "*", "null", true },
        { "null", "null", true },
        { "null", "https://null", false },
        { "file://", "file://", true },
        { "https://a.example", "https://a.example", true },
        { "https://a.example", "HTTPS://A.example", true },
        { "https://a.example", "http://a.example", false },
        { "https://a.example", "https://a.example:8443", false },
        { "https://a.example", "https://a.example.evil", false },
        { "https://a.example", "https://www.a.example", false },
        { "https://*.shop.example", "https://www.shop.example", true },
        { "https://*.shop.example", "https://a.b-c.shop.example", true },
        { "https://*.shop.example", "https://WWW.Shop.example", true },
        { "https://*.shop.example", "https://shop.example", false },
        { "https://*.shop.example", "https://.shop.example", false },
        { "https://*.shop.example", "https://a..shop.example", false },
        { "https://*.shop.example", "http://www.shop.example", false },
        { "https://*.shop.example", "https://www.shop.example:8443", false },
        { "https://*.shop.example", "https://www.shop.example.evil", false },
        { "https://*.shop.example", "https://evilshop.example", false },
        { "https://*.shop.example", "https://evil.example/.shop.example", false },
        { "https://*.shop.example", "https://evil.example?.shop.example", false },
        { "https://*.shop.example", "https://evil.example:1.shop.example", false },
        { "https://*.shop.example", "https://user@a.shop.example", false },
        { "https://*.shop.example", "null", false },
        { "https://*.shop.example:8443", "https://www.shop.example:8443", true },
        { "https://*.shop.example:8443", "https://www.shop.example", false },
        { "https://*.shop.example:8443", "https://www.shop.example:443", false },
        { "https://*.shop.example:*", "https://www.shop.example:1", true },
        { "https://*.shop.example:*", "https://www.shop.example", true },
        { "https://*.shop.example:*", "https://shop.example:1", false },
        { "http://localhost:*", "http://localhost:3000", true },
        { "http://localhost:*", "http://localhost", true },
        { "http://localhost:*", "https://localhost:3000", false },
        { "http://localhost:*", "http://localhost.evil:3000", false },
        { "http://[::1]:*", "http://[::1]:3000", true },
        { "http://[::1]:*", "http://[::1]", true },
        { "http://[::1]:*", "http://[::2]:3000", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (is_allowed(rows[i].entry, rows[i].origin) != rows[i].allowed) {
            fail_msg("%s and %s", rows[i].entry, rows[i].origin);
        }
    }
}

static void the_entry_that_allows_is_named(void **state)
{
    (void)state;
    const char *entries[] = { "https://a.example", "https://*.b.example" };
    struct string_list list = { entries, 2 }, none = { 0 };
    assert_int_equal(origins_find(&list, SLICE("https://x.b.example")), 1);
    assert_int_equal(origins_find(&list, SLICE("https://c.example")), -1);
    assert_int_equal(origins_find(&list, SLICE("")), -1);
    assert_int_equal(origins_find(&none, SLICE("https://a.example")), -1);
    assert_true(origins_is_pattern("https://*.b.example") && origins_is_pattern("http://localhost:*"));
    assert_false(origins_is_pattern("*") || origins_is_pattern("https://a.example"));
}

static void an_origin_longer_than_any_host_is_not_allowed_by_a_pattern(void **state)
{
    (void)state;
    struct buf origin = { 0 };
    buf_append_string(&origin, "https://");
    buf_append_fill(&origin, 'a', 400);
    buf_append_string(&origin, ".shop.example");
    assert_false(is_allowed("https://*.shop.example", buf_c_string(&origin)));
    assert_true(is_allowed("*", buf_c_string(&origin)));
    buf_release(&origin);
}

static void replies_vary_if_the_list_names_origins(void **state)
{
    (void)state;
    const char *exact[] = { "https://a.example" }, *wild[] = { "https://*.a.example" }, *any[] = { "*" };
    assert_true(origins_vary(&(struct string_list){ exact, 1 }));
    assert_true(origins_vary(&(struct string_list){ wild, 1 }));
    assert_false(origins_vary(&(struct string_list){ any, 1 }));
    assert_false(origins_vary(&(struct string_list){ 0 }));
}

static void entries_that_can_match_are_good(void **state)
{
    (void)state;
    const char *entries[] = {
        "*",
        "null",
        "file://",
        "https://shop.example",
        "https://shop.example.",
        "http://localhost:3000",
        "http://localhost",
        "https://a_b.shop.example",
        "http://127.0.0.1:8080",
        "http://[::1]:3000",
        "https://[2001:db8::1]",
        "https://*.shop.example",
        "https://*.shop.example:8443",
        "http://localhost:*",
        "https://*.shop.example:*",
        "https://xn--bcher-kva.example",
        "capacitor://localhost",
        "ionic://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "http://shop.example:443",
        "https://shop.example:80",
    };
    struct string_list list = { entries, ARRAY_LENGTH(entries) };
    struct buf problems = { 0 };
    bool good = origins_check(&list, "http.cors_origins", &problems);
    assert_string_equal(buf_c_string(&problems), "");
    assert_true(good);
    buf_release(&problems);
}

static void entries_that_never_match_are_told_with_their_cure(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        const char *says;
    } rows[] = {
        { "https://shop.example/", "an origin does not end in a slash; write \"https://shop.example\"" },
        { "https://shop.example/cart", "an origin has no path; write \"https://shop.example\"" },
        { "https://shop.example?a=b", "an origin has no path; write \"https://shop.example\"" },
        { "https://*.shop.example/#top", "an origin has no path; write \"https://*.shop.example\"" },
        { "shop.example", "it has no scheme; write \"https://shop.example\"" },
        { "*.shop.example", "it has no scheme; write \"https://*.shop.example\"" },
        { "//shop.example", "it has no scheme; write \"https://shop.example\"" },
        { "localhost:3000", "it has no scheme; write \"http://localhost:3000\"" },
        { "shop.example/", "it has no scheme; write \"https://shop.example\"" },
        { "https://Shop.Example", "browsers send origins in lower case; write \"https://shop.example\"" },
        { "HTTPS://shop.example", "browsers send origins in lower case; write \"https://shop.example\"" },
        { "NULL", "browsers send origins in lower case; write \"null\"" },
        { " https://shop.example", "it has spaces around it; write \"https://shop.example\"" },
        { "* ", "it has spaces around it; write \"*\"" },
        { "wss://shop.example",
          "the origin of a WebSocket is that of its page, http or https; write \"https://shop.example\"" },
        { "ws://shop.example:81", "page, http or https; write \"http://shop.example:81\"" },
        { "https://me@shop.example", "an origin has no user; write \"https://shop.example\"" },
        { "https://shop.example:443",
          "browsers leave out the port that the scheme implies; write \"https://shop.example\"" },
        { "http://shop.example:80",
          "browsers leave out the port that the scheme implies; write \"http://shop.example\"" },
        { "https://shop.example:", "the colon has no port behind it; write \"https://shop.example\"" },
        { "https://.shop.example", "a host does not begin with a dot; write \"https://*.shop.example\"" },
        { "https://www.*.example", "* stands for whole labels in front of a host" },
        { "https://www*.shop.example", "* stands for whole labels in front of a host" },
        { "https://*shop.example", "* stands for whole labels in front of a host" },
        { "https://*.*.shop.example", "* stands for whole labels in front of a host" },
        { "https://shop.*", "* stands for whole labels in front of a host" },
        { "https://*", "write \"*\" for all origins, or name a domain" },
        { "https://*:8443", "write \"*\" for all origins, or name a domain" },
        { "*://shop.example", "* cannot stand for a scheme; list http://... and https://... each" },
        { "http*://shop.example", "* cannot stand for a scheme" },
        { "https://shop.example:80*", "its port is no number from 1 to 65535, nor *" },
        { "https://shop.example:0", "its port is no number" },
        { "https://shop.example:65536", "its port is no number" },
        { "https://shop.example:0080", "its port is no number" },
        { "https://shop.example:http", "its port is no number" },
        { "https://b\xc3\xbc"
          "cher.example",
          "browsers send such a host in punycode (xn--...)" },
        { "https://a..example", "two dots follow each other" },
        { "https://a.example,https://b.example", "it has a character that no host has" },
        { "https://a b.example", "it has a character that no host has" },
        { "'https://shop.example'", "its scheme has a character that no scheme has" },
        { "https://", "it has no host" },
        { "https:///", "it has no host" },
        { "http://127.1", "an IPv4 address has four numbers, and no * in it" },
        { "http://*.0.0.1", "an IPv4 address has four numbers, and no * in it" },
        { "http://[0:0:0:0:0:0:0:1]", "an IPv6 address is written in its shortest form in brackets" },
        { "http://[::1", "an IPv6 address is written in its shortest form in brackets" },
        { "http://::1:3000", "it has a character that no host has" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *entries[] = { "https://good.example", rows[i].entry };
        struct string_list list = { entries, 2 };
        struct buf problems = { 0 }, begins = { 0 };
        buf_printf(&begins, "http.cors_origins: found \"%s\", which is the origin of no page: ", rows[i].entry);
        if (origins_check(&list, "http.cors_origins", &problems) ||
            strstr(buf_c_string(&problems), rows[i].says) == NULL ||
            !slice_starts_with(buf_slice(&problems), buf_slice(&begins))) {
            fail_msg("%s: %s", rows[i].entry, buf_c_string(&problems));
        }
        assert_int_equal(problems.data[problems.len - 1], '\n');
        buf_release(&problems);
        buf_release(&begins);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_allow_what_they_say_and_no_more),
        cmocka_unit_test(the_entry_that_allows_is_named),
        cmocka_unit_test(an_origin_longer_than_any_host_is_not_allowed_by_a_pattern),
        cmocka_unit_test(replies_vary_if_the_list_names_origins),
        cmocka_unit_test(entries_that_can_match_are_good),
        cmocka_unit_test(entries_that_never_match_are_told_with_their_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
