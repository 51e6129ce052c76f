/* Which row of the table serves a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "config/options/http_options.h"
#include "config/options/string_list.h"
#include "proto/front/page.h"
#include "proto/route/route_pattern.h"
#include "proto/route/route_table.h"

#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)
#define BUT_ADMIN (SERVES_EVENTS | SERVES_PAGES)
#define GET METHOD_BIT(HTTP_GET)
#define POST METHOD_BIT(HTTP_POST)

static const struct page pages[] = {
    { .path = "/livez", .methods = GET, .admin = true },
    { .path = "/events/metrics", .methods = GET },
};

struct fixture {
    struct route_list list;
    struct route_table table;
    struct captures captures;
    unsigned allow;
};

static void set_up_table(struct fixture *fixture, const struct route *rows, size_t count, unsigned serves)
{
    struct buf problem = { 0 };
    *fixture = (struct fixture){ 0 };
    assert_true(route_list_add_own(&fixture->list));
    assert_true(route_list_add_pages(&fixture->list, pages, ARRAY_LENGTH(pages)));
    for (size_t i = 0; i < count; i++) {
        assert_true(route_list_add(&fixture->list, &rows[i]));
    }
    assert_true(route_table_init(&fixture->table, &fixture->list, serves, &problem));
}

static void tear_down_table(struct fixture *fixture)
{
    route_table_release(&fixture->table);
    route_list_release(&fixture->list);
}

static const struct route *find(struct fixture *fixture, const char *host, enum http_method method, const char *path)
{
    return route_table_find(&fixture->table, slice_from_string(path), slice_from_string(host), method,
                            &fixture->captures, &fixture->allow);
}

static void paths_and_methods_lead_to_routes(void **state)
{
    (void)state;
    static const struct {
        unsigned serves;
        const char *path;
        enum http_method method;
        bool found;
        unsigned allow;
    } rows[] = {
        { ALL, "/events", HTTP_POST, true, 0 },
        { ALL, "/events/bulk", HTTP_PUT, true, 0 },
        { ALL, "/events", HTTP_GET, false, METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT) | METHOD_BIT(HTTP_OPTIONS) },
        { ALL, "/events/", HTTP_POST, true, 0 }, /* as some clients join a base and a path */
        { ALL, "/events/bulk/", HTTP_POST, true, 0 },
        { ALL, "/ws/", HTTP_GET, true, 0 },
        { ALL, "/livez/", HTTP_HEAD, true, 0 },
        { ALL, "/events/", HTTP_GET, false, METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT) | METHOD_BIT(HTTP_OPTIONS) },
        { ALL, "/events//", HTTP_POST, false, 0 },
        { ALL, "/", HTTP_GET, false, 0 },
        { ALL, "/ws", HTTP_GET, true, 0 },
        { BUT_ADMIN, "/tr/v1/ws", HTTP_GET, true, 0 },
        { ALL, "/ws", HTTP_HEAD, false, METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_OPTIONS) },
        { SERVES_ADMIN, "/ws", HTTP_GET, false, 0 },
        { ALL, "/livez", HTTP_HEAD, true, 0 },
        { ALL, "/livez", HTTP_OTHER, false, METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_HEAD) | METHOD_BIT(HTTP_OPTIONS) },
        { BUT_ADMIN, "/livez", HTTP_GET, false, 0 },
        { BUT_ADMIN, "/events/metrics", HTTP_GET, true, 0 },
        { SERVES_ADMIN, "/livez", HTTP_GET, true, 0 },
        { SERVES_ADMIN, "/events", HTTP_POST, false, 0 },
        { SERVES_ADMIN, "/events/metrics", HTTP_GET, false, 0 },
        { SERVES_EVENTS, "/events/batch", HTTP_POST, true, 0 },
        { SERVES_EVENTS, "/events/metrics", HTTP_GET, false, 0 },
        { SERVES_EVENTS, "/livez", HTTP_GET, false, 0 },
        { SERVES_PAGES, "/events/metrics", HTTP_HEAD, true, 0 },
        { SERVES_PAGES, "/events", HTTP_POST, false, 0 },
        { SERVES_PAGES, "/livez", HTTP_GET, false, 0 },
        { SERVES_PAGES | SERVES_ADMIN, "/livez", HTTP_GET, true, 0 },
        { SERVES_PAGES | SERVES_ADMIN, "/ws", HTTP_GET, false, 0 },
        { SERVES_ROUTES, "/events", HTTP_POST, false, 0 }, /* which are the configuration's alone */
        { SERVES_ROUTES, "/events/metrics", HTTP_GET, false, 0 },
        { SERVES_ROUTES | SERVES_ADMIN, "/livez", HTTP_GET, true, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fixture fixture;
        set_up_table(&fixture, NULL, 0, rows[i].serves);
        assert_int_equal(find(&fixture, "", rows[i].method, rows[i].path) != NULL, rows[i].found);
        assert_int_equal(fixture.allow, rows[i].allow);
        tear_down_table(&fixture);
    }
}

