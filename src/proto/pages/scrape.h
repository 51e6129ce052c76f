/* /metrics as whoever asks would have it: the Prometheus text format or OpenMetrics, plain or packed. Each of the four is made as often as
 * page_cache.h allows. */
#pragma once

#include <stdint.h>

struct metrics;
struct page_reply;
struct page_request;
struct scrape;

/* NULL: memory is short. */
struct scrape *scrape_new(struct metrics *metrics, int64_t (*clock)(void), int64_t (*cpu_clock)(void));
void scrape_free(struct scrape *scrape);

/* Any thread. Of NULL: a reply that says so. */
void scrape_give(struct scrape *scrape, const struct page_request *request, struct page_reply *reply);
