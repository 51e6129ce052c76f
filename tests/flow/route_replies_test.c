/* Routes whose replies the configuration gives: through a connection without sockets, bytes in and bytes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_wire.h"

#include "config/config.h"
#include "config/options/reply_options.h"
#include "config/options/route_options.h"
#include "proto/answer/route_reply.h"
#include "proto/reply/reply_set.h"
#include "proto/route/event_route.h"
#include "proto/route/route_replies.h"

#define BODY "Content-Length: 7\r\n\r\n"
#define HEAD "POST /track HTTP/1.1\r\nHost: www.a.example:8080\r\n"
#define GOOD HEAD BODY "{\"a\":1}"
#define REJECTED HEAD BODY "?\"a\":1}"
#define NO_JSON HEAD BODY "!\"a\":1}"

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

struct fixture {
    struct config config;
    struct buf problems;
    struct route_options options;
    struct event_route events;
    struct wire *wire;
};

static void add_route(struct fixture *fixture, enum route_kind kind)
{
    struct wire *wire = fixture->wire;
    const struct route route = {
        .kind = kind,
        .methods = METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_HEAD),
        .path = fixture->options.path.items[0],
        .events = kind == ROUTE_EVENTS ? &fixture->events : NULL,
        .replies = kind == ROUTE_REPLY ? fixture->events.replies : NULL,
        .file = "c.yaml",
        .line = 1,
    };
    assert_true(route_list_add(&wire->rows, &route));
    route_table_release(&wire->routes);
    assert_true(
        route_table_init(&wire->routes, &wire->rows, SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN, &fixture->problems));
}

/* `reply`: YAML of an entry of replies, in flow style; `route`: of the route that uses it. */
static void begin(struct fixture *fixture, const char *reply, const char *route, enum route_kind kind)
{
    struct buf text = { 0 };
    *fixture = (struct fixture){ .wire = wire_new() };
    buf_printf(&text,
               "streams:\n  - { name: events, fields: [ { name: a, type: String } ] }\n"
               "replies:\n  r: %s\nroutes:\n  - { %s, reply: r }\n",
               reply, route);
    if (!config_parse(&fixture->config, "c.yaml", buf_slice(&text), nothing_set, &fixture->problems)) {
        fail_msg("%s", buf_c_string(&fixture->problems));
    }
    buf_release(&text);
    fixture->options = fixture->config.routes[0];
    const struct reply_list list = { fixture->config.replies, fixture->config.reply_count };
    struct reply_set *set =
        route_replies_compile(&list, &fixture->options, false, "routes[0].reply", &fixture->problems);
    if (set == NULL) {
        fail_msg("%s", buf_c_string(&fixture->problems));
    }
    bool many = strcmp(fixture->options.items, "one") != 0;
    fixture->events =
        (struct event_route){ .options = &fixture->options, .form = many ? PAYLOAD_MANY : PAYLOAD_ONE, .replies = set };
    add_route(fixture, kind);
}

static void begin_one(struct fixture *fixture, const char *reply)
{
    begin(fixture, reply, "path: '/track', items: one", ROUTE_EVENTS);
}

static void end(struct fixture *fixture)
{
    wire_free(fixture->wire);
    reply_set_free((struct reply_set *)(uintptr_t)fixture->events.replies);
    buf_release(&fixture->problems);
    config_free(&fixture->config);
}

static void expect(struct fixture *fixture, const char *status_line, const char *body)
{
    struct buf tail = { 0 };
    buf_printf(&tail, "\r\n\r\n%s", body);
    const char *text = buf_c_string(&fixture->wire->written);
    const char *end = buf_c_string(&tail);
    if (strncmp(text, status_line, strlen(status_line)) != 0 || strlen(text) < tail.len ||
        strcmp(text + strlen(text) - tail.len, end) != 0) {
        fail_msg("expected %s and %s in %s", status_line, body, text);
    }
    buf_release(&tail);
    buf_clear(&fixture->wire->written);
}

