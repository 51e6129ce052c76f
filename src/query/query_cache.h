/* Answers of named queries, kept for a while; and questions that are being asked, so that equal ones wait for the first.
 *
 * Bounded by bytes: the least recently used answers go first. Thread-safe; nothing here waits. */
#pragma once

#include "base/hash.h"
#include "proto/front/page_reply.h"

struct metrics_cells;
struct query_cache;

/* What a client has already: from If-None-Match (RFC 9110, 13.1.2). Tags of others than us are left out. */
#define QUERY_TAGS_MAX 4
struct query_tags {
    bool any;
    size_t count;
    struct hash128 tags[QUERY_TAGS_MAX];
};
struct query_tags query_tags_read(struct slice field);

/* A client that waits for an answer. */
struct query_waiter {
    struct page_later later;
    struct query_tags tags;
};

/* NULL: memory is short. */
struct query_cache *query_cache_new(uint64_t max_bytes);
void query_cache_free(struct query_cache *cache);

/* From now on at most so many bytes: the least recently used answers beyond them go. */
void query_cache_bound(struct query_cache *cache, uint64_t max_bytes);

enum query_cached {
    QUERY_CACHED,  /* *reply is filled */
    QUERY_AWAITED, /* somebody asks already: the waiter is answered when that is settled */
    QUERY_FIRST,   /* the caller asks, and settles; the waiter is answered then, too */
    QUERY_CROWDED  /* too many wait for the same answer, or memory is short */
};

MUST_CHECK enum query_cached query_cache_ask(struct query_cache *cache, struct hash128 key,
                                             const struct query_waiter *waiter, int64_t now_ns,
                                             struct page_reply *reply);

/* The answer to a question that was QUERY_FIRST, for all who wait; takes the reply. It is given again until `until_ns` (monotonic), or not at
 * all: 0. */
void query_cache_settle(struct query_cache *cache, struct hash128 key, struct page_reply *reply, int64_t until_ns,
                        int64_t now_ns);

/* Bytes that are kept. */
uint64_t query_cache_bytes(struct query_cache *cache);
