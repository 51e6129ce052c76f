/* GET /events/metrics?event_name=&from=&to=&group_by=&stream=
 *
 * from, to: RFC 3339 or unix seconds or milliseconds; from inclusive, to exclusive. group_by: channel | daily | hourly |
 * event_name, or any LowCardinality(String) field. The answer: {"event_name","from","to","total_count",
 * "unique_user_count","grouped_metrics":[{"group_key","total_count","unique_user_count"}]}. Duplicates that the table has
 * not merged yet are not counted twice (uniqExact(event_id), or FINAL).
 *
 * It is a question to the same service as those of the configuration. Its SQL is no text there, for the stream is an argument: the time's column
 * and type, what may be grouped by, and the columns of ids and users follow from that stream, which any client may choose anew with each request. */
#pragma once

#include "proto/front/page.h"

struct query_options;
struct query_service;
struct store;
struct stream;

struct event_metrics {
    struct query_service *service;
    const struct query_options *options;
    const struct store *store;
    struct stream *const *streams;
    size_t stream_count;
};

/* Borrows *metrics, which is filled. */
struct page event_metrics_page(struct event_metrics *metrics);
