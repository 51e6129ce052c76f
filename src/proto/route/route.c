/* Turns pages, and what the gateway takes by itself, into rows. */
#include "proto/route/route.h"

#include "config/options/access_options.h"
#include "config/options/http_options.h"
#include "proto/front/http_method.h"
#include "proto/front/page.h"

#include <stdlib.h>

#define POST (METHOD_BIT(HTTP_POST) | METHOD_BIT(HTTP_PUT)) /* of events both mean the same */
#define GET METHOD_BIT(HTTP_GET)

static const struct event_route one_event = { .form = PAYLOAD_ONE };
static const struct event_route many_events = { .form = PAYLOAD_MANY };
static const struct event_route one_of_stream = { .form = PAYLOAD_ONE, .stream_capture = { "stream", 6 } };
static const struct event_route many_of_stream = { .form = PAYLOAD_MANY, .stream_capture = { "stream", 6 } };

static const struct route own_routes[] = {
    { .path = "/events", .methods = POST, .kind = ROUTE_EVENTS, .events = &one_event },
    { .path = "/events/bulk", .methods = POST, .kind = ROUTE_EVENTS, .events = &many_events },
    { .path = "/events/batch", .methods = POST, .kind = ROUTE_EVENTS, .events = &many_events },
    { .path = "/ws", .methods = GET, .kind = ROUTE_WEBSOCKET, .events = &many_events, .acks = true },
    { .path = "/tr/v1/ws", .methods = GET, .kind = ROUTE_WEBSOCKET, .events = &many_events, .acks = false },
    /* Last, so that no stream, whatever it is called, changes what another path takes. */
    { .path = "/events/{stream}", .methods = POST, .kind = ROUTE_EVENTS, .events = &one_of_stream, .last = true },
    { .path = "/events/{stream}/bulk", .methods = POST, .kind = ROUTE_EVENTS, .events = &many_of_stream, .last = true },
};

static unsigned scope_of(const struct route *route)
{
    static const unsigned of_pages[] = {
        [PAGE_NEEDS_READ] = ACCESS_READ, [PAGE_NEEDS_ADMIN] = ACCESS_ADMIN, [PAGE_NEEDS_NOTHING] = 0
    };
    switch (route->kind) {
    case ROUTE_PAGE: return of_pages[route->page == NULL ? PAGE_NEEDS_READ : route->page->needs];
    case ROUTE_REPLY: return 0; /* it tells nothing but what the configuration says */
    default: return route->events != NULL && route->events->open ? 0 : ACCESS_WRITE;
    }
}

bool route_list_add(struct route_list *list, const struct route *route)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 32 : 2 * list->room;
        struct route *items = realloc(list->items, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count] = *route;
    list->items[list->count].scope = scope_of(route);
    bool get = (route->methods & GET) != 0 && route->kind != ROUTE_WEBSOCKET;
    list->items[list->count++].methods |= get ? METHOD_BIT(HTTP_HEAD) : 0;
    return true;
}

void route_list_release(struct route_list *list)
{
    free(list->items);
    *list = (struct route_list){ 0 };
}

bool route_list_add_own(struct route_list *list)
{
    bool added = true;
    for (size_t i = 0; added && i < ARRAY_LENGTH(own_routes); i++) {
        added = route_list_add(list, &own_routes[i]);
    }
    return added;
}

bool route_list_add_pages(struct route_list *list, const struct page *pages, size_t count)
{
    bool added = true;
    for (size_t i = 0; added && i < count; i++) {
        const struct page *page = &pages[i];
        added = route_list_add(list, &(struct route){
                                         .kind = ROUTE_PAGE,
                                         .methods = page->methods,
                                         .path = page->path,
                                         .prefix = page->prefix,
                                         .hosts = page->hosts,
                                         .exact_slash = page->exact_slash,
                                         .last = page->last,
                                         .page = page,
                                         .file = page->file,
                                         .line = page->line,
                                     });
    }
    return added;
}

unsigned route_side(const struct route *route)
{
    unsigned configured = route->file != NULL ? SERVES_ROUTES : 0;
    if (route->kind == ROUTE_REPLY) {
        return SERVES_EVENTS | SERVES_PAGES | configured;
    }
    if (route->kind != ROUTE_PAGE) {
        return SERVES_EVENTS | configured;
    }
    return route->page->admin ? SERVES_ADMIN : SERVES_PAGES | configured;
}