static const char own[] =
    "{ accepted: { status: 201, json: '{\"id\":{id},\"ids\":{ids},\"new\":{accepted}}' },"
    "  duplicate: { status: 200, json: '{\"same\":{duplicate}}' },"
    "  rejected: { status: 422, json: '{\"m\":\"{Detail}\",\"d\":\"{detail}\",\"code\":\"{code}\",\"at\":{index},"
    "\"loc\":[\"{source}\",\"{field}\"],\"errors\":{errors},\"n\":{rejected}}' },"
    "  refused: { status: 400, json: '{\"m\":\"{detail}\",\"n\":{total},\"at\":{index}}' },"
    "  full: { status: 503, json: '{\"m\":\"{code}\",\"n\":{total}}' } }";

static void each_outcome_has_its_reply(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, own);
    send_text(fixture.wire, GOOD);
    assert_string_equal(statuses(fixture.wire), ""); /* it waits for the journal */
    complete(fixture.wire, 0, 1, 0, OK);
    expect(&fixture, "HTTP/1.1 201 Created\r\n",
           "{\"id\":\"11111111-1111-1111-1111-111111111111\",\"ids\":[\"11111111-1111-1111-1111-111111111111\"],"
           "\"new\":1}");
    send_text(fixture.wire, GOOD);
    complete(fixture.wire, 1, 0, 1, OK);
    expect(&fixture, "HTTP/1.1 200 OK\r\n", "{\"same\":1}");
    send_text(fixture.wire, REJECTED);
    expect(&fixture, "HTTP/1.1 422 Unprocessable Content\r\n",
           "{\"m\":\"The \\\"name\\\" is missing\",\"d\":\"the \\\"name\\\" is "
           "missing\",\"code\":\"missing_field\",\"at\":0,"
           "\"loc\":[\"body\",\"name\"],\"errors\":[{\"index\":0}],\"n\":1}");
    send_text(fixture.wire, NO_JSON);
    expect(&fixture, "HTTP/1.1 400 Bad Request\r\n", "{\"m\":\"invalid JSON at byte 0\",\"n\":1,\"at\":null}");
    send_text(fixture.wire, GOOD);
    complete(fixture.wire, 2, 0, 0, ERROR_JOURNAL_FULL);
    assert_true(wrote(fixture.wire, "Retry-After: 1\r\n"));
    expect(&fixture, "HTTP/1.1 503 Service Unavailable\r\n", "{\"m\":\"journal_full\",\"n\":1}");
    world.admits = ERROR_DISK_FULL;
    send_text(fixture.wire, GOOD);
    expect(&fixture, "HTTP/1.1 503 Service Unavailable\r\n", "{\"m\":\"disk_full\",\"n\":0}");
    assert_int_equal(world.hidden, 0);
    end(&fixture);
}

static void a_refusal_before_the_body_has_its_reply_too(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, own);
    send_text(fixture.wire, HEAD "Content-Length: 100000\r\n\r\n");
    expect(&fixture, "HTTP/1.1 400 Bad Request\r\n",
           "{\"m\":\"the body is larger than http.max_body\",\"n\":0,\"at\":null}");
    assert_int_equal(world.refused[ERROR_BODY_TOO_LARGE], 1);
    end(&fixture);
}

static void many_events_are_listed_and_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture,
          "{ accepted: { json: '{\"ids\":{ids},\"first\":\"{id}\",\"total\":{total},\"errors\":{errors}}' } }",
          "path: /track", ROUTE_EVENTS);
    send_text(fixture.wire, GOOD);
    complete(fixture.wire, 0, 1, 0, OK);
    expect(&fixture, "HTTP/1.1 202 Accepted\r\n",
           "{\"ids\":[\"11111111-1111-1111-1111-111111111111\"],\"first\":\"11111111-1111-1111-1111-111111111111\","
           "\"total\":1,\"errors\":[]}");
    send_text(fixture.wire, REJECTED); /* which has none of its own */
    assert_true(wrote(fixture.wire, "HTTP/1.1 400 Bad Request\r\n"));
    assert_true(wrote(fixture.wire, "\"rejected\":1,\"ids\":[null],\"errors\":[{\"index\":0}]"));
    end(&fixture);
}

