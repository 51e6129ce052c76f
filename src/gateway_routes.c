/* Turns a configuration, and the pages that it has, into rows of the table of routes. */
#include "gateway_routes.h"

#include "config/options/options.h"

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

void gateway_routes_release(struct gateway_routes *routes)
{
    route_list_release(&routes->list);
    routes_release(&routes->configured);
}
