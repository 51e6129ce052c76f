/* A page that costs something, and may be asked for by anybody at any rate. It is made anew for each request, as long as
 * that takes less than a twentieth of one CPU. Beyond it the last one is given again, until it is a second old. So a
 * client that asks now and then sees the present state, on a busy machine too, and a flood costs no more than its reading.
 * A page that is given again says so by `Age: 0` (RFC 9111, 5.1). */
#pragma once

#include "proto/front/page_reply.h"

#include <pthread.h>

#define PAGE_CACHE_LONGEST_NS NS_PER_SECOND

struct page_cache {
    int64_t (*clock)(void);     /* monotonic, ns */
    int64_t (*cpu_clock)(void); /* of the calling thread, ns: a thread that waits for a CPU spends nothing */
    pthread_mutex_t mutex;      /* guards what follows; held while the page is made, once for all who ask meanwhile */
    struct page_reply kept;     /* its body is empty: there is none */
    int64_t made_ns;
    int64_t credit_ns; /* what making may cost before pages are given again */
    int64_t counted_ns;
};

void page_cache_init(struct page_cache *cache, int64_t (*clock)(void), int64_t (*cpu_clock)(void));
void page_cache_release(struct page_cache *cache);

/* Any thread. `make` fills a reply of status 200. */
void page_cache_give(struct page_cache *cache, void (*make)(void *context, struct page_reply *reply), void *context,
                     struct page_reply *reply);
