/* The routes of a gateway: its own, those of its pages, and those of the configuration. For gateway.c, which serves them, and
 * gateway_check.c. */
#pragma once

#include "proto/route/route.h"
#include "proto/route/route_compile.h"

struct config;
struct metrics;
struct page;
struct stream;

/* Zeroed it is empty. */
struct gateway_routes {
    struct routes configured;
    struct route_list list; /* all; the server's tables borrow what they point to */
};

/* Borrows all it is given. False with a line for each problem, which names its file; gateway_routes_release follows either
 * way. */
MUST_CHECK bool gateway_routes_compile(struct gateway_routes *routes, const struct config *config,
                                       struct stream *const *streams, const struct page *pages, size_t count,
                                       struct buf *problems);

/* How many series the routes of a configuration need at most; and has each count in its own, before anybody asks. */
size_t gateway_routes_room(const struct config *config);
void gateway_routes_count_in(struct gateway_routes *routes, struct metrics *metrics);

void gateway_routes_release(struct gateway_routes *routes);
