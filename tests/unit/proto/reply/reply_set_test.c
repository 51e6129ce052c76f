#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/options/options.h"
#include "proto/reply/reply_set.h"

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

/* The values that a request of a test has. */
static const char *const texts[][2] = {
    { "id", "f2e0" },
    { "vid", "v 1;\r\nSet-Cookie: x=y" },
    { "detail", "say \"no\"" },
    { "split", "en\r\nX-Evil: 1" },
    { "query.url", NULL },
    { "query.name", "a/b?c&d" },
    { "value", "https://anywhere.example/x" },
    { "errors", "[]" },
    { "none", NULL },
};

static bool knows(const void *context, struct slice name)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (slice_equal(slice_from_string(texts[i][0]), name)) {
            return true;
        }
    }
    return false;
}

/* `context`: query.url. */
static bool value_of(void *context, struct slice name, struct template_text *text)
{
    const char *url = context;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (slice_equal(slice_from_string(texts[i][0]), name)) {
            bool of_test = strcmp(texts[i][0], "query.url") == 0;
            text->bytes = slice_from_string(of_test ? url : texts[i][1]);
            return text->bytes.data != NULL;
        }
    }
    return false;
}

struct fixture {
    struct config config;
    struct buf problems;
    struct reply_set *set;
};

/* `replies`: YAML of one entry, in flow style. */
static void begin(struct fixture *fixture, const char *replies)
{
    struct buf text = { 0 };
    *fixture = (struct fixture){ 0 };
    buf_printf(&text, "streams:\n  - { name: s, fields: [ { name: a, type: String } ] }\nreplies:\n  %s\n", replies);
    if (!config_parse(&fixture->config, "c.yaml", buf_slice(&text), nothing_set, &fixture->problems)) {
        fail_msg("%s", buf_c_string(&fixture->problems));
    }
    buf_release(&text);
    assert_int_equal(fixture->config.reply_count, 1);
    fixture->set = reply_set_compile(fixture->config.replies, knows, NULL, &fixture->problems);
}

static void end(struct fixture *fixture)
{
    reply_set_free(fixture->set);
    buf_release(&fixture->problems);
    config_free(&fixture->config);
}

static void begin_good(struct fixture *fixture, const char *replies)
{
    begin(fixture, replies);
    if (fixture->set == NULL) {
        fail_msg("%s", buf_c_string(&fixture->problems));
    }
}

/* "200 application/json no-store", the headers and the body, one after another. */
static struct buf written(const struct fixture *fixture, enum reply_outcome outcome, const char *url)
{
    struct buf text = { 0 };
    const struct reply *reply = reply_set_find(fixture->set, outcome);
    if (reply == NULL) {
        buf_append_string(&text, "usual");
        return text;
    }
    struct reply_request request = { SLICE("www.example.co.uk:8080"), true };
    struct reply_answer answer = { .status = outcome == REPLY_REJECTED ? 400 : 202 };
    enum error error = reply_write(reply, value_of, (void *)(uintptr_t)url, &request, &answer);
    if (error != OK) {
        buf_append_string(&text, error_info(error)->code);
    } else {
        buf_printf(&text, "%d %s%s\n", answer.status, answer.content_type != NULL ? answer.content_type : "-",
                   answer.no_store ? " no-store" : "");
        buf_append_slice(&text, buf_slice(&answer.headers));
        buf_append_slice(&text, buf_slice(&answer.body));
    }
    buf_release(&answer.headers);
    buf_release(&answer.body);
    return text;
}

static void check(const char *replies, enum reply_outcome outcome, const char *url, const char *expected)
{
    struct fixture fixture;
    begin_good(&fixture, replies);
    struct buf text = written(&fixture, outcome, url);
    assert_string_equal(buf_c_string(&text), expected);
    buf_release(&text);
    end(&fixture);
}

