/* The read API: GET /events/metrics (event_metrics.h) and the queries of the configuration (named_query.h), each asked of the
 * store on threads of their own, with a bounded queue and a time-out. */
#pragma once

#include "proto/front/page.h"
#include "query/query_config.h"

struct query_service;

/* What is asked waits until the service is started. NULL with *problem. */
struct query_service *query_new(const struct query_service_config *config, struct buf *problem);

/* Once the store is open. False with *problem. */
MUST_CHECK bool query_start(struct query_service *service, struct buf *problem);

/* The pages to put into the table of routes: that of /events/metrics first. They live as long as the service. */
const struct page *query_pages(const struct query_service *service, size_t *count);

/* While nobody asks its pages: the options that it borrows have other numbers, and those of the same queries are in `queries`. What waits or
 * runs keeps those that it came with. */
void query_reload(struct query_service *service, const struct named_query_options *queries);

/* Before the server stops and the store is freed: what waits, and whatever is asked from now on, is answered 503; after it returns no thread
 * of its own answers. */
void query_stop(struct query_service *service);

/* After the server has stopped: until then its pages may be asked. */
void query_free(struct query_service *service);
