/* What is said against routes, each alone and all together, and which rows come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/options/options.h"
#include "event/stream.h"
#include "pipeline/payload/stream_choice.h"
#include "proto/front/captures.h"
#include "proto/front/page.h"
#include "proto/route/route_compile.h"
#include "proto/route/route_table.h"

#define STREAMS                                                                                                        \
    "streams:\n"                                                                                                       \
    "  - { name: events, fields: [ { name: a, type: String } ] }\n"                                                    \
    "  - { name: orders, fields: [ { name: a, type: String } ] }\n"

#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)

static const struct page pages[] = {
    { .path = "/metrics", .methods = METHOD_BIT(HTTP_GET), .admin = true },
    { .path = "/demo", .methods = METHOD_BIT(HTTP_GET) },
};

struct built {
    struct config config;
    struct stream *streams[2];
    struct routes routes;
    struct route_list list;
    struct buf problems;
    bool good;
};

static const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

static void build(struct built *built, const char *text)
{
    struct buf whole = { 0 };
    *built = (struct built){ 0 };
    buf_append_string(&whole, text);
    buf_append_string(&whole, STREAMS);
    if (!config_parse(&built->config, "t.yaml", buf_slice(&whole), nothing_set, &built->problems)) {
        fail_msg("%s", buf_c_string(&built->problems));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(built->streams); i++) {
        built->streams[i] = stream_compile(&built->config.streams[i], i, &built->problems);
        assert_non_null(built->streams[i]);
    }
    const struct route_scene scene = { .streams = built->streams,
                                       .stream_count = ARRAY_LENGTH(built->streams),
                                       .http = &built->config.http,
                                       .replies = { built->config.replies, built->config.reply_count } };
    built->good =
        routes_compile(&built->routes, built->config.routes, built->config.route_count, &scene, &built->problems) &&
        route_list_add_own(&built->list) && route_list_add_pages(&built->list, pages, ARRAY_LENGTH(pages)) &&
        route_list_add_routes(&built->list, &built->routes) &&
        routes_check(&built->list, &built->config.http, &built->problems);
    buf_release(&whole);
}

static void tear_down(struct built *built)
{
    route_list_release(&built->list);
    routes_release(&built->routes);
    for (size_t i = 0; i < ARRAY_LENGTH(built->streams); i++) {
        stream_free(built->streams[i]);
    }
    config_free(&built->config);
    buf_release(&built->problems);
}

/* NULL: nothing is wrong. */
static void must_say(const char *text, const char *expected)
{
    struct built built;
    build(&built, text);
    assert_string_equal(buf_c_string(&built.problems), expected != NULL ? expected : "");
    assert_int_equal(built.good, expected == NULL);
    tear_down(&built);
}

static void a_route_that_cannot_be_is_told_by_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *route, *problem;
    } rows[] = {
        { "{ path: a }", "path: found \"a\", expected a path that begins with \"/\"" },
        { "{ path: /a, stream: order }", "stream: there is no stream \"order\"; there are: events, orders" },
        { "{ path: /a, stream: { name: orders, capture: x } }",
          "stream: found two ways to choose it, expected one of name, capture, by" },
        { "{ path: ['/a/{x}', /a], stream: { capture: x } }",
          "stream.capture: found \"x\", expected a name in braces of the path /a" },
        { "{ path: /a, stream: { name: orders, else: events } }",
          "stream: found names or else without by, expected the member of the event that chooses" },
        { "{ path: /a, stream: { by: t, names: { x: orders } } }",
          "stream.by: found it without items: one, expected that: the events of a list go to one stream" },
        { "{ path: /a, items: one, stream: { by: t, names: { x: order } } }",
          "stream.names: there is no stream \"order\"; there are: events, orders" },
        { "{ path: /a, methods: [GET] }",
          "event: found nothing but a body, which a GET has not; expected other sources: event: [ { query: \"*\" } ]" },
        { "{ path: /a, methods: POST, websocket: true }",
          "methods: found others than GET, expected GET: a WebSocket is opened by it" },
        { "{ path: /a, host: 'http://x' }",
          "host: found \"http://x\", expected a name as clients send it in Host: events.example, *.events.example or "
          "events.example:8443" },
        { "{ path: /a, items: one, envelope: [sent_at] }",
          "items: found \"one\" beside envelope, which is of lists; expected the member that holds the list" },
        { "{ path: '/a/{x}', event: [ body, { path: [y] } ] }",
          "event.path: found \"y\", expected a name that stands in braces in the path" },
        { "{ path: ['/a/{x}'], event: [ body, { pairs: rest } ] }",
          "event.pairs: found \"rest\", expected a name that stands in braces in the path" },
        { "{ path: /a, max_events: 1000000 }",
          "max_events: found 1000000, expected at most http.max_events, which is 100000" },
        { "{ path: /a, max_body: 1GiB }",
          "max_body: found 1073741824 bytes, expected at most http.max_body, which is 16777216" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[512], expected[512];
        const char *path = strstr(rows[i].route, "path: [") != NULL ? "/a/{x}" : i == 0 ? "a" : "/a";
        snprintf(text, sizeof text, "routes:\n  - %s\n", rows[i].route);
        snprintf(expected, sizeof expected, "t.yaml:2: routes: %s: %s\n", path, rows[i].problem);
        must_say(text, expected);
    }
}

