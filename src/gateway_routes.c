/* Turns a configuration, and the pages that it has, into rows of the table of routes. */
#include "gateway_routes.h"

#include "base/metrics/metrics.h"
#include "config/options/options.h"
#include "event/ticket.h"

#define OWN_ROUTES 64 /* more than are built in */

bool gateway_routes_compile(struct gateway_routes *routes, const struct config *config, struct stream *const *streams,
                            const struct page *pages, size_t count, struct buf *problems)
{
    const struct route_scene scene = { .streams = streams,
                                       .stream_count = config->stream_count,
                                       .http = &config->http,
                                       .replies = { config->replies, config->reply_count } };
    bool good = routes_compile(&routes->configured, config->routes, config->route_count, &scene, problems);
    if (!reply_list_check(&scene.replies, problems) || !good) {
        return false;
    }
    if (!route_list_add_own(&routes->list) || !route_list_add_pages(&routes->list, pages, count) ||
        !route_list_add_routes(&routes->list, &routes->configured)) {
        buf_append_string(problems, "routes: out of memory\n");
        return false;
    }
    return routes_check(&routes->list, &config->http, problems);
}

/* Of a WebSocket two: for its handshakes, and for its messages. */
size_t gateway_routes_room(const struct config *config)
{
    size_t paths = OWN_ROUTES + config->page_count + config->files_count + config->query_count + config->lookup_count;
    for (size_t i = 0; i < config->route_count; i++) {
        paths += config->routes[i].path.count;
    }
    return 2 * paths;
}

void gateway_routes_count_in(struct gateway_routes *routes, struct metrics *metrics)
{
    for (size_t i = 0; i < routes->list.count; i++) {
        struct route *route = &routes->list.items[i];
        struct slice prefix = slice_from_string(route->prefix == NULL ? "" : route->prefix);
        struct slice path = slice_from_string(route->path);
        route->reply_series = metrics_take_route(metrics, PROTOCOL_HTTP, prefix, path);
        route->ack_series = route->kind == ROUTE_WEBSOCKET ? metrics_take_route(metrics, PROTOCOL_WS, prefix, path) : 0;
    }
}

void gateway_routes_release(struct gateway_routes *routes)
{
    route_list_release(&routes->list);
    routes_release(&routes->configured);
}
