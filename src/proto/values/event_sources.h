/* Where the values of a route's events come from: routes[].event, checked and compiled once. Shared by all threads, read-only. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct route_options;
struct route_source_options;

enum event_source_kind {
    FROM_BODY,
    FROM_FORM,
    FROM_MULTIPART,
    FROM_BODY_INTO,
    FROM_QUERY,
    FROM_PATH,
    FROM_PAIRS,
    FROM_COOKIES,
    FROM_HEADERS,
    FROM_HEADER_PREFIX,
    FROM_HEADER_JSON,
    FROM_CONSTANT,
    FROM_MADE,
    FROM_KINDS
};

struct event_source {
    enum event_source_kind kind;
    const struct route_source_options *options; /* NULL: the body alone */
    bool wins;                                  /* it comes behind the body */
    uint16_t group;
};

struct event_sources {
    struct event_source *items;
    size_t count;
    unsigned kinds; /* bits, by kind */
};

static inline bool event_sources_have(const struct event_sources *sources, enum event_source_kind kind)
{
    return (sources->kinds >> kind & 1) != 0;
}

/* Is a source there that fills events without a body? */
bool event_sources_fill(const struct event_sources *sources);

/* Of route->event; *sources is NULL if it says no more than the body. Borrows the options. False with a line a problem, or
 * for want of memory. */
MUST_CHECK bool event_sources_compile(const struct route_options *route, struct event_sources **sources,
                                      struct buf *problems);
void event_sources_free(struct event_sources *sources);