static void a_reply_must_be_there_and_fit_its_route(void **state)
{
    (void)state;
    must_say("routes:\n"
             "  - { path: /a, reply: two }\n"
             "replies:\n"
             "  one: { any: { empty: true } }\n",
             "t.yaml:2: routes: /a: reply: found \"two\", expected a name of replies: one\n");
    must_say(
        "routes:\n"
        "  - { path: /a, methods: GET, reply: one }\n"
        "replies:\n"
        "  one: { accepted: { empty: true } }\n",
        "t.yaml:2: routes: /a: reply: found \"one\", which has neither `ok` nor `any`; expected one of them, as this "
        "route takes no events (without `stream` and `event`)\n");
    must_say(
        "routes:\n"
        "  - { path: '/a/{user}', reply: one }\n"
        "replies:\n"
        "  one: { any: { text: '{path.usr}' } }\n",
        "t.yaml:4: replies.one.any.text: found a template that cannot be used, at {path.usr}: there is no placeholder "
        "of this name here; docs/routes.md and docs/queries.md list them\n");
}

static void a_clash_names_both_places(void **state)
{
    (void)state;
    must_say("routes:\n"
             "  - { path: '/a/{x}', methods: [POST, PUT] }\n"
             "  - { path: '/a/{y}/', methods: [PUT] }\n",
             "t.yaml:3: found PUT /a/{y}, which t.yaml:2 serves already; expected another path or method, or a host of "
             "its own\n");
    must_say(
        "routes:\n"
        "  - { path: /a, host: a.example }\n"
        "  - { path: [/b, /a], host: [b.example, \"*.example\"] }\n",
        "t.yaml:3: found POST /a, which t.yaml:2 serves already for the same host; expected another path or method, "
        "or a host of its own\n");
}

static void what_is_told_apart_is_no_clash(void **state)
{
    (void)state;
    must_say("routes:\n"
             "  - { path: /a, methods: [POST] }\n"
             "  - { path: /a, methods: [PUT, PATCH] }\n"
             "  - { path: /a, host: a.example }\n"
             "  - { path: /a, host: [b.example, \"*.c.example\"] }\n"
             "  - { path: /a, order: last }\n"
             "  - { path: /b, slash: exact }\n"
             "  - { path: /b/, slash: exact }\n"
             "  - { path: [/events, /events/bulk, /demo] }\n",
             NULL);
}

static void a_page_of_operators_needs_a_place_to_stay(void **state)
{
    (void)state;
    static const char *const route = "  - { path: /metrics, methods: [GET], event: [ { query: \"*\" } ] }\n";
    char text[256];
    snprintf(text, sizeof text, "routes:\n%s", route);
    must_say(text,
             "t.yaml:2: found /metrics, which is a page of operators; expected admin.listen to be given, where that "
             "page stays (or an entry of http.listeners with serves: [admin])\n");
    snprintf(text, sizeof text, "admin: { listen: \"127.0.0.1:9090\" }\nroutes:\n%s", route);
    must_say(text, NULL);
    must_say("routes:\n"
             "  - { path: /metrics, methods: [GET], event: [ { query: \"*\" } ], host: a.example }\n"
             "  - { path: /metrics, methods: [POST] }\n",
             NULL);
}

