/* Turns a path and a method into the route that serves them, and a query into its arguments. */
#include "proto/http/http_routes.h"

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

static bool is_served(const struct page *page, enum route_side side)
{
    return side == SIDE_ALL || page->admin == (side == SIDE_ADMIN);
}

bool http_routes_init(struct http_routes *routes, const struct page *pages, size_t count, enum route_side side)
{
    *routes = (struct http_routes){ calloc(count + ARRAY_LENGTH(event_routes), sizeof *routes->items), 0 };
    if (routes->items == NULL) {
        return false;
    }
    if (side != SIDE_ADMIN) {
        memcpy(routes->items, event_routes, sizeof event_routes);
        routes->count = ARRAY_LENGTH(event_routes);
    }
    for (size_t i = 0; i < count; i++) {
        if (is_served(&pages[i], side)) {
            unsigned head = (pages[i].methods & METHOD_BIT(HTTP_GET)) != 0 ? METHOD_BIT(HTTP_HEAD) : 0;
            routes->items[routes->count++] = (struct http_route){
                .path = slice_from_string(pages[i].path),
                .methods = pages[i].methods | head,
                .kind = ROUTE_PAGE,
                .page = &pages[i],
            };
        }
    }
    return true;
}

void http_routes_release(struct http_routes *routes)
{
    free(routes->items);
    *routes = (struct http_routes){ 0 };
}

const struct http_route *http_routes_find(const struct http_routes *routes, struct slice path, enum http_method method,
                                          unsigned *allow)
{
    *allow = 0;
    if (path.len > 1 && path.data[path.len - 1] == '/') {
        path.len--; /* "/events/" is "/events" */
    }
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
