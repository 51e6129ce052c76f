/* Which requests make no event, as nobody is behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "proto/http_syntax/http_parse.h"
#include "proto/http_syntax/http_visits.h"

static bool is_nobodys(const char *method, const char *fields)
{
    char head[512];
    struct http_request request;
    enum error error;
    const char *reason;
    snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    assert_int_equal(http_parse_head(slice_from_string(head), 4096, &request, &error, &reason), HTTP_DONE);
    return http_visits_are_nobodys(&request);
}

static void what_is_asked_ahead_or_by_scanners_is_nobodys(void **state)
{
    (void)state;
    static const char *const nobodys[] = {
        "Sec-Purpose: prefetch\r\n",
        "sec-purpose: prefetch;prerender\r\n",
        "Purpose: Prefetch\r\n",
        "X-Purpose: preview\r\n",
        "X-Moz: prefetch\r\n",
        "User-Agent: facebookexternalhit/1.1\r\n",
        "User-Agent: Mozilla/5.0 (compatible; Twitterbot/1.0)\r\n",
        "User-Agent: Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)\r\n",
        "User-Agent: WhatsApp/2.19.81 A\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(nobodys); i++) {
        assert_true(is_nobodys("GET", nobodys[i]));
        assert_false(is_nobodys("POST", nobodys[i])); /* who posts an event means it */
    }
}

static void what_browsers_and_mail_readers_ask_is_somebodys(void **state)
{
    (void)state;
    static const char *const somebodys[] = {
        "",
        "Sec-Purpose: \r\n",
        "Purpose: navigate\r\n",
        ("User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 "
         "Safari/537.36\r\n"),
        "User-Agent: Mozilla/5.0 (via ggpht.com GoogleImageProxy)\r\n",
        "User-Agent: curl/7.88\r\n",
        "User-Agent: MyViberant/1\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(somebodys); i++) {
        assert_false(is_nobodys("GET", somebodys[i]));
        assert_true(is_nobodys("HEAD", somebodys[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_ahead_or_by_scanners_is_nobodys),
        cmocka_unit_test(what_browsers_and_mail_readers_ask_is_somebodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
