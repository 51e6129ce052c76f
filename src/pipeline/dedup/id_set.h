/* A set of event ids, bounded, 27 to 54 bytes an id when it has grown. The all-zero id may be a member as any other.
 *
 * Ids lie in buckets, in the order in which they came. Each bucket has a cache line with a tag of every id in it, 15 bits
 * each. Nearly all look-ups are of ids that are not there; such a look-up reads that line and no id. To empty a set, those
 * lines are cleared. A bucket that is full goes on in the next one.
 *
 * An id's bucket and tag are bits of a product with random odd numbers, drawn per set. Clients choose what is hashed into
 * an id, so the id's own bits must not choose the place. Growing keeps the order, so it runs through memory in sequence.
 * One thread. */
#pragma once

#include "event/event_id.h"

#define ID_BUCKET 31

/* A cache line. Tags behind `count` mean nothing. */
struct id_tags {
    uint16_t tags[ID_BUCKET];
    uint16_t count;
};

struct id_set {
    struct id_tags *tags; /* one of each bucket, at the begin of the memory; aligned to cache lines */
    struct event_id *ids; /* ID_BUCKET of each bucket, behind all tags */
    size_t buckets;       /* in use */
    size_t allocated;     /* buckets there is memory for */
    size_t count;
    size_t max_count; /* growth stops here: id_set_add then says ID_SET_FULL */
    uint64_t factors[2];
};

/* `max_count` bounds it; it starts small and doubles. */
void id_set_init(struct id_set *set, size_t max_count);
void id_set_release(struct id_set *set);

/* Fresh memory of huge_pages_map, a huge page, in place of what it had: it is empty. */
void id_set_adopt(struct id_set *set, void *memory);

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

/* An id that is known not to be there, into a set that was prepared for as many. */
void id_set_put(struct id_set *set, const struct event_id *id);

/* All ids, one after the other, beginning with a zeroed cursor; NULL behind the last. The set must stay as it is. */
struct id_set_cursor {
    size_t bucket, index;
};
const struct event_id *id_set_next(const struct id_set *set, struct id_set_cursor *cursor);

/* What a place is made of: with factors that nobody outside knows, the upper bits are anything. */
void id_set_draw_factors(uint64_t factors[2]);

static inline uint64_t id_set_mix(const struct event_id *id, const uint64_t factors[2])
{
    return load_u64(id->bytes) * factors[0] + load_u64(id->bytes + 8) * factors[1];
}

/* Begins to load the id's tags into the cache, for what is asked of it soon. */
void id_set_prefetch(const struct id_set *set, const struct event_id *id);

/* The most ids that a set of a huge page holds. */
#define ID_SET_HUGE_PAGE_IDS ((size_t)78624)

/* The most ids a set may hold whose memory is at most `bytes`; a power of two times ID_SET_HUGE_PAGE_IDS, or a fraction of it
 * if that is too many; at least 1,228. */
size_t id_set_count_for_bytes(uint64_t bytes);

/* Of its memory. */
uint64_t id_set_bytes(const struct id_set *set);