static void outcomes_fall_back_as_they_say(void **state)
{
    (void)state;
    const char *one = "r: { accepted: { text: good }, rejected: { status: 422, text: bad } }";
    check(one, REPLY_ACCEPTED, NULL, "202 text/plain; charset=utf-8\ngood");
    check(one, REPLY_STORED, NULL, "202 text/plain; charset=utf-8\ngood");
    check(one, REPLY_DUPLICATE, NULL, "202 text/plain; charset=utf-8\ngood");
    check(one, REPLY_PARTIAL, NULL, "202 text/plain; charset=utf-8\ngood");
    check(one, REPLY_REJECTED, NULL, "422 text/plain; charset=utf-8\nbad");
    check(one, REPLY_REFUSED, NULL, "usual");
    check(one, REPLY_FULL, NULL, "usual");
    const char *any = "r: { any: { status: 200, empty: true }, rejected: { problem: true }, full: { text: busy } }";
    check(any, REPLY_ACCEPTED, NULL, "200 -\n");
    check(any, REPLY_REFUSED, NULL, "200 -\n");
    check(any, REPLY_MISSING, NULL, "200 -\n");
    check(any, REPLY_REJECTED, NULL, "usual");
    check(any, REPLY_FULL, NULL, "202 text/plain; charset=utf-8\nbusy");
}

static void bodies_are_what_they_say(void **state)
{
    (void)state;
    check("r: { any: { status: 201, json: '{\"id\":\"{id}\",\"m\":\"{detail}\"}' } }", REPLY_ACCEPTED, NULL,
          "201 application/json\n{\"id\":\"f2e0\",\"m\":\"say \\\"no\\\"\"}");
    check("r: { any: { json: '{detail}', content_type: application/problem+json } }", REPLY_REJECTED, NULL,
          "400 application/problem+json\n\"say \\\"no\\\"\"");
    check("r: { any: { empty: true } }", REPLY_ACCEPTED, NULL, "204 -\n");
    check("r: { any: { empty: true } }", REPLY_REJECTED, NULL, "400 -\n");
    check("r: { any: { text: pong, headers: { X-Id: 'a {split} b', Clear-Site-Data: '\"*\"' } } }", REPLY_ACCEPTED,
          NULL, "202 text/plain; charset=utf-8\nX-Id: a en b\r\nClear-Site-Data: \"*\"\r\npong");
}

static void a_pixel_is_an_image_that_no_cache_keeps(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_good(&fixture, "r: { any: { status: 200, gif: true } }");
    struct buf text = written(&fixture, REPLY_ANY, NULL);
    struct slice begin = SLICE("200 image/gif no-store\nGIF89a\x01\x00\x01\x00");
    assert_true(slice_starts_with(buf_slice(&text), begin));
    assert_int_equal(text.len, strlen("200 image/gif no-store\n") + 43);
    assert_int_equal(text.data[text.len - 1], ';');
    buf_release(&text);
    end(&fixture);
    begin_good(&fixture, "r: { any: { status: 200, gif: true, headers: { Cache-Control: private } } }");
    text = written(&fixture, REPLY_ANY, NULL);
    assert_true(slice_starts_with(buf_slice(&text), SLICE("200 image/gif\nCache-Control: private\r\nGIF89a")));
    buf_release(&text);
    end(&fixture);
}

static void redirects_go_to_hosts_that_are_allowed(void **state)
{
    (void)state;
    const char *go = "r: { any: { redirect: '{query.url}', allow_hosts: [good.example] } }";
    const char *with_else = "r: { any: { status: 301, redirect: '{query.url}', allow_hosts: good.example, else: "
                            "'https://home.example/' } }";
    check(go, REPLY_ACCEPTED, "https://good.example/a b", "302 -\nLocation: https://good.example/a%20b\r\n");
    check(go, REPLY_ACCEPTED, "/own", "302 -\nLocation: /own\r\n");
    check(go, REPLY_ACCEPTED, "https://evil.example/", "not_allowed");
    check(go, REPLY_ACCEPTED, "https://good.example/\r\nX: y", "not_allowed");
    check(go, REPLY_ACCEPTED, NULL, "not_allowed");
    check(with_else, REPLY_REJECTED, "https://good.example", "301 -\nLocation: https://good.example\r\n");
    check(with_else, REPLY_REJECTED, "//evil.example", "301 -\nLocation: https://home.example/\r\n");
    check(with_else, REPLY_REJECTED, NULL, "301 -\nLocation: https://home.example/\r\n");
    check("r: { any: { redirect: '/thanks/{query.name}?id={id}' } }", REPLY_ACCEPTED, NULL,
          "302 -\nLocation: /thanks/a%2Fb%3Fc%26d?id=f2e0\r\n");
    check("r: { any: { redirect: '/{none}/evil.example' } }", REPLY_ACCEPTED, NULL, "not_allowed");
    check("r: { any: { redirect: 'https://{query.name}.good.example/', allow_hosts: '*.good.example' } }",
          REPLY_ACCEPTED, NULL, "not_allowed");
    check("r: { found: { redirect: '{value}' } }", REPLY_FOUND, NULL,
          "302 -\nLocation: https://anywhere.example/x\r\n");
    check("r: { found: { redirect: '{value}', allow_hosts: [good.example] } }", REPLY_FOUND, NULL, "not_allowed");
}