static void knows_the_paths_that_other_listeners_serve(void **state)
{
    (void)state;
    static const struct {
        unsigned serves;
        const char *path;
        bool elsewhere;
    } rows[] = {
        { ALL, "/livez", false },
        { ALL, "/nothing", false },
        { BUT_ADMIN, "/livez", true },
        { BUT_ADMIN, "/livez/", true },
        { BUT_ADMIN, "/events", false },
        { BUT_ADMIN, "/nothing", false },
        { SERVES_ADMIN, "/events", true },
        { SERVES_ADMIN, "/ws", true },
        { SERVES_ADMIN, "/events/metrics", true },
        { SERVES_EVENTS, "/events/metrics", true },
        { SERVES_PAGES, "/events/bulk", true },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fixture fixture;
        set_up_table(&fixture, NULL, 0, rows[i].serves);
        assert_int_equal(route_table_serves_elsewhere(&fixture.table, slice_from_string(rows[i].path)),
                         rows[i].elsewhere);
        tear_down_table(&fixture);
    }
}

static void the_silent_route_of_websockets_has_acks_off(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_table(&fixture, NULL, 0, ALL);
    const struct route *loud = find(&fixture, "", HTTP_GET, "/ws"), *silent = find(&fixture, "", HTTP_GET, "/tr/v1/ws");
    assert_int_equal(loud->kind, ROUTE_WEBSOCKET);
    assert_int_equal(silent->kind, ROUTE_WEBSOCKET);
    assert_true(loud->acks && !silent->acks);
    tear_down_table(&fixture);
}

/* Rows of a configuration, told apart by their lines. */
#define ROW(number, of_path, of_methods, ...)                                                                          \
    {                                                                                                                  \
        .kind = ROUTE_EVENTS, .methods = (of_methods), .path = (of_path), .file = "t.yaml", .line = (number),          \
        __VA_ARGS__                                                                                                    \
    }

/* 0: none. */
static int line_of(struct fixture *fixture, const char *host, enum http_method method, const char *path)
{
    const struct route *route = find(fixture, host, method, path);
    return route == NULL ? 0 : route->line;
}

static void paths_come_before_names_and_names_before_rests(void **state)
{
    (void)state;
    static const struct route rows[] = {
        ROW(1, "/a/{rest...}", POST), ROW(2, "/a/{x}", POST),        ROW(3, "/a/b", POST),
        ROW(4, "/{x}/b", POST),       ROW(5, "/a/{x}/{y...}", POST), ROW(6, "/{all...}", POST, .last = true),
    };
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/a/b"), 3);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/a/c"), 2);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/a/c/d"), 5);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/a/"), 1);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/c/b"), 4);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/c/c"), 6);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/"), 6);
    tear_down_table(&fixture);
}

static void what_is_asked_last_does_not_turn_a_wrong_method_into_its_own(void **state)
{
    (void)state;
    static const struct route rows[] = { ROW(1, "/{slug...}", GET, .last = true) };
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    assert_int_equal(line_of(&fixture, "", HTTP_GET, "/events"), 0);
    assert_int_equal(fixture.allow, POST | METHOD_BIT(HTTP_PUT) | METHOD_BIT(HTTP_OPTIONS));
    assert_int_equal(line_of(&fixture, "", HTTP_GET, "/anything"), 1);
    tear_down_table(&fixture);
}