static void what_a_reply_hides_is_counted(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, "{ any: { status: 200, gif: true } }");
    send_text(fixture.wire, GOOD);
    complete(fixture.wire, 0, 1, 0, OK);
    assert_true(wrote(fixture.wire, "HTTP/1.1 200 OK\r\n"));
    assert_true(wrote(fixture.wire, "Content-Type: image/gif\r\nContent-Length: 43\r\n"));
    assert_true(wrote(fixture.wire, "Cache-Control: no-store\r\n"));
    assert_int_equal(world.hidden, 0);
    end(&fixture);
    begin_one(&fixture, "{ any: { status: 200, empty: true } }");
    send_text(fixture.wire, REJECTED NO_JSON HEAD "Content-Encoding: br\r\n" BODY "{\"a\":1}");
    assert_string_equal(statuses(fixture.wire), "200 200 200");
    assert_int_equal(world.hidden, 3);
    send_text(fixture.wire, GOOD);
    complete(fixture.wire, 0, 0, 0, ERROR_JOURNAL_FAILED);
    assert_int_equal(world.hidden, 4);
    end(&fixture);
}

static void values_of_the_request_outlive_its_bytes(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture,
          "{ any: { json: "
          "'[\"{query.q}\",\"{path.user}\",\"{cookie.sid}\",\"{client_ip}\",\"{host}\",{query.no},\"{now}\"]',"
          " headers: { X-Q: 'q={query.q}' }, cookies: [ { name: s, value: '{cookie.sid}', same_site: lax } ] } }",
          "path: '/u/{user}', items: one", ROUTE_EVENTS);
    send_text(fixture.wire,
              "POST /u/%41%22?q=a%0D%0AX-Evil:%20b HTTP/1.1\r\nHost: a.example\r\nCookie: x=y; sid=7; sid=8\r\n"
              "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: http, https\r\n" BODY "{\"a\":1}");
    complete(fixture.wire, 0, 1, 0, OK);
    assert_false(wrote(fixture.wire, "\nX-Evil"));
    assert_true(wrote(fixture.wire, "\r\nX-Q: q=a\r\n"));
    assert_true(wrote(fixture.wire, "\r\nSet-Cookie: s=7; Path=/; SameSite=Lax; Secure\r\n"));
    expect(&fixture, "HTTP/1.1 202 Accepted\r\n",
           "[\"a\\r\\nX-Evil: b\",\"A\\\"\",\"7\",\"1.2.3.4\",\"a.example\",null,\"1970-01-01T00:00:01.000Z\"]");
    end(&fixture);
}

static void a_value_for_which_there_is_no_room_is_missing(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buf request = { 0 };
    begin_one(&fixture, "{ any: { redirect: '{query.url}', allow_hosts: [a.example], else: /home } }");
    fixture.wire->options.max_header_bytes = 10000;
    buf_append_string(&request, "GET /track?url=https://a.example/");
    buf_append_fill(&request, 'x', ROUTE_REPLY_KEPT);
    buf_append_string(&request, " HTTP/1.1\r\nHost: a\r\n\r\n");
    send_slice(fixture.wire, buf_slice(&request));
    expect(&fixture, "HTTP/1.1 302 Found\r\n", ""); /* no event, no matter: it was a bad one */
    assert_false(wrote(fixture.wire, "xxx"));
    buf_release(&request);
    end(&fixture);
}

static void redirects_of_clients_lead_where_they_may(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, "{ any: { redirect: '{query.url}', allow_hosts: [a.example] } }");
    send_text(
        fixture.wire,
        "GET /track?url=https%3A%2F%2Fa.example%2Fx%3Fy HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    complete(fixture.wire, 0, 1, 0, OK);
    assert_true(wrote(fixture.wire, "\r\nLocation: https://a.example/x?y\r\n"));
    assert_true(wrote(fixture.wire, "Cache-Control: no-store\r\n"));
    assert_true(wrote(fixture.wire, "Content-Length: 0\r\n"));
    send_text(fixture.wire,
              "GET /track?url=https://evil.example HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    complete(fixture.wire, 1, 1, 0, OK);
    assert_string_equal(statuses(fixture.wire), "302 400");
    assert_true(wrote(fixture.wire, "on a host that is not allowed"));
    end(&fixture);
}

static void a_route_without_events_has_one_reply(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, "{ ok: { status: 301, redirect: '/swagger/' } }", "path: /root", ROUTE_REPLY);
    send_text(fixture.wire, "GET /root HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(wrote(fixture.wire, "HTTP/1.1 301 Moved Permanently\r\n"));
    assert_true(wrote(fixture.wire, "\r\nLocation: /swagger/\r\n"));
    assert_true(wrote(fixture.wire, "Keep-Alive: "));
    end(&fixture);
}

static void answers_that_nobody_takes_are_freed(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, own);
    send_text(fixture.wire, GOOD GOOD GOOD);
    complete(fixture.wire, 1, 1, 0, OK); /* waits for the first */
    assert_string_equal(statuses(fixture.wire), "");
    assert_true(fixture.wire->session.owed >= 3 * sizeof(struct route_reply));
    end(&fixture);
}

