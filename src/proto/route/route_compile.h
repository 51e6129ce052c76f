/* The routes of a configuration, compiled: for the gateway, which serves them, and for --check. */
#pragma once

#include "proto/route/event_route.h"
#include "proto/route/route.h"
#include "proto/route/route_replies.h"

struct http_options;
struct route_options;
struct stream;

/* A route of GET alone that only replies is none of events. */
enum route_kind routes_kind(const struct route_options *options);

/* METHOD_BITs of a route, without those that come with others. */
unsigned routes_methods(const struct route_options *options);

/* What routes may name, and what bounds them. */
struct route_scene {
    struct stream *const *streams; /* the first is that of routes that name none */
    size_t stream_count;
    const struct http_options *http;
    struct reply_list replies;
};

/* Zeroed it is empty. */
struct routes {
    const struct route_options *options;
    struct event_route *events; /* one of each of the options, whatever its kind */
    size_t count;
};

/* Borrows options and scene. False with a line for each problem: "file:line: routes: /path: stream: found …, expected …";
 * routes_release follows either way. */
MUST_CHECK bool routes_compile(struct routes *routes, const struct route_options *options, size_t count,
                               const struct route_scene *scene, struct buf *problems);
void routes_release(struct routes *routes);

/* A row for each path. False: memory is short. */
MUST_CHECK bool route_list_add_routes(struct route_list *list, const struct routes *routes);

/* What only all rows together can say: two that stand for the same path, methods and hosts; a page of operators that is
 * nowhere any more, as a row of the configuration has its path. False with a line for each. */
MUST_CHECK bool routes_check(const struct route_list *list, const struct http_options *http, struct buf *problems);
