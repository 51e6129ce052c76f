/* The pages of a named query: a request becomes values, values a job or an answer that is there already. */
#pragma once

#include "query/named_query.h"
#include "query/query_cache.h"

struct query_service;
struct store;

/* What a reload may change. A job has a copy, as it runs on another thread. */
struct named_numbers {
    int64_t timeout_ns; /* of each statement */
    int64_t cache_ns;   /* 0: an answer is not given again */
    uint64_t max_rows;  /* of each result */
    uint64_t max_bytes;
};

struct named_page {
    struct query_service *service;
    const struct named_query *query;
    const struct store *store;
    struct query_cache *cache;
    size_t stream_count;
    struct named_numbers numbers; /* read by the threads that take requests */
};

/* That of its path `index`; borrows *page. */
struct page named_page_of(struct named_page *page, size_t index);
