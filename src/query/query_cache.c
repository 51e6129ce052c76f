/* Keeps answers and those who wait for them in a table of chains. */
#include "query/query_cache.h"

#include "base/assert.h"
#include "base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHAINS 4096u
#define WAITERS_MAX 1024u /* for one answer, as each gets a copy */
#define ENTRY_BYTES 512u  /* of an entry beside its text, more or less */

/* Invariant: kept entries stand in the list of use, and only they; those that are asked for have waiters. */
struct entry {
    struct hash128 key;
    struct entry *next; /* of the chain */
    bool kept;
    struct buf waiters; /* struct query_waiter, while it is asked for */
    struct page_reply reply;
    struct hash128 tag;
    int64_t until_ns;
    struct entry *newer, *older;
};

struct query_cache {
    pthread_mutex_t mutex;
    uint64_t max_bytes;
    uint64_t bytes;
    struct entry *newest, *oldest;
    struct entry *chains[CHAINS];
};

/* --- tags --- */

static bool read_hex(struct slice text, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            return false;
        }
        *value = *value << 4 | (uint64_t)digit;
    }
    return true;
}

struct query_tags query_tags_read(struct slice field)
{
    struct query_tags tags = { 0 };
    struct slice piece;
    while (tags.count < QUERY_TAGS_MAX && slice_split(&field, ',', &piece)) {
        piece = slice_trim(piece);
        tags.any = tags.any || slice_equal(piece, SLICE("*"));
        if (slice_starts_with(piece, SLICE("W/"))) {
            piece = slice_after(piece, 2);
        }
        struct hash128 *tag = &tags.tags[tags.count];
        bool ours = piece.len == 34 && piece.data[0] == '"' && piece.data[33] == '"' &&
                    read_hex(slice_make(piece.data + 1, 16), &tag->high) &&
                    read_hex(slice_make(piece.data + 17, 16), &tag->low);
        tags.count += ours;
    }
    return tags;
}

static bool has_tag(const struct query_tags *tags, struct hash128 tag)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (tags->tags[i].high == tag.high && tags->tags[i].low == tag.low) {
            return true;
        }
    }
    return tags->any;
}

/* --- copies --- */

static bool says_itself(const struct buf *headers, const char *name)
{
    struct slice rest = buf_slice(headers);
    struct slice line;
    size_t len = strlen(name);
    while (slice_split(&rest, '\n', &line)) {
        if (line.len > len && line.data[len] == ':' &&
            slice_equal_nocase(slice_make(line.data, len), slice_make(name, len))) {
            return true;
        }
    }
    return false;
}

/* A reply of status 200 of the cache: with its tag, and how long it may be kept; 304 for who has it. */
static void dress(struct page_reply *reply, struct hash128 tag, int64_t left_ns, const struct query_tags *tags)
{
    char text[64];
    if (reply->status != 200) {
        return;
    }
    snprintf(text, sizeof text, "\"%016" PRIx64 "%016" PRIx64 "\"", tag.high, tag.low);
    page_header(reply, "ETag", slice_from_string(text));
    if (reply->cache_control == NULL && !says_itself(&reply->headers, "Cache-Control")) {
        snprintf(text, sizeof text, "max-age=%" PRId64, left_ns > 0 ? left_ns / NS_PER_SECOND : 0);
        page_header(reply, "Cache-Control", slice_from_string(text));
    }
    if (has_tag(tags, tag)) {
        reply->status = 304;
        buf_release(&reply->body);
        reply->body = (struct buf){ 0 };
    }
}

static void fill_copy(const struct page_reply *from, struct page_reply *to)
{
    *to = (struct page_reply){ .status = from->status,
                               .content_type = from->content_type,
                               .cache_control = from->cache_control };
    buf_append_slice(&to->body, buf_slice(&from->body));
    buf_append_slice(&to->headers, buf_slice(&from->headers));
    if (to->body.failed || to->headers.failed) {
        page_reply_release(to);
        page_problem(to, ERROR_OUT_OF_MEMORY, (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 });
    }
}

/* --- the table; all under the lock --- */

static struct entry **find(struct query_cache *cache, struct hash128 key)
{
    struct entry **at = &cache->chains[key.low % CHAINS];
    while (*at != NULL && ((*at)->key.low != key.low || (*at)->key.high != key.high)) {
        at = &(*at)->next;
    }
    return at;
}

static uint64_t bytes_of(const struct entry *entry)
{
    return entry->reply.body.cap + entry->reply.headers.cap + ENTRY_BYTES;
}

static void unlink_use(struct query_cache *cache, struct entry *entry)
{
    *(entry->newer == NULL ? &cache->newest : &entry->newer->older) = entry->older;
    *(entry->older == NULL ? &cache->oldest : &entry->older->newer) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(struct query_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest == NULL ? &cache->oldest : &cache->newest->newer) = entry;
    cache->newest = entry;
}

static void forget(struct query_cache *cache, struct entry *entry)
{
    struct entry **at = find(cache, entry->key);
    ASSERT(*at == entry);
    *at = entry->next;
    if (entry->kept) {
        ASSERT(cache->bytes >= bytes_of(entry));
        cache->bytes -= bytes_of(entry);
        unlink_use(cache, entry);
    }
    page_reply_release(&entry->reply);
    buf_release(&entry->waiters);
    free(entry);
}