static void a_route_is_served_by_its_hosts_alone_and_before_those_of_all(void **state)
{
    (void)state;
    static const char *a[] = { "a.example" }, *b[] = { "*.b.example", "c.example:8443" };
    static const struct string_list of_a = { a, 1 }, of_b = { b, 2 };
    static const struct route rows[] = {
        ROW(1, "/x", POST),
        ROW(2, "/x", POST, .hosts = &of_a),
        ROW(3, "/x", POST, .hosts = &of_b),
        ROW(4, "/y", POST, .hosts = &of_a),
    };
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    assert_int_equal(line_of(&fixture, "a.example", HTTP_POST, "/x"), 2);
    assert_int_equal(line_of(&fixture, "A.example.:99", HTTP_POST, "/x"), 2);
    assert_int_equal(line_of(&fixture, "x.b.example", HTTP_POST, "/x"), 3);
    assert_int_equal(line_of(&fixture, "c.example:8443", HTTP_POST, "/x"), 3);
    assert_int_equal(line_of(&fixture, "c.example", HTTP_POST, "/x"), 1);
    assert_int_equal(line_of(&fixture, "127.0.0.1", HTTP_POST, "/x"), 1);
    assert_int_equal(line_of(&fixture, "b.example", HTTP_POST, "/y"), 0);
    assert_int_equal(fixture.allow, 0);
    tear_down_table(&fixture);
}

static void the_configuration_comes_before_what_is_built_in(void **state)
{
    (void)state;
    static const struct page own = { .path = "/livez", .methods = GET, .file = "t.yaml", .line = 7 };
    static const struct route rows[] = {
        ROW(1, "/events", POST),
        { .kind = ROUTE_PAGE, .methods = GET, .path = "/livez", .page = &own, .file = "t.yaml", .line = 7 },
        { .kind = ROUTE_PAGE, .methods = GET, .path = "/events/bulk", .page = &own, .file = "t.yaml", .line = 8 },
    };
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    assert_int_equal(line_of(&fixture, "", HTTP_POST, "/events"), 1);
    assert_null(find(&fixture, "", HTTP_PUT, "/events")); /* ours would answer otherwise */
    assert_int_equal(fixture.allow, POST | METHOD_BIT(HTTP_OPTIONS));
    assert_int_equal(line_of(&fixture, "", HTTP_GET, "/livez"), 7);
    assert_int_equal(line_of(&fixture, "", HTTP_GET, "/events/bulk"), 8);
    assert_non_null(find(&fixture, "", HTTP_POST, "/events/bulk")); /* a page takes no events away */
    tear_down_table(&fixture);
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), SERVES_ADMIN);
    assert_ptr_equal(find(&fixture, "", HTTP_GET, "/livez")->page, &pages[0]);
    tear_down_table(&fixture);
}

static void a_slash_at_the_end_is_of_no_meaning_unless_it_is_exact(void **state)
{
    (void)state;
    static const struct route rows[] = {
        ROW(1, "/a", POST),
        ROW(2, "/b", POST, .exact_slash = true),
        ROW(3, "/b/", POST, .exact_slash = true),
        ROW(4, "/c/{x}", POST, .exact_slash = true),
        ROW(5, "/d/{x...}", POST, .exact_slash = true),
        ROW(6, "/e/{x...}", POST),
        ROW(7, "/f/", POST),
        ROW(8, "/g/{x}", POST),
    };
    static const struct {
        const char *path;
        int line;
    } expected[] = { { "/a", 1 },    { "/a/", 1 },  { "/a//", 0 },  { "/b", 2 },  { "/b/", 3 }, { "/c/1", 4 },
                     { "/c/1/", 0 }, { "/d/", 5 },  { "/d", 0 },    { "/e", 6 },  { "/e/", 6 }, { "/f", 7 },
                     { "/f/", 7 },   { "/g/1", 8 }, { "/g/1/", 8 }, { "/g/", 0 }, { "", 0 } };
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        assert_int_equal(line_of(&fixture, "", HTTP_POST, expected[i].path), expected[i].line);
    }
    tear_down_table(&fixture);
}

