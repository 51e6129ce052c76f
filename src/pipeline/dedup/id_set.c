/* Turns event ids into yes or no: buckets whose tags are looked at first. */
#include "pipeline/dedup/id_set.h"

#include "base/assert.h"
#include "base/system/huge_pages.h"

#include <sys/random.h>

/* Ids in a bucket on average when the set is full: then one in forty is full and goes on in the next. */
#define FILL 21u
#define SMALLEST 32u
#define BUCKET_BYTES (sizeof(struct id_tags) + ID_BUCKET * sizeof(struct event_id))
#define HUGE_PAGE_BUCKETS (HUGE_PAGE / BUCKET_BYTES)
#define SMALL_PAGE ((size_t)4096)

_Static_assert(sizeof(struct id_tags) == 64, "a cache line");
_Static_assert(ID_SET_HUGE_PAGE_IDS == HUGE_PAGE_BUCKETS * FILL, "id_set.h says it");

static bool is_same(const struct event_id *a, const struct event_id *b)
{
    return load_u64(a->bytes) == load_u64(b->bytes) && load_u64(a->bytes + 8) == load_u64(b->bytes + 8);
}

/* Whole pages; those of a full cell of id_window.c are a huge page. */
static size_t bytes_of(size_t buckets)
{
    return (buckets * BUCKET_BYTES + SMALL_PAGE - 1) / SMALL_PAGE * SMALL_PAGE;
}

static size_t buckets_for(size_t count)
{
    return count < SMALLEST * FILL ? SMALLEST : (count + FILL - 1) / FILL;
}

/* At least `buckets`, and twice what there is unless that is more than the set will ever need. */
static size_t next_size(const struct id_set *set, size_t buckets)
{
    size_t most = buckets_for(set->max_count), doubled = set->allocated * 2;
    size_t wanted = doubled < most ? doubled : most;
    return set->allocated != 0 && wanted > buckets ? wanted : buckets;
}

static void set_memory(struct id_set *set, void *memory, size_t buckets)
{
    ASSERT(buckets != 0);
    set->tags = memory;
    set->ids = (struct event_id *)(void *)(set->tags + buckets);
    set->buckets = set->allocated = buckets;
    set->count = 0;
}

/* All zero and there at once: the first look-up of a page would be a fault, and the write after it, into a random page
 * each time, a second one and a call to the other cores. */
static bool allocate(struct id_set *set, size_t buckets)
{
    void *memory = huge_pages_map(bytes_of(buckets));
    if (memory != NULL) {
        set_memory(set, memory, buckets);
    }
    return memory != NULL;
}

void id_set_draw_factors(uint64_t factors[2])
{
    size_t size = 2 * sizeof *factors;
    if (getrandom(factors, size, GRND_NONBLOCK) != (ssize_t)size) {
        factors[0] = UINT64_C(0x9E3779B97F4A7C15) ^ (uintptr_t)factors;
        factors[1] = UINT64_C(0xC2B2AE3D27D4EB4F) ^ (uintptr_t)factors;
    }
    factors[0] |= 1;
    factors[1] |= 1;
}

void id_set_init(struct id_set *set, size_t max_count)
{
    *set = (struct id_set){ .max_count = max_count };
    id_set_draw_factors(set->factors);
}

void id_set_release(struct id_set *set)
{
    huge_pages_unmap(set->tags, bytes_of(set->allocated));
    set->tags = NULL;
    set->ids = NULL;
    set->buckets = set->allocated = set->count = 0;
}

void id_set_adopt(struct id_set *set, void *memory)
{
    ASSERT_EQUAL((uintptr_t)memory % HUGE_PAGE, 0u);
    id_set_release(set);
    set_memory(set, memory, HUGE_PAGE_BUCKETS);
}

void id_set_clear(struct id_set *set)
{
    if (set->count != 0) {
        memset(set->tags, 0, set->buckets * sizeof *set->tags);
        set->count = 0;
    }
}

bool id_set_prepare(struct id_set *set, size_t count)
{
    size_t buckets = buckets_for(count);
    if (count > set->max_count) {
        id_set_clear(set);
        return false;
    }
    if (buckets > set->allocated) {
        size_t size = next_size(set, buckets);
        id_set_release(set);
        if (!allocate(set, size)) {
            return false;
        }
    } else {
        memset(set->tags, 0, buckets * sizeof *set->tags);
    }
    ASSERT_AT_MOST(buckets, set->allocated);
    set->buckets = buckets;
    set->count = 0;
    return true;
}

static size_t bucket_of(const struct id_set *set, uint64_t mix)
{
    return (size_t)((mix >> 32) * set->buckets >> 32);
}

