/* Turns a path and a method into the route that serves them, and a query into its arguments. */
#include "proto/http/http_routes.h"

#include "config/options/http_options.h"
#include "proto/front/page.h"

#include <stdlib.h>

#define POST (METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT)) /* of events both mean the same */
#define GET METHOD_BIT(HTTP_GET)

static const struct http_route event_routes[] = {
    { .path = { "/events", 7 }, .methods = POST, .kind = ROUTE_EVENTS, .form = PAYLOAD_ONE },
    { .path = { "/events/bulk", 12 }, .methods = POST, .kind = ROUTE_EVENTS, .form = PAYLOAD_MANY },
    { .path = { "/events/batch", 13 }, .methods = POST, .kind = ROUTE_EVENTS, .form = PAYLOAD_MANY },
    { .path = { "/ws", 3 }, .methods = GET, .kind = ROUTE_WEBSOCKET, .acks = true },
    { .path = { "/tr/v1/ws", 9 }, .methods = GET, .kind = ROUTE_WEBSOCKET, .acks = false },
};

/* What a listener must serve for this route to be there. */
static unsigned side_of(const struct http_route *route)
{
    if (route->kind != ROUTE_PAGE) {
        return SERVES_EVENTS;
    }
    return route->page->admin ? SERVES_ADMIN : SERVES_PAGES;
}

static void add(struct http_routes *routes, const struct http_route *route, unsigned serves, bool here)
{
    if (((serves & side_of(route)) != 0) == here) {
        routes->items[routes->known++] = *route;
        routes->count += here;
    }
}

/* Of all routes those that are served here, or the others. */
static void add_all(struct http_routes *routes, const struct page *pages, size_t count, unsigned serves, bool here)
{
    for (size_t i = 0; i < ARRAY_LENGTH(event_routes); i++) {
        add(routes, &event_routes[i], serves, here);
    }
    for (size_t i = 0; i < count; i++) {
        unsigned head = (pages[i].methods & METHOD_BIT(HTTP_GET)) != 0 ? METHOD_BIT(HTTP_HEAD) : 0;
        struct http_route route = {
            .path = slice_from_string(pages[i].path),
            .methods = pages[i].methods | head,
            .kind = ROUTE_PAGE,
            .page = &pages[i],
        };
        add(routes, &route, serves, here);
    }
}

bool http_routes_init(struct http_routes *routes, const struct page *pages, size_t count, unsigned serves)
{
    *routes = (struct http_routes){ .items = calloc(count + ARRAY_LENGTH(event_routes), sizeof *routes->items) };
    if (routes->items == NULL) {
        return false;
    }
    add_all(routes, pages, count, serves, true);
    add_all(routes, pages, count, serves, false);
    return true;
}

void http_routes_release(struct http_routes *routes)
{
    free(routes->items);
    *routes = (struct http_routes){ 0 };
}

/* "/events/" is "/events". */
static inline struct slice without_slash(struct slice path)
{
    return slice_make(path.data, path.len - (path.len > 1 && path.data[path.len - 1] == '/'));
}

const struct http_route *http_routes_find(const struct http_routes *routes, struct slice path, enum http_method method,
                                          unsigned *allow)
{
    *allow = 0;
    path = without_slash(path);
    for (size_t i = 0; i < routes->count; i++) {
        const struct http_route *route = &routes->items[i];
        if (slice_equal(route->path, path)) {
            if (method != HTTP_OTHER && (route->methods & METHOD_BIT(method)) != 0) {
                return route;
            }
            *allow |= route->methods | METHOD_BIT(HTTP_OPTIONS);
        }
    }
    return NULL;
}

bool http_routes_serve_elsewhere(const struct http_routes *routes, struct slice path)
{
    path = without_slash(path);
    for (size_t i = routes->count; i < routes->known; i++) {
        if (slice_equal(routes->items[i].path, path)) {
            return true;
        }
    }
    return false;
}

bool http_unescape(struct slice text, bool plus_is_space, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        buf_append_byte(out, (uint8_t)c);
    }
    return true;
}

bool page_argument(struct slice query, const char *name, struct buf *out, bool *malformed)
{
    struct slice rest = query, pair;
    buf_clear(out);
    *malformed = false;
    while (slice_split(&rest, '&', &pair)) {
        struct slice value = pair, key;
        slice_split(&value, '=', &key);
        if (key.data != NULL && slice_equal(key, slice_from_string(name))) {
            *malformed = value.data != NULL && !http_unescape(value, true, out);
            return true;
        }
    }
    return false;
}
