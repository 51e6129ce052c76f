#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/credential/credential.h"
#include "proto/http_syntax/http_parse.h"

struct found {
    enum error error;
    char key[128];
    char query[128];
    const char *detail;
};

static struct found shown(const char *target, const char *fields, bool takes)
{
    static struct buf texts, query;
    char head[1024];
    struct http_request request;
    enum error error;
    const char *reason;
    struct slice key, detail = SLICE("");
    struct found found = { 0 };
    int length = snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n", target, fields);
    assert_int_equal(http_parse_head(slice_make(head, (size_t)length), sizeof head, &request, &error, &reason),
                     HTTP_DONE);
    found.error = credential_of(&request, takes, &texts, &query, &key, &detail);
    snprintf(found.key, sizeof found.key, "%.*s", (int)key.len, key.len == 0 ? "" : key.data);
    snprintf(found.query, sizeof found.query, "%.*s", (int)request.query.len,
             request.query.len == 0 ? "" : request.query.data);
    found.detail = detail.data;
    buf_release(&texts);
    buf_release(&query);
    return found;
}

static void finds_a_key_in_each_of_its_places(void **state)
{
    static const struct {
        const char *target, *fields, *key, *query;
    } rows[] = {
        { "/", "", "", "" },
        { "/?a=b", "", "", "a=b" },
        { "/", "Authorization: Bearer k\r\n", "k", "" },
        { "/", "AUTHORIZATION: bearer   k \r\n", "k", "" },
        { "/", "Authorization: Bearer\r\n", "", "" },
        { "/", "Authorization: Bearer \r\n", "", "" },
        { "/", "Authorization: Bearerk\r\n", "", "" },
        { "/", "Authorization: Digest k\r\n", "", "" },
        { "/", "Authorization: Basic azo=\r\n", "k", "" },
        { "/", "Authorization: Basic azpwYXNz\r\n", "k", "" },
        { "/", "Authorization: Basic aw==\r\n", "k", "" },
        { "/", "Authorization: Basic Ong=\r\n", "", "" }, /* no user, a password */
        { "/", "X-API-Key: k\r\n", "k", "" },
        { "/", "X-API-Key: \r\n", "", "" },
        { "/?key=k", "", "k", "" },
        { "/?key=%6B&a=b", "", "k", "a=b" },
        { "/?a=b&key=k&c=d", "", "k", "a=b&c=d" },
        { "/?a=b&key=", "", "", "a=b" },
        { "/?keys=k&akey=k&key", "", "", "keys=k&akey=k&key" },
        { "/?key=k", "X-API-Key: k\r\nAuthorization: Basic azo=\r\n", "k", "" },
        { "/", "Sec-WebSocket-Protocol: sluice.v1, key.k\r\n", "k", "" },
        { "/", "Sec-WebSocket-Protocol: key., keyk\r\n", "", "" },
        { "/", "X-API-Key: k\r\nX-API-Key: k\r\n", "k", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct found found = shown(rows[i].target, rows[i].fields, true);
        if (found.error != OK || strcmp(found.key, rows[i].key) != 0 || strcmp(found.query, rows[i].query) != 0) {
            fail_msg("%s %s: found \"%s\", query \"%s\"", rows[i].target, rows[i].fields, found.key, found.query);
        }
    }
}

static void a_page_keeps_its_query_and_takes_no_key_from_it(void **state)
{
    struct found found = shown("/?key=k&a=b", "", false);
    (void)state;
    assert_int_equal(found.error, OK);
    assert_string_equal(found.key, "");
    assert_string_equal(found.query, "key=k&a=b");
    assert_string_equal(shown("/", "Sec-WebSocket-Protocol: key.k\r\n", false).key, "");
}

static void two_keys_are_refused_and_none_is_left_in_the_query(void **state)
{
    static const struct {
        const char *target, *fields, *says;
    } rows[] = {
        { "/?key=k&key=l", "", "two different keys" },
        { "/?key=k", "X-API-Key: l\r\n", "two different keys" },
        { "/?key=k", "Authorization: Bearer l\r\n", "two different keys" },
        { "/?key=k", "Authorization: Basic bDo=\r\n", "two different keys" },
        { "/?key=k", "Sec-WebSocket-Protocol: sluice.v1, key.l\r\n", "two different keys" },
        { "/?key=l", "X-API-Key: k\r\nX-API-Key: l\r\n", "is given twice" },
        { "/", "X-API-Key: k\r\nX-API-Key: l\r\n", "is given twice" },
        { "/", "Authorization: Bearer k\r\nAuthorization: Bearer l\r\n", "is given twice" },
        { "/?key=%", "", "an escape" },
        { "/", "Authorization: Basic k!\r\n", "base64" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct found found = shown(rows[i].target, rows[i].fields, true);
        if (found.error != ERROR_BAD_REQUEST || found.query[0] != '\0' || strstr(found.detail, rows[i].says) == NULL) {
            fail_msg("%s %s: found %d, \"%s\"", rows[i].target, rows[i].fields, found.error, found.detail);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_key_in_each_of_its_places),
        cmocka_unit_test(a_page_keeps_its_query_and_takes_no_key_from_it),
        cmocka_unit_test(two_keys_are_refused_and_none_is_left_in_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
