/* A set of event ids: open addressing, 32 to 64 bytes an id, bounded. The all-zero id is no member (no UUID of ours
 * is).
 *
 * An id's place is the upper bits of a product with random odd numbers, drawn per set: clients choose what is hashed
 * into an id, so its own bits must not choose the place; and doubling keeps the order, so it runs through memory in
 * sequence. One thread. */
#pragma once

#include "event/event_id.h"

struct id_set {
    struct event_id *slots;
    size_t capacity;  /* slots in use: a power of two, or 0 */
    size_t allocated; /* slots there are; at least capacity */
    size_t count;
    size_t max_count; /* growth stops here: id_set_add then says ID_SET_FULL */
    unsigned shift;   /* 64 - log2(capacity) */
    uint64_t factors[2];
};

/* `max_count` bounds it; it starts small and doubles. */
void id_set_init(struct id_set *set, size_t max_count);
void id_set_release(struct id_set *set);

/* Fresh memory of pages_map for its slots, a power of two of them, in place of what it had: it is empty. */
void id_set_adopt(struct id_set *set, void *memory, size_t bytes);

/* Empties it and keeps the memory. */
void id_set_clear(struct id_set *set);

/* Empties it and makes it just large enough for `count` ids, so that a scratch set costs what it holds, not what it
 * once held. Keeps the memory. False: memory is short, or `count` is over max_count; the set is then empty. */
MUST_CHECK bool id_set_prepare(struct id_set *set, size_t count);

bool id_set_contains(const struct id_set *set, const struct event_id *id);

enum id_set_result {
    ID_SET_ADDED,
    ID_SET_PRESENT,
    ID_SET_FULL /* max_count, or memory is short */
};
enum id_set_result id_set_add(struct id_set *set, const struct event_id *id);

/* What a place is made of: with factors that nobody outside knows, the upper bits are anything. */
void id_set_draw_factors(uint64_t factors[2]);

static inline uint64_t id_set_mix(const struct event_id *id, const uint64_t factors[2])
{
    return load_u64(id->bytes) * factors[0] + load_u64(id->bytes + 8) * factors[1];
}

/* Begins to load the id's place into the cache, for what is asked of it soon. */
void id_set_prefetch(const struct id_set *set, const struct event_id *id);

/* The most ids a set may hold whose slots fit in `bytes`; at least 512, the smallest set. */
size_t id_set_count_for_bytes(uint64_t bytes);

static inline uint64_t id_set_bytes(const struct id_set *set)
{
    return set->allocated * sizeof(struct event_id);
}
