/* Turns what a page costs into how often it is made. */
#include "proto/pages/page_cache.h"

#include "base/clock.h"

#define PART_OF_TIME 20
#define MOST_CREDIT_NS (100 * NS_PER_MS)

void page_cache_init(struct page_cache *cache, int64_t (*clock)(void), int64_t (*cpu_clock)(void))
{
    *cache = (struct page_cache){ .clock = clock, .cpu_clock = cpu_clock, .credit_ns = MOST_CREDIT_NS };
    pthread_mutex_init(&cache->mutex, NULL);
}

void page_cache_release(struct page_cache *cache)
{
    buf_release(&cache->kept.body);
    pthread_mutex_destroy(&cache->mutex);
}

static void earn(struct page_cache *cache, int64_t now_ns)
{
    int64_t credit_ns = cache->credit_ns + (now_ns - cache->counted_ns) / PART_OF_TIME;
    cache->credit_ns = credit_ns < MOST_CREDIT_NS ? credit_ns : MOST_CREDIT_NS;
    cache->counted_ns = now_ns;
}

/* What one page costs is paid within some seconds, however much that is. */
static void spend(struct page_cache *cache, int64_t cost_ns)
{
    int64_t credit_ns = cache->credit_ns - cost_ns;
    cache->credit_ns = credit_ns > -MOST_CREDIT_NS ? credit_ns : -MOST_CREDIT_NS;
}

static void make_anew(struct page_cache *cache, void (*make)(void *context, struct page_reply *reply), void *context,
                      int64_t now_ns)
{
    int64_t began_ns = cache->cpu_clock();
    struct buf body = cache->kept.body;
    buf_clear(&body);
    cache->kept = (struct page_reply){ .status = 200, .body = body };
    make(context, &cache->kept);
    cache->made_ns = now_ns; /* what it says is that old at most */
    spend(cache, cache->cpu_clock() - began_ns);
}

void page_cache_give(struct page_cache *cache, void (*make)(void *context, struct page_reply *reply), void *context,
                     struct page_reply *reply)
{
    pthread_mutex_lock(&cache->mutex);
    int64_t now_ns = cache->clock();
    bool usable = cache->kept.body.len != 0 && !cache->kept.body.failed;
    earn(cache, now_ns);
    bool anew = !usable || cache->credit_ns > 0 || now_ns - cache->made_ns >= PAGE_CACHE_LONGEST_NS;
    if (anew) {
        make_anew(cache, make, context, now_ns);
    }
    struct buf body = reply->body;
    *reply = cache->kept;
    reply->body = body;
    buf_append_slice(&reply->body, buf_slice(&cache->kept.body));
    reply->body.failed |= cache->kept.body.failed;
    pthread_mutex_unlock(&cache->mutex);
    if (!anew) {
        page_header(reply, "Age", SLICE("0"));
    }
}