static void cookies_are_whole_and_hold_what_cookies_may(void **state)
{
    (void)state;
    check("r: { any: { empty: true, cookies: [ { name: vid, value: '{vid}' } ] } }", REPLY_ACCEPTED, NULL,
          "204 -\nSet-Cookie: vid=v%201%3B%0D%0ASet-Cookie%3A%20x%3Dy; Path=/; Secure\r\n");
    check("r: { any: { empty: true, cookies: [ { name: vid, value: '{id}', max_age: 400d, domain: registrable, "
          "same_site: lax, secure: never, http_only: true, path: /a } ] } }",
          REPLY_ACCEPTED, NULL,
          "204 -\nSet-Cookie: vid=f2e0; Max-Age=34560000; Domain=example.co.uk; Path=/a; SameSite=Lax; HttpOnly\r\n");
    check("r: { any: { empty: true, cookies: [ { name: a, value: '1', domain: a.example, same_site: none }, "
          "{ name: b, value: '', secure: always, same_site: strict } ] } }",
          REPLY_ACCEPTED, NULL,
          "204 -\nSet-Cookie: a=1; Domain=a.example; Path=/; SameSite=None; Secure\r\n"
          "Set-Cookie: b=; Path=/; SameSite=Strict; Secure\r\n");
}

static void what_cannot_be_answered_is_refused_with_the_cure(void **state)
{
    (void)state;
    static const struct {
        const char *replies, *expected;
    } rows[] = {
        { "r: { any: { json: '{\"a\":{nobody}}' } }",
          "c.yaml:4: replies.r.any.json: found a template that cannot be used, at {nobody}}: there is no placeholder" },
        { "r: { any: { json: 'hello' } }", "a text needs quotes" },
        { "r: { accepted: { text: a, empty: true } }", "replies.r.accepted.json: found several of json, text" },
        { "r: { any: { status: 199, empty: true } }", "replies.r.any.status: found 199, expected 200 to 599" },
        { "r: { any: { status: 304, empty: true } }", "found 304, expected 200 to 599, and not 304" },
        { "r: { any: { status: 204, text: a } }", "found 204, expected `empty: true` beside it" },
        { "r: { any: { status: 302, text: a } }", "found 302, expected a `redirect` beside it" },
        { "r: { any: { status: 200, redirect: /a } }", "found 200, expected 301, 302, 303, 307 or 308" },
        { "r: { any: { status: 400, problem: true } }", "found 400, expected none beside `problem`" },
        { "r: { any: { redirect: '{query.url}' } }",
          "replies.r.any.redirect: found \"{query.url}\", where a value chooses the host, expected `allow_hosts`" },
        { "r: { any: { redirect: 'https://{query.url}/' } }", "expected `allow_hosts`" },
        { "r: { any: { redirect: '//{query.url}' } }", "expected `allow_hosts`" },
        { "r: { any: { redirect: 'https://a.example{query.url}' } }", "expected `allow_hosts`" },
        { "r: { any: { redirect: '{value}{query.url}' } }", "expected `allow_hosts`" },
        { "r: { any: { redirect: '{value}' } }", "expected `allow_hosts`" },
        { "r: { accepted: { redirect: '{value}' } }", "expected `allow_hosts`" },
        { "r: { ok: { redirect: '{value}' } }", "expected `allow_hosts`" },
        { "r: { any: { redirect: 'a.example' } }", "expected a path like /here or a URL" },
        { "r: { any: { redirect: '{query.url}', allow_hosts: ['*'] } }", "replies.r.any.allow_hosts: found \"*\"" },
        { "r: { any: { redirect: '{query.url}', allow_hosts: [a], else: '//b' } }",
          "replies.r.any.else: found \"//b\"" },
        { "r: { any: { text: a, allow_hosts: [a] } }", "allow_hosts: found it, expected a `redirect` beside it" },
        { "r: { any: { text: a, headers: { Location: b } } }", "found \"Location\", expected not to find it here" },
        { "r: { any: { text: a, headers: { set-cookie: b } } }", "it belongs to cookies" },
        { "r: { any: { text: a, headers: { Access-Control-Allow-Origin: '*' } } }", "it belongs to http.cors_origins" },
        { "r: { any: { text: a, headers: { 'a b': c } } }", "expected the name of a header field" },
        { "r: { any: { text: a, headers: { a: '{nobody}' } } }", "replies.r.any.headers: found a template" },
        { "r: { any: { empty: true, content_type: a/b } }", "expected a body beside it" },
        { "r: { any: { cookies: [ { name: 'a;b', value: c } ] } }", "replies.r.any.cookies.name: found \"a;b\"" },
        { "r: { any: { cookies: [ { name: a, value: c, path: a } ] } }", "cookies.path: found \"a\"" },
        { "r: { any: { cookies: [ { name: a, value: c, path: '/a; b' } ] } }", "without ';'" },
        { "r: { any: { cookies: [ { name: a, value: c, domain: 'a;b' } ] } }", "cookies.domain: found \"a;b\"" },
        { "r: { any: { cookies: [ { name: a, value: c, same_site: none, secure: never } ] } }", "needs HTTPS" },
        { "r: { any: { cookies: [ { name: a, value: c, max_age: 1500ms } ] } }", "expected whole seconds" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].replies);
        assert_null(fixture.set);
        if (strstr(buf_c_string(&fixture.problems), rows[i].expected) == NULL) {
            fail_msg("%s: %s", rows[i].replies, fixture.problems.data);
        }
        end(&fixture);
    }
}

