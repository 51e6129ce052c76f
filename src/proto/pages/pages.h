/* The pages that tell of the gateway itself: /metrics, /health, /livez, /readyz, /ping, /status.
 *
 *   /livez, /ping  200 while the process runs
 *   /readyz        200 while events are accepted, 503 else; its text lists every part that is not OK with its reason and
 *                  since when, `?verbose` all of them
 *   /health        the same as JSON, of every part
 *   /metrics       as scrape.h says
 *   /status        version, uptime, streams and the accounting identity as JSON
 *
 * All come from cached states. /metrics, /health and /status are made anew as often as page_cache.h allows. */
#pragma once

#include "proto/pages/page_cache.h"

struct scrape;

struct pages_source {
    struct metrics *metrics;
    struct status_board *board;
    struct pipeline *pipeline;
    const char *version;
    int64_t started_wall_ns;
    struct stream *const *streams;
    size_t stream_count;
    /* "GET /metrics?event_name=…" answers as /events/metrics: the page to hand it to, or NULL. */
    const struct page *event_metrics;
    /* pages_fill's: */
    struct scrape *scrape; /* NULL: memory is short */
    struct page_cache health_page;
    struct page_cache status_page;
};

#define PAGES_MAX 8

/* Fills `pages` (PAGES_MAX) and returns how many. `source` must outlive the server. */
size_t pages_fill(struct page *pages, struct pages_source *source);

/* Once the server has ended. A source that was never filled is fine. */
void pages_release(struct pages_source *source);
