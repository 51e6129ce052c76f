/* One row of the table of routes: a path, and what is there. */
#pragma once

#include "base/bytes.h"
#include "proto/route/event_route.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page;
struct reply_set;
struct string_list;

enum route_kind { ROUTE_EVENTS, ROUTE_PAGE, ROUTE_WEBSOCKET, ROUTE_REPLY };

/* Borrows all that it points to. */
struct route {
    enum route_kind kind;
    unsigned methods; /* METHOD_BITs; GET of a page, of events and of a reply brings HEAD */
    const char *path; /* a pattern */
    const char *prefix;
    const struct string_list *hosts; /* NULL or empty: any */
    bool exact_slash;
    bool last;                        /* asked only for paths that no other has */
    bool acks;                        /* ROUTE_WEBSOCKET: messages are acknowledged */
    const struct event_route *events; /* ROUTE_EVENTS, ROUTE_WEBSOCKET */
    const struct page *page;          /* ROUTE_PAGE */
    const struct reply_set *replies;  /* ROUTE_REPLY */
    unsigned scope;                   /* of enum access_scope: what a key must be for; 0: everybody may */
    uint32_t reply_series;            /* of METRIC_REPLY_SECONDS, for its replies */
    uint32_t ack_series;              /* ROUTE_WEBSOCKET: for its acknowledgements */
    const char *file;                 /* NULL: it is built in */
    int line;
};

/* Rows being gathered. */
struct route_list {
    struct route *items;
    size_t count;
    size_t room;
};

/* False: memory is short. */
MUST_CHECK bool route_list_add(struct route_list *list, const struct route *route);
void route_list_release(struct route_list *list);

/* The routes of the gateway itself, beside its pages: those of events and of WebSockets. */
MUST_CHECK bool route_list_add_own(struct route_list *list);

/* As rows; the pages stay the caller's. */
MUST_CHECK bool route_list_add_pages(struct route_list *list, const struct page *pages, size_t count);

/* What a listener must serve one of for the row to be there: of enum http_serves. */
unsigned route_side(const struct route *route);