static const struct route *find(struct built *built, const char *path, enum http_method method)
{
    struct route_table table;
    struct captures captures;
    unsigned allow;
    assert_true(route_table_init(&table, &built->list, ALL, &built->problems));
    const struct route *found = route_table_find(&table, slice_from_string(path), SLICE(""), method, &captures, &allow);
    const struct route *row = NULL;
    for (size_t i = 0; found != NULL && i < built->list.count; i++) {
        row = built->list.items[i].events == found->events ? &built->list.items[i] : row;
    }
    route_table_release(&table);
    return row;
}

static void routes_become_rows_with_what_they_say_of_events(void **state)
{
    (void)state;
    struct built built;
    build(&built,
          "routes:\n"
          "  - { path: [/a, /b], stream: orders, items: one, ack: stored, max_body: 1KiB }\n"
          "  - { path: /c, items: data, envelope: [sentAt, x], atomic: true, allow_empty: true, max_events: 7 }\n"
          "  - { path: '/d/{s}', items: \"batch?\", stream: { capture: s } }\n"
          "  - { path: /e, items: one, stream: { by: t, names: { x: orders, y: events }, else: orders } }\n"
          "  - { path: /f, items: one, stream: { by: t } }\n"
          "  - { path: /w, websocket: true, acks: false, stream: orders }\n"
          "  - { path: /r, methods: GET, reply: swagger }\n"
          "  - { path: /p, methods: [GET, POST], reply: pixel, event: [ { query: \"*\" } ] }\n"
          "replies:\n"
          "  swagger: { ok: { redirect: /swagger/ } }\n"
          "  pixel: { any: { gif: true } }\n");
    assert_true(built.good);
    const struct event_route *a = find(&built, "/a", HTTP_POST)->events, *c = find(&built, "/c", HTTP_POST)->events;
    assert_ptr_equal(a, find(&built, "/b", HTTP_POST)->events);
    assert_ptr_equal(a->stream, built.streams[1]);
    assert_int_equal(a->form, PAYLOAD_ONE);
    assert_true(a->waits_stored);
    assert_int_equal(a->max_body_bytes, 1024);
    assert_ptr_equal(c->stream, built.streams[0]);
    assert_int_equal(c->form, PAYLOAD_MEMBER);
    assert_true(slice_equal(c->shape.items, SLICE("data")) && c->shape.atomic && c->shape.allow_empty);
    assert_int_equal(c->shape.max_events, 7);
    assert_int_equal(c->shape.envelope_count, 2);
    assert_true(slice_equal(c->shape.envelope[0], SLICE("sentAt")));
    const struct event_route *d = find(&built, "/d/1", HTTP_POST)->events;
    assert_int_equal(d->form, PAYLOAD_MANY);
    assert_true(slice_equal(d->shape.items, SLICE("batch")) && slice_equal(d->stream_capture, SLICE("s")));
    assert_null(d->stream);
    const struct event_route *e = find(&built, "/e", HTTP_POST)->events, *f = find(&built, "/f", HTTP_POST)->events;
    assert_int_equal(e->shape.choice->count, 2);
    assert_ptr_equal(e->shape.choice->otherwise, built.streams[1]);
    assert_ptr_equal(e->shape.choice->streams[1], built.streams[0]);
    assert_int_equal(f->shape.choice->count, 2);
    assert_true(slice_equal(f->shape.choice->values[1], SLICE("orders")));
    assert_null(f->shape.choice->otherwise);
    assert_int_equal(find(&built, "/w", HTTP_GET)->kind, ROUTE_WEBSOCKET);
    assert_null(find(&built, "/w", HTTP_HEAD));
    assert_false(find(&built, "/w", HTTP_GET)->acks);
    assert_int_equal(find(&built, "/r", HTTP_HEAD)->kind, ROUTE_REPLY);
    assert_non_null(find(&built, "/r", HTTP_HEAD)->replies);
    assert_int_equal(find(&built, "/p", HTTP_HEAD)->kind, ROUTE_EVENTS);
    assert_non_null(find(&built, "/p", HTTP_HEAD)->events->replies);
    tear_down(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_that_cannot_be_is_told_by_its_line),
        cmocka_unit_test(a_reply_must_be_there_and_fit_its_route),
        cmocka_unit_test(a_clash_names_both_places),
        cmocka_unit_test(what_is_told_apart_is_no_clash),
        cmocka_unit_test(a_page_of_operators_needs_a_place_to_stay),
        cmocka_unit_test(routes_become_rows_with_what_they_say_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
