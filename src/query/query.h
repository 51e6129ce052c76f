/* The read API: GET /events/metrics?event_name=&from=&to=&group_by=&stream= through the store, on threads of its own
 * with a bounded queue and a time-out.
 *
 * from, to: RFC 3339 or unix seconds or milliseconds; from inclusive, to exclusive. group_by: channel | daily | hourly |
 * event_name, or any LowCardinality(String) field. The answer: {"event_name","from","to","total_count",
 * "unique_user_count","grouped_metrics":[{"group_key","total_count","unique_user_count"}]}. Duplicates that the table has
 * not merged yet are not counted twice (uniqExact(event_id), or FINAL). */
#pragma once

#include "proto/front/page.h"

struct query_service;

struct query_service_config {
    const struct query_options *options;
    struct store *store;
    struct stream *const *streams;
    size_t stream_count;
    struct metrics *metrics;
};

/* What is asked waits until the service is started. NULL with *problem. */
struct query_service *query_new(const struct query_service_config *config, struct buf *problem);

/* Once the store is open. False with *problem. */
MUST_CHECK bool query_start(struct query_service *service, struct buf *problem);

/* The page to put into the table of routes. */
struct page query_page(struct query_service *service);

/* Before the server stops and the store is freed: what waits, and whatever is asked from now on, is answered 503; after it returns no thread
 * of its own answers. */
void query_stop(struct query_service *service);

/* After the server has stopped: until then its page may be asked. */
void query_free(struct query_service *service);