static void a_stream_is_named_by_the_path_where_nothing_else_is(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_table(&fixture, NULL, 0, ALL);
    const struct route *one = find(&fixture, "", HTTP_POST, "/events/orders");
    assert_int_equal(one->events->form, PAYLOAD_ONE);
    assert_true(slice_equal(captures_find(&fixture.captures, one->events->stream_capture), SLICE("orders")));
    const struct route *many = find(&fixture, "", HTTP_PUT, "/events/orders/bulk");
    assert_int_equal(many->events->form, PAYLOAD_MANY);
    assert_true(slice_equal(captures_find(&fixture.captures, many->events->stream_capture), SLICE("orders")));
    assert_int_equal(find(&fixture, "", HTTP_POST, "/events/bulk")->events->stream_capture.len, 0);
    assert_int_equal(fixture.captures.count, 0);
    assert_true(
        slice_equal(find(&fixture, "", HTTP_POST, "/events/bulk/bulk")->events->stream_capture, SLICE("stream")));
    assert_null(find(&fixture, "", HTTP_POST, "/events/metrics")); /* a page: its stream is reached by ?stream= */
    tear_down_table(&fixture);
}

static void a_long_path_is_found_among_others_of_its_length(void **state)
{
    (void)state;
    static char text[200][104];
    struct route rows[200];
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        snprintf(text[i], sizeof text[i], "/%0*zu", (int)(i % 100) + 3, i);
        rows[i] = (struct route)ROW((int)i + 1, text[i], POST);
    }
    struct fixture fixture;
    set_up_table(&fixture, rows, ARRAY_LENGTH(rows), ALL);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_int_equal(line_of(&fixture, "", HTTP_POST, text[i]), i + 1);
    }
    tear_down_table(&fixture);
}

static void a_path_with_escapes_is_decoded_and_a_slash_in_a_part_stays_apart_for_events_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    struct buf decoded = { 0 };
    const struct route *route;
    set_up_table(&fixture, NULL, 0, ALL);

    struct slice path = SLICE("/events/m%65trics");
    assert_true(route_table_find_sent(&fixture.table, &path, SLICE(""), HTTP_GET, &fixture.captures, &fixture.allow,
                                      &decoded, &route));
    assert_true(route != NULL && slice_equal(path, SLICE("/events/metrics")));

    path = SLICE("/events/a%2Fbulk");
    assert_true(route_table_find_sent(&fixture.table, &path, SLICE(""), HTTP_POST, &fixture.captures, &fixture.allow,
                                      &decoded, &route));
    assert_true(route != NULL && route->kind == ROUTE_EVENTS && memchr(path.data, '\0', path.len) != NULL);

    path = SLICE("/no%2Fwhere/at/all");
    assert_true(route_table_find_sent(&fixture.table, &path, SLICE(""), HTTP_GET, &fixture.captures, &fixture.allow,
                                      &decoded, &route));
    assert_true(route == NULL && slice_equal(path, SLICE("/no/where/at/all")));

    path = SLICE("/events%2");
    assert_false(route_table_find_sent(&fixture.table, &path, SLICE(""), HTTP_POST, &fixture.captures, &fixture.allow,
                                       &decoded, &route));
    buf_release(&decoded);
    tear_down_table(&fixture);
}

static void a_pattern_that_is_none_is_told(void **state)
{
    (void)state;
    struct route_list list = { 0 };
    struct route_table table;
    struct buf problem = { 0 };
    assert_true(route_list_add_own(&list));
    assert_true(route_list_add(&list, &(struct route)ROW(1, "/{", POST)));
    assert_false(route_table_init(&table, &list, ALL, &problem));
    assert_string_equal(buf_c_string(&problem), "found \"/{\", expected braces around a whole segment: /a/{name}");
    route_table_release(&table);
    route_list_release(&list);
    buf_release(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_methods_lead_to_routes),
        cmocka_unit_test(knows_the_paths_that_other_listeners_serve),
        cmocka_unit_test(the_silent_route_of_websockets_has_acks_off),
        cmocka_unit_test(paths_come_before_names_and_names_before_rests),
        cmocka_unit_test(what_is_asked_last_does_not_turn_a_wrong_method_into_its_own),
        cmocka_unit_test(a_route_is_served_by_its_hosts_alone_and_before_those_of_all),
        cmocka_unit_test(the_configuration_comes_before_what_is_built_in),
        cmocka_unit_test(a_slash_at_the_end_is_of_no_meaning_unless_it_is_exact),
        cmocka_unit_test(a_stream_is_named_by_the_path_where_nothing_else_is),
        cmocka_unit_test(a_long_path_is_found_among_others_of_its_length),
        cmocka_unit_test(a_path_with_escapes_is_decoded_and_a_slash_in_a_part_stays_apart_for_events_alone),
        cmocka_unit_test(a_pattern_that_is_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