static struct entry *add(struct query_cache *cache, struct hash128 key)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry != NULL) {
        entry->key = key;
        *find(cache, key) = entry;
    }
    return entry;
}

static enum query_cached await(struct entry *entry, const struct query_waiter *waiter, enum query_cached how)
{
    if (entry->waiters.len / sizeof *waiter >= WAITERS_MAX) {
        return QUERY_CROWDED;
    }
    buf_append(&entry->waiters, waiter, sizeof *waiter);
    if (entry->waiters.failed) {
        entry->waiters.failed = false; /* of those that were there none is lost */
        return QUERY_CROWDED;
    }
    return how;
}

static enum query_cached ask(struct query_cache *cache, struct hash128 key, const struct query_waiter *waiter,
                             int64_t now_ns, struct page_reply *reply)
{
    struct entry *entry = *find(cache, key);
    if (entry != NULL && entry->kept && entry->until_ns <= now_ns) {
        forget(cache, entry);
        entry = NULL;
    }
    if (entry != NULL && entry->kept) {
        unlink_use(cache, entry);
        link_newest(cache, entry);
        fill_copy(&entry->reply, reply);
        dress(reply, entry->tag, entry->until_ns - now_ns, &waiter->tags);
        return QUERY_CACHED;
    }
    if (entry != NULL) {
        return await(entry, waiter, QUERY_AWAITED);
    }
    entry = add(cache, key);
    enum query_cached how = entry == NULL ? QUERY_CROWDED : await(entry, waiter, QUERY_FIRST);
    if (entry != NULL && how == QUERY_CROWDED) {
        forget(cache, entry);
    }
    return how;
}

enum query_cached query_cache_ask(struct query_cache *cache, struct hash128 key, const struct query_waiter *waiter,
                                  int64_t now_ns, struct page_reply *reply)
{
    pthread_mutex_lock(&cache->mutex);
    enum query_cached how = ask(cache, key, waiter, now_ns, reply);
    pthread_mutex_unlock(&cache->mutex);
    return how;
}

static void shrink(struct query_cache *cache)
{
    while (cache->bytes > cache->max_bytes) {
        forget(cache, cache->oldest);
    }
}

/* Keeps a copy; takes the waiters out. */
static struct buf settle(struct query_cache *cache, struct hash128 key, const struct page_reply *reply,
                         struct hash128 tag, int64_t until_ns)
{
    struct entry *entry = *find(cache, key);
    ASSERT(entry != NULL && !entry->kept);
    struct buf waiters = entry->waiters;
    entry->waiters = (struct buf){ 0 };
    if (until_ns != 0) {
        fill_copy(reply, &entry->reply);
    }
    if (until_ns == 0 || entry->reply.status != reply->status || bytes_of(entry) > cache->max_bytes) {
        forget(cache, entry);
        return waiters;
    }
    entry->tag = tag;
    entry->until_ns = until_ns;
    entry->kept = true;
    cache->bytes += bytes_of(entry);
    link_newest(cache, entry);
    shrink(cache);
    return waiters;
}

void query_cache_settle(struct query_cache *cache, struct hash128 key, struct page_reply *reply, int64_t until_ns,
                        int64_t now_ns)
{
    struct hash128 tag = hash_xxh3_128(reply->body.data, reply->body.len);
    pthread_mutex_lock(&cache->mutex);
    struct buf waiters = settle(cache, key, reply, tag, until_ns);
    pthread_mutex_unlock(&cache->mutex);
    size_t count = waiters.len / sizeof(struct query_waiter);
    for (size_t i = 0; i < count; i++) {
        struct query_waiter waiter;
        struct page_reply copy = { 0 };
        memcpy(&waiter, waiters.data + i * sizeof waiter, sizeof waiter);
        if (i + 1 == count) {
            copy = *reply;
            *reply = (struct page_reply){ 0 };
        } else {
            fill_copy(reply, &copy);
        }
        if (until_ns != 0) {
            dress(&copy, tag, until_ns - now_ns, &waiter.tags);
        }
        page_post(waiter.later, &copy);
    }
    page_reply_release(reply);
    buf_release(&waiters);
}

void query_cache_bound(struct query_cache *cache, uint64_t max_bytes)
{
    pthread_mutex_lock(&cache->mutex);
    cache->max_bytes = max_bytes;
    shrink(cache);
    pthread_mutex_unlock(&cache->mutex);
}

uint64_t query_cache_bytes(struct query_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    uint64_t bytes = cache->bytes;
    pthread_mutex_unlock(&cache->mutex);
    return bytes;
}

struct query_cache *query_cache_new(uint64_t max_bytes)
{
    struct query_cache *cache = calloc(1, sizeof *cache);
    if (cache != NULL) {
        pthread_mutex_init(&cache->mutex, NULL);
        cache->max_bytes = max_bytes;
    }
    return cache;
}

void query_cache_free(struct query_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < CHAINS; i++) {
        while (cache->chains[i] != NULL) {
            ASSERT(cache->chains[i]->waiters.len == 0);
            forget(cache, cache->chains[i]);
        }
    }
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}