static void a_reply_that_hides_a_refusal_is_known(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_good(&fixture, "r: { any: { status: 200, empty: true }, partial: { json: '{errors}' } }");
    const struct reply *any = reply_set_find(fixture.set, REPLY_REJECTED);
    const struct reply *partial = reply_set_find(fixture.set, REPLY_PARTIAL);
    assert_true(reply_hides_refusal(any, REPLY_REJECTED, 200));
    assert_true(reply_hides_refusal(any, REPLY_REFUSED, 302));
    assert_true(reply_hides_refusal(any, REPLY_FULL, 204));
    assert_true(reply_hides_refusal(any, REPLY_PARTIAL, 200));
    assert_false(reply_hides_refusal(any, REPLY_REJECTED, 422));
    assert_false(reply_hides_refusal(any, REPLY_ACCEPTED, 200));
    assert_false(reply_hides_refusal(partial, REPLY_PARTIAL, 200));
    end(&fixture);
}

static void the_names_of_all_templates_are_told_once(void **state)
{
    (void)state;
    struct fixture fixture;
    size_t count = 0;
    begin_good(&fixture, "r: { accepted: { json: '[{id},{detail}]', headers: { A: '{id}{errors}' }, "
                         "cookies: [ { name: a, value: '{vid}' } ] }, rejected: { redirect: '/{id}/{query.name}' } }");
    const struct slice *names = reply_set_names(fixture.set, &count);
    static const char *const expected[] = { "id", "detail", "errors", "vid", "query.name" };
    assert_int_equal(count, ARRAY_LENGTH(expected));
    for (size_t i = 0; i < count; i++) {
        assert_true(slice_equal(names[i], slice_from_string(expected[i])));
    }
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_fall_back_as_they_say),
        cmocka_unit_test(bodies_are_what_they_say),
        cmocka_unit_test(a_pixel_is_an_image_that_no_cache_keeps),
        cmocka_unit_test(redirects_go_to_hosts_that_are_allowed),
        cmocka_unit_test(cookies_are_whole_and_hold_what_cookies_may),
        cmocka_unit_test(what_cannot_be_answered_is_refused_with_the_cure),
        cmocka_unit_test(a_reply_that_hides_a_refusal_is_known),
        cmocka_unit_test(the_names_of_all_templates_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
