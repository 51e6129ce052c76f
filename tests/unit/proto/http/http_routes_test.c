#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/http/http_routes.h"

static const struct page pages[] = {
    { .path = "/livez", .methods = METHOD_BIT(HTTP_GET), .admin = true },
    { .path = "/events/metrics", .methods = METHOD_BIT(HTTP_GET) },
};

static void paths_and_methods_lead_to_routes(void **state)
{
    (void)state;
    static const struct {
        enum route_side side;
        const char *path;
        enum http_method method;
        bool found;
        unsigned allow;
    } rows[] = {
        { SIDE_ALL, "/events", HTTP_POST, true, 0 },
        { SIDE_ALL, "/events/bulk", HTTP_PUT, true, 0 },
        { SIDE_ALL, "/events", HTTP_GET, false,
          METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT) | METHOD_BIT(HTTP_OPTIONS) },
        { SIDE_ALL, "/events/", HTTP_POST, true, 0 }, /* as some clients join a base and a path */
        { SIDE_ALL, "/events/bulk/", HTTP_POST, true, 0 },
        { SIDE_ALL, "/ws/", HTTP_GET, true, 0 },
        { SIDE_ALL, "/livez/", HTTP_HEAD, true, 0 },
        { SIDE_ALL, "/events/", HTTP_GET, false,
          METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT) | METHOD_BIT(HTTP_OPTIONS) },
        { SIDE_ALL, "/events//", HTTP_POST, false, 0 },
        { SIDE_ALL, "/", HTTP_GET, false, 0 },
        { SIDE_ALL, "/ws", HTTP_GET, true, 0 },
        { SIDE_PUBLIC, "/tr/v1/ws", HTTP_GET, true, 0 },
        { SIDE_ALL, "/ws", HTTP_HEAD, false, METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_OPTIONS) },
        { SIDE_ADMIN, "/ws", HTTP_GET, false, 0 },
        { SIDE_ALL, "/livez", HTTP_HEAD, true, 0 },
        { SIDE_ALL, "/livez", HTTP_OTHER, false,
          METHOD_BIT(HTTP_GET) | METHOD_BIT(HTTP_HEAD) | METHOD_BIT(HTTP_OPTIONS) },
        { SIDE_PUBLIC, "/livez", HTTP_GET, false, 0 },
        { SIDE_PUBLIC, "/events/metrics", HTTP_GET, true, 0 },
        { SIDE_ADMIN, "/livez", HTTP_GET, true, 0 },
        { SIDE_ADMIN, "/events", HTTP_POST, false, 0 },
        { SIDE_ADMIN, "/events/metrics", HTTP_GET, false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_routes routes;
        unsigned allow;
        assert_true(http_routes_init(&routes, pages, ARRAY_LENGTH(pages), rows[i].side));
        const struct http_route *route =
            http_routes_find(&routes, slice_from_string(rows[i].path), rows[i].method, &allow);
        assert_int_equal(route != NULL, rows[i].found);
        assert_int_equal(allow, rows[i].allow);
        http_routes_release(&routes);
    }
}

static void the_silent_route_of_websockets_has_acks_off(void **state)
{
    (void)state;
    struct http_routes routes;
    unsigned allow;
    assert_true(http_routes_init(&routes, pages, ARRAY_LENGTH(pages), SIDE_ALL));
    const struct http_route *loud = http_routes_find(&routes, SLICE("/ws"), HTTP_GET, &allow);
    const struct http_route *silent = http_routes_find(&routes, SLICE("/tr/v1/ws"), HTTP_GET, &allow);
    assert_int_equal(loud->kind, ROUTE_WEBSOCKET);
    assert_int_equal(silent->kind, ROUTE_WEBSOCKET);
    assert_true(loud->acks && !silent->acks);
    http_routes_release(&routes);
}

static void arguments_are_found_and_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *query, *value; /* NULL: absent */
        bool malformed;
    } rows[] = {
        { "a=1&name=x", "x", false },
        { "name=a%20b+c", "a b c", false },
        { "name=", "", false },
        { "name", "", false },
        { "names=x", NULL, false },
        { "", NULL, false },
        { "name=%", "", true },
        { "name=%4", "", true },
        { "name=%zz", "", true },
        { "name=1&name=2", "1", false },
        { "name=%41%c3%A9", "A\xc3\xa9", false },
        { "name=a=b", "a=b", false },
    };
    struct buf out = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool malformed;
        bool found = page_argument(slice_from_string(rows[i].query), "name", &out, &malformed);
        assert_int_equal(found, rows[i].value != NULL);
        assert_int_equal(malformed, rows[i].malformed);
        if (rows[i].value != NULL && !malformed) {
            assert_string_equal(buf_c_string(&out), rows[i].value);
        }
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_and_methods_lead_to_routes),
        cmocka_unit_test(the_silent_route_of_websockets_has_acks_off),
        cmocka_unit_test(arguments_are_found_and_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
