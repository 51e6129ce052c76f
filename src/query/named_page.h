/* The pages of a named query: a request becomes values, values a job or an answer that is there already. */
#pragma once

#include "query/named_query.h"
#include "query/query_cache.h"

struct query_service;
struct store;

struct named_page {
    struct query_service *service;
    const struct named_query *query;
    const struct store *store;
    struct query_cache *cache;
    size_t stream_count;
    int64_t timeout_ns; /* of each statement */
};

/* That of its path `index`; borrows *page. */
struct page named_page_of(struct named_page *page, size_t index);