static void an_unknown_reply_or_placeholder_is_a_problem_of_the_route(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    const char *paths[] = { "/a/{user}", "/b/{rest...}" };
    struct reply_options replies[] = { { .file = "c.yaml", .line = 3, .name = "x_one" },
                                       { .file = "c.yaml", .line = 4, .name = "two" } };
    struct reply_list list = { replies, 2 };
    struct route_options route = { .file = "c.yaml", .line = 9, .scope = "x_", .path = { paths, 2 }, .reply = "three" };
    assert_null(route_replies_compile(&list, &route, false, "routes[0].reply", &problems));
    assert_string_equal(buf_c_string(&problems),
                        "c.yaml:9: routes[0].reply: found \"three\", expected a name of replies: x_one two\n");
    buf_clear(&problems);
    route.reply = "one"; /* of its own file first */
    replies[0].outcomes[REPLY_ANY].text = "{path.user}{path.rest}{id}";
    struct reply_set *set = route_replies_compile(&list, &route, false, "routes[0].reply", &problems);
    assert_non_null(set);
    reply_set_free(set);
    replies[0].outcomes[REPLY_ANY].text = "{path.use}";
    assert_null(route_replies_compile(&list, &route, false, "routes[0].reply", &problems));
    assert_non_null(strstr(buf_c_string(&problems), "c.yaml:3: replies.x_one.any.text: found a template that cannot"));
    replies[0].outcomes[REPLY_ANY].text = "{value}";
    assert_null(route_replies_compile(&list, &route, false, "routes[0].reply", &problems));
    set = route_replies_compile(&list, &route, true, "routes[0].reply", &problems);
    assert_non_null(set);
    reply_set_free(set);
    buf_release(&problems);
}

static void an_entry_that_nobody_names_is_checked_and_each_problem_told_once(void **state)
{
    (void)state;
    struct buf problems = { 0 };
    struct reply_options replies[] = { { .file = "c.yaml", .line = 3, .name = "one" },
                                       { .file = "c.yaml", .line = 4, .name = "two" } };
    struct reply_list list = { replies, 2 };
    replies[0].outcomes[REPLY_ANY].text = "{whatever}";
    assert_true(reply_list_check(&list, &problems));
    replies[1].outcomes[REPLY_OK].json = "no";
    const char *line =
        "c.yaml:4: replies.two.ok.json: found a template that cannot be used, at no: this is no JSON: a text "
        "needs quotes\n";
    assert_false(reply_list_check(&list, &problems));
    assert_string_equal(buf_c_string(&problems), line);
    assert_false(reply_list_check(&list, &problems));
    assert_string_equal(buf_c_string(&problems), line);
    buf_release(&problems);
}

static void a_reply_may_be_read_by_the_origins_that_are_allowed(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_one(&fixture, own);
    send_text(fixture.wire, HEAD "Origin: https://shop.example\r\n" BODY "?\"a\":1}");
    assert_true(wrote(fixture.wire, "HTTP/1.1 422 "));
    assert_true(wrote(fixture.wire, "Access-Control-Allow-Origin: https://shop.example\r\n"));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_outcome_has_its_reply),
        cmocka_unit_test(a_refusal_before_the_body_has_its_reply_too),
        cmocka_unit_test(many_events_are_listed_and_counted),
        cmocka_unit_test(what_a_reply_hides_is_counted),
        cmocka_unit_test(values_of_the_request_outlive_its_bytes),
        cmocka_unit_test(a_value_for_which_there_is_no_room_is_missing),
        cmocka_unit_test(redirects_of_clients_lead_where_they_may),
        cmocka_unit_test(a_route_without_events_has_one_reply),
        cmocka_unit_test(answers_that_nobody_takes_are_freed),
        cmocka_unit_test(an_unknown_reply_or_placeholder_is_a_problem_of_the_route),
        cmocka_unit_test(an_entry_that_nobody_names_is_checked_and_each_problem_told_once),
        cmocka_unit_test(a_reply_may_be_read_by_the_origins_that_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
