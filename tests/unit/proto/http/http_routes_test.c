#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options/options.h"
#include "proto/front/page.h"
#include "proto/http/http_routes.h"

#define ALL (SERVES_EVENTS | SERVES_PAGES | SERVES_ADMIN)
#define BUT_ADMIN (SERVES_EVENTS | SERVES_PAGES)

static const struct page pages[] = {
    { .path = "/livez", .methods = METHOD_BIT(HTTP_GET), .admin = true },
    { .path = "/events/metrics", .methods = METHOD_BIT(HTTP_GET) },
};

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
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct http_routes routes;
        unsigned allow;
        assert_true(http_routes_init(&routes, pages, ARRAY_LENGTH(pages), rows[i].serves));
        const struct http_route *route =
            http_routes_find(&routes, slice_from_string(rows[i].path), rows[i].method, &allow);
        assert_int_equal(route != NULL, rows[i].found);
        assert_int_equal(allow, rows[i].allow);
        http_routes_release(&routes);
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
        struct http_routes routes;
        assert_true(http_routes_init(&routes, pages, ARRAY_LENGTH(pages), rows[i].serves));
        assert_int_equal(http_routes_serve_elsewhere(&routes, slice_from_string(rows[i].path)), rows[i].elsewhere);
        http_routes_release(&routes);
    }
}

static void the_silent_route_of_websockets_has_acks_off(void **state)
{
    (void)state;
    struct http_routes routes;
    unsigned allow;
    assert_true(http_routes_init(&routes, pages, ARRAY_LENGTH(pages), ALL));
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
        cmocka_unit_test(knows_the_paths_that_other_listeners_serve),
        cmocka_unit_test(the_silent_route_of_websockets_has_acks_off),
        cmocka_unit_test(arguments_are_found_and_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