static size_t bucket_after(const struct id_set *set, size_t bucket)
{
    return bucket + 1 == set->buckets ? 0 : bucket + 1;
}

/* Not of the bits that choose the bucket, nor of the lowest, which are what the lowest of the id make them. */
static uint16_t tag_of(uint64_t mix)
{
    return (uint16_t)(mix >> 16) | 1; /* no empty place looks like it */
}

/* Has any place the tag? (Compilers turn it into a few vector instructions.) */
static bool may_have(const struct id_tags *tags, uint16_t tag)
{
    typedef uint16_t lanes __attribute__((vector_size(16)));
    lanes all[sizeof *tags / sizeof(lanes)], wanted = (lanes){ 0 } + tag, found = { 0 };
    memcpy(all, tags, sizeof all);
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        found |= (lanes)(all[i] == wanted);
    }
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

static bool bucket_has(const struct id_set *set, size_t bucket, uint16_t tag, const struct event_id *id)
{
    const struct id_tags *tags = &set->tags[bucket];
    for (size_t i = 0; i < tags->count; i++) {
        if (tags->tags[i] == tag && is_same(&set->ids[bucket * ID_BUCKET + i], id)) {
            return true;
        }
    }
    return false;
}

/* There is always a bucket that is not full. */
static bool has(const struct id_set *set, uint64_t mix, const struct event_id *id)
{
    uint16_t tag = tag_of(mix);
    for (size_t bucket = bucket_of(set, mix);; bucket = bucket_after(set, bucket)) {
        if (may_have(&set->tags[bucket], tag) && bucket_has(set, bucket, tag, id)) {
            return true;
        }
        if (set->tags[bucket].count < ID_BUCKET) {
            return false;
        }
    }
}

/* One that is not there yet. */
static void put(struct id_set *set, uint64_t mix, const struct event_id *id)
{
    size_t bucket = bucket_of(set, mix);
    while (set->tags[bucket].count == ID_BUCKET) {
        bucket = bucket_after(set, bucket);
    }
    struct id_tags *tags = &set->tags[bucket];
    tags->tags[tags->count] = tag_of(mix);
    set->ids[bucket * ID_BUCKET + tags->count] = *id;
    tags->count++;
    set->count++;
}

void id_set_prefetch(const struct id_set *set, const struct event_id *id)
{
    if (set->buckets != 0) {
        __builtin_prefetch(&set->tags[bucket_of(set, id_set_mix(id, set->factors))]);
    }
}

bool id_set_contains(const struct id_set *set, const struct event_id *id)
{
    return set->count != 0 && has(set, id_set_mix(id, set->factors), id);
}

static bool grow(struct id_set *set)
{
    struct id_set grown = *set;
    if (!allocate(&grown, next_size(set, buckets_for(set->count + 1)))) {
        return false;
    }
    struct id_set_cursor cursor = { 0 };
    for (const struct event_id *id = id_set_next(set, &cursor); id != NULL; id = id_set_next(set, &cursor)) {
        id_set_put(&grown, id);
    }
    ASSERT_EQUAL(grown.count, set->count);
    id_set_release(set);
    *set = grown;
    return true;
}

enum id_set_result id_set_add(struct id_set *set, const struct event_id *id)
{
    uint64_t mix = id_set_mix(id, set->factors);
    if (set->count != 0 && has(set, mix, id)) {
        return ID_SET_PRESENT;
    }
    if (set->count >= set->max_count || (set->count >= set->buckets * FILL && !grow(set))) {
        return ID_SET_FULL;
    }
    put(set, mix, id);
    return ID_SET_ADDED;
}

void id_set_put(struct id_set *set, const struct event_id *id)
{
    put(set, id_set_mix(id, set->factors), id);
}

const struct event_id *id_set_next(const struct id_set *set, struct id_set_cursor *cursor)
{
    while (cursor->bucket < set->buckets && cursor->index == set->tags[cursor->bucket].count) {
        cursor->bucket++;
        cursor->index = 0;
    }
    return cursor->bucket == set->buckets ? NULL : &set->ids[cursor->bucket * ID_BUCKET + cursor->index++];
}

size_t id_set_count_for_bytes(uint64_t bytes)
{
    size_t count = ID_SET_HUGE_PAGE_IDS;
    while (count / 2 >= SMALLEST * FILL && bytes_of(buckets_for(count)) > bytes) {
        count /= 2;
    }
    while (count >= ID_SET_HUGE_PAGE_IDS && count / ID_SET_HUGE_PAGE_IDS * 2 * HUGE_PAGE <= bytes) {
        count *= 2;
    }
    return count;
}

uint64_t id_set_bytes(const struct id_set *set)
{
    return set->allocated == 0 ? 0 : bytes_of(set->allocated);
}
