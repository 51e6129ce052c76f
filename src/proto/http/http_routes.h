/* The table of routes: which path and method means what. Built once per listener, then read by all its threads. */
#pragma once

#include "pipeline/payload/payload_form.h"
#include "proto/http_syntax/http_parse.h"

enum route_kind { ROUTE_EVENTS, ROUTE_PAGE, ROUTE_WEBSOCKET };

struct http_route {
    struct slice path;
    unsigned methods;
    enum route_kind kind;
    enum payload_form form;  /* ROUTE_EVENTS */
    const struct page *page; /* ROUTE_PAGE */
    bool acks;               /* ROUTE_WEBSOCKET: messages are acknowledged */
};

struct http_routes {
    struct http_route *items;
    size_t count; /* those that are served here come first */
    size_t known; /* and behind them those that are not */
};

/* Borrows `pages`. `serves`: of enum http_serves, what is served here. False: memory is short. */
MUST_CHECK bool http_routes_init(struct http_routes *routes, const struct page *pages, size_t count, unsigned serves);
void http_routes_release(struct http_routes *routes);

/* The route for this path (percent-decoded) and method. NULL: *allow has the methods that the path takes (OPTIONS
 * among them), 0 if there is no such path. */
const struct http_route *http_routes_find(const struct http_routes *routes, struct slice path, enum http_method method,
                                          unsigned *allow);

/* Whether the path, for which http_routes_find has no method, is one that other listeners may serve. */
bool http_routes_serve_elsewhere(const struct http_routes *routes, struct slice path);

/* Appends `text` with its %XX undone ('+' becomes a space if plus_is_space). False: an escape is not valid. */
MUST_CHECK bool http_unescape(struct slice text, bool plus_is_space, struct buf *out);
