/* The table of routes: which path, host and method means what. Built once per listener from rows of all kinds, then read by all
 * its threads.
 *
 * Of the rows that stand for a path the first that takes host and method counts, in this order:
 *   paths without names, then patterns as route_pattern_order has them, and last those that are asked last, the gateway's
 *     own /events/{stream} among them
 *   of the same path those that name hosts, then those of the configuration, then what is built in
 * What is asked last is asked only if no other row stands for the path, here or at another listener. */
#pragma once

#include "base/bytes.h"
#include "proto/front/http_method.h"
#include "proto/route/route.h"

struct captures;
struct table_row;

/* Paths without names are found by their length; longer ones share the last place. */
#define ROUTE_LENGTHS 64

struct route_table {
    const struct route_table *first; /* asked before it: of this address alone; NULL: there is none */
    struct table_row *rows;
    size_t count;
    size_t of_length[ROUTE_LENGTHS + 1]; /* paths of length i are rows [of_length[i], of_length[i + 1]) */
    size_t patterns;                     /* from here on */
    size_t lasts;
    size_t elsewhere; /* not served here */
};

/* What is served of `routes` where enum http_serves says `serves`. Borrows what they point to. False with *problem: memory is
 * short, or a pattern is none; routes_check finds that before. */
MUST_CHECK bool route_table_init(struct route_table *table, const struct route_list *routes, unsigned serves,
                                 struct buf *problem);
void route_table_release(struct route_table *table);

/* The route of a request. `path` is as route_path_decode makes it; `host` is the Host field. NULL: *allow has the methods that
 * the path takes (OPTIONS among them), 0 if there is no such path. */
const struct route *route_table_find(const struct route_table *table, struct slice path, struct slice host,
                                     enum http_method method, struct captures *captures, unsigned *allow);

/* As route_table_find, of a path as it was sent, which is decoded into `decoded` (cleared first) if it has escapes; *path is what
 * others read: for those who take events as route_path_decode makes it, else with slashes. False: an escape is not valid. */
MUST_CHECK bool route_table_find_sent(const struct route_table *table, struct slice *path, struct slice host,
                                      enum http_method method, struct captures *captures, unsigned *allow,
                                      struct buf *decoded, const struct route **route);

/* Whether the path, for which route_table_find has no method, is one that other listeners may serve. */
bool route_table_serves_elsewhere(const struct route_table *table, struct slice path);
