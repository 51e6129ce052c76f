#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/string_list.h"
#include "proto/reply/registrable.h"
#include "proto/reply/url_target.h"

static const char *entries[] = { "good.example", "*.shop.example", "port.example:8443", "any.example:*", "[::1]" };
static const struct string_list hosts = { entries, ARRAY_LENGTH(entries) };

static void only_hosts_that_are_named_are_redirected_to(void **state)
{
    (void)state;
    static const char *const good[] = {
        "/",
        "/next?to=//evil.example",
        "/a/%2f/b",
        "https://good.example",
        "HTTPS://GOOD.example/A?b=c#d",
        "http://good.example/@evil.example",
        "http://good.example?@evil.example/",
        "https://good.example:443/",
        "http://good.example:80/",
        "https://www.shop.example/",
        "https://a.b.shop.example/",
        "https://port.example:8443/",
        "https://any.example:1/",
        "https://any.example/",
        "https://[::1]/",
        "https://good.example/caf\xC3\xA9 \"x\"",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        if (!url_is_allowed(slice_from_string(good[i]), &hosts)) {
            fail_msg("%s", good[i]);
        }
    }
}

static void hostile_targets_are_refused(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE(""),
        SLICE("evil.example"),
        SLICE("//evil.example"),
        SLICE("///evil.example"),
        SLICE("/\\evil.example"),
        SLICE("\\\\evil.example"),
        SLICE("\\/evil.example"),
        SLICE("/\t/evil.example"),
        SLICE("/%2fevil.example"),
        SLICE("/%5Cevil.example"),
        SLICE("%2f%2fevil.example"),
        SLICE("https:evil.example"),
        SLICE("https:/evil.example"),
        SLICE("https:///evil.example"),
        SLICE("https:\\\\evil.example"),
        SLICE("https://evil.example"),
        SLICE("https://EVIL.EXAMPLE/"),
        SLICE("https://good.example@evil.example/"),
        SLICE("https://good.example:x@evil.example/"),
        SLICE("https://evil.example\\@good.example/"),
        SLICE("https://good.example\\.evil.example/"),
        SLICE("https://good.example.evil.example/"),
        SLICE("https://evilgood.example/"),
        SLICE("https://evil.example#good.example"),
        SLICE("https://evil.example?.shop.example"),
        SLICE("https://evil.example/.shop.example"),
        SLICE("https://evil.example%2f.shop.example"),
        SLICE("https://evil.example%5c.shop.example"),
        SLICE("https://shop.example/"),
        SLICE("https://.shop.example/"),
        SLICE("https://good.example./"),
        SLICE("https://good.example:8443/"),
        SLICE("https://good.example:/"),
        SLICE("https://good.example:443:443/"),
        SLICE("https://good.example:99999/"),
        SLICE("http://good.example:443/"),
        SLICE("https://port.example/"),
        SLICE("https://port.example:84430/"),
        SLICE("https://evil\xE3\x80\x82"
              "example/"),
        SLICE("https://evil\xEF\xBC\x8Eshop.example/"),
        SLICE("https://g\xC3\xB6od.example/"),
        SLICE("https://[::2]/"),
        SLICE("https://[::1]evil.example/"),
        SLICE("https://[::1/"),
        SLICE("https://2130706433/"),
        SLICE("https://good.example\r\nSet-Cookie: a=b"),
        SLICE("https://good.example\0.evil.example/"),
        SLICE("ht\ttps://good.example/"),
        SLICE(" https://good.example/"),
        SLICE("javascript:alert(1)"),
        SLICE("JaVaScRiPt://good.example/%0aalert(1)"),
        SLICE("data:text/html,x"),
        SLICE("ftp://good.example/"),
        SLICE("x"),
        SLICE("?a"),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (url_is_allowed(bad[i], &hosts)) {
            fail_msg("%.*s", (int)bad[i].len, bad[i].data);
        }
    }
    assert_true(url_is_allowed(SLICE("https://evil.example/"), NULL));
    assert_false(url_is_allowed(SLICE("//evil.example/"), NULL));
    assert_false(url_is_allowed(SLICE("javascript:alert(1)"), NULL));
}

static void a_front_settles_the_host_or_it_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *front;
        bool whole, settles;
    } rows[] = {
        { "/", false, true },
        { "/thanks/", false, true },
        { "/swagger/", true, true },
        { "https://a.example/", false, true },
        { "https://a.example?x=", false, true },
        { "https://a.example:8443/x", false, true },
        { "https://a.example", true, true },
        { "https://a.example", false, false },
        { "https://a.", false, false },
        { "https://", false, false },
        { "", false, false },
        { "", true, false },
        { "//a.example/", false, false },
        { "a.example", true, false },
        { "ftp://a.example/", false, false },
        { "https://user@a.example/", false, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (url_settles_host(slice_from_string(rows[i].front), rows[i].whole) != rows[i].settles) {
            fail_msg("%s", rows[i].front);
        }
    }
}

static void entries_are_hosts(void **state)
{
    (void)state;
    static const char *const bad[] = { "",           "*",          "*.",          "https://a.example", "a.example/",
                                       "a..example", "a.example:", "a.example:0", "a.example:x",       "a.*.example",
                                       "a b" };
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        if (url_host_is_entry(slice_from_string(bad[i]))) {
            fail_msg("%s", bad[i]);
        }
    }
    for (size_t i = 0; i < hosts.count; i++) {
        assert_true(url_host_is_entry(slice_from_string(hosts.items[i])));
    }
}

static void a_url_is_written_with_the_characters_of_urls(void **state)
{
    (void)state;
    struct buf out = { 0 };
    url_append(SLICE("https://a.example/caf\xC3\xA9 \"<x>\"\\%20?a=b&c=[1]#d"), &out);
    assert_string_equal(buf_c_string(&out), "https://a.example/caf%C3%A9%20%22%3Cx%3E%22%5C%20?a=b&c=[1]#d");
    buf_clear(&out);
    url_append_part(SLICE("a/b?c&d=e;f,\"g\" h~1.2_-\xC3\xA9\r\n"), &out);
    assert_string_equal(buf_c_string(&out), "a%2Fb%3Fc%26d%3De%3Bf%2C%22g%22%20h~1.2_-%C3%A9%0D%0A");
    buf_release(&out);
}

static void the_registrable_part_of_a_name_follows_the_list_of_public_suffixes(void **state)
{
    (void)state;
    static const struct {
        const char *host, *domain;
    } rows[] = {
        { "www.example.com", "example.com" },
        { "WWW.Example.COM:8443", "example.com" },
        { "example.com", "example.com" },
        { "a.b.example.co.uk", "example.co.uk" },
        { "co.uk", "" },
        { "com", "" },
        { "localhost", "" },
        { "127.0.0.1:80", "" },
        { "[::1]:80", "" },
        { "", "" },
        { "a;b", "" },
    };
    struct buf space = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slice domain = registrable_domain(slice_from_string(rows[i].host), &space);
        if (!slice_equal(domain, slice_from_string(rows[i].domain))) {
            fail_msg("%s: %.*s", rows[i].host, (int)domain.len, domain.data);
        }
    }
    buf_release(&space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_hosts_that_are_named_are_redirected_to),
        cmocka_unit_test(hostile_targets_are_refused),
        cmocka_unit_test(a_front_settles_the_host_or_it_does_not),
        cmocka_unit_test(entries_are_hosts),
        cmocka_unit_test(a_url_is_written_with_the_characters_of_urls),
        cmocka_unit_test(the_registrable_part_of_a_name_follows_the_list_of_public_suffixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
