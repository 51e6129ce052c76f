/* The page at "/": what this is, which streams there are, and where to go on. Its links are relative, for a proxy may have put
 * the gateway below a path. Clients that ask for JSON get the same as JSON. */
#pragma once

#include "proto/front/page.h"

struct named_query_options;
struct route_options;
struct stream;

struct landing_source {
    const char *title;
    const char *version;
    struct stream *const *streams;
    size_t stream_count;
    const struct route_options *routes;
    size_t route_count;
    const struct named_query_options *queries;
    size_t query_count;
    struct slice example; /* JSON: an event of the first stream */
    bool with_admin;      /* pages of operators are at the same address */
    bool with_openapi;    /* /openapi.json and /swagger are there */
    bool with_demo;
    bool with_counts; /* /events/metrics is there */
    bool with_live;   /* /live is there, with the pages of operators */
};

/* Zeroed before. */
struct landing {
    struct buf html;
    struct buf json;
};

/* False: memory is short. Borrows nothing. */
MUST_CHECK bool landing_init(struct landing *landing, const struct landing_source *source);
struct page landing_page(struct landing *landing);
void landing_release(struct landing *landing);
