/* One route being compiled. Private to route_compile.c and what it is in parts. */
#pragma once

#include "proto/route/route_compile.h"

struct compiling {
    const struct route_options *options;
    const struct route_scene *scene;
    struct event_route *route;
    struct buf *problems;
};

/* A problem: "file:line: routes: /path: option: …". */
void route_tell(const struct compiling *compiling, const char *option, const char *format, ...) PRINTF_LIKE(3, 4);

/* The stream of the route, or what chooses it. */
void route_streams_compile(const struct compiling *compiling);
void route_streams_release(const struct event_route *route);
