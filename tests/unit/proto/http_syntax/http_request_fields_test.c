#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "proto/http_syntax/http_parse.h"
#include "proto/http_syntax/http_request_fields.h"

/* The host that is filled, of a peer that is trusted and of one that is not. */
static const struct {
    const char *fields, *trusted, *other;
} hosts[] = {
    { "Host: in:80\r\n", "in:80", "in:80" },
    { "Host: in\r\nX-Forwarded-Host: Shop.Example:8443\r\n", "Shop.Example:8443", "in" },
    { "x-forwarded-host: evil, shop\r\nHost: in\r\n", "shop", "in" },
    { "X-Forwarded-Host: evil\r\nX-Forwarded-Host:  shop \r\nHost: in\r\n", "shop", "in" },
    { "Host: in\r\nX-Forwarded-Host: a b\r\n", "in", "in" },
    { "Host: in\r\nX-Forwarded-Host: \r\n", "in", "in" },
    { "Host: in\r\nX-Forwarded-Host: shop,\r\n", "in", "in" },
    { "Host: in\r\nX-Forwarded-Host: <script>\r\n", "in", "in" },
};

static struct http_request parse(const char *fields, char *text, size_t size)
{
    struct http_request request;
    enum error error;
    const char *reason;
    snprintf(text, size, "POST /events HTTP/1.1\r\n%s\r\n", fields);
    assert_int_equal(http_parse_head(slice_from_string(text), 4096, &request, &error, &reason), HTTP_DONE);
    return request;
}

static void the_host_is_what_the_nearest_trusted_proxy_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        char text[256];
        struct http_request request = parse(hosts[i].fields, text, sizeof text);
        assert_true(slice_equal(http_request_fields(&request, true).host, slice_from_string(hosts[i].trusted)));
        assert_true(slice_equal(http_request_fields(&request, false).host, slice_from_string(hosts[i].other)));
    }
}

static void referer_and_languages_are_as_they_came(void **state)
{
    char text[256];
    (void)state;
    struct http_request request =
        parse("Host: in\r\nREFERER: https://a/b?c\r\nAccept-Language:  de, en;q=0.5\r\n", text, sizeof text);
    struct request_fields fields = http_request_fields(&request, false);
    assert_true(slice_equal(fields.referer, SLICE("https://a/b?c")));
    assert_true(slice_equal(fields.accept_language, SLICE("de, en;q=0.5")));
    request = parse("Host: in\r\n", text, sizeof text);
    fields = http_request_fields(&request, true);
    assert_int_equal(fields.referer.len + fields.accept_language.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_is_what_the_nearest_trusted_proxy_says),
        cmocka_unit_test(referer_and_languages_are_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
