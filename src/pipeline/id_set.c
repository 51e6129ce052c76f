/* Turns event ids into yes or no: open addressing with linear probing, at most half full: fuller,
 * a look-up needs a second cache line too often (measured: 0.3 µs an id at three quarters, 0.12 at half). */
#include "pipeline/id_set.h"

#include "base/pages.h"

#include <sys/random.h>

#define SMALLEST 1024u     /* slots */
#define LINE_IDS (size_t)4 /* in a cache line: probing begins at the start of one */

static bool is_same(const struct event_id *a, const struct event_id *b)
{
    return load_u64(a->bytes) == load_u64(b->bytes) && load_u64(a->bytes + 8) == load_u64(b->bytes + 8);
}

/* All zero and there at once: the first look-up of a page would be a fault, and the write after it, into a random page
 * each time, a second one and a call to the other cores. */
static struct event_id *slots_new(size_t capacity)
{
    return pages_map(capacity * sizeof(struct event_id));
}

static void slots_free(struct event_id *slots, size_t capacity)
{
    pages_unmap(slots, capacity * sizeof *slots);
}

static void set_capacity(struct id_set *set, size_t capacity)
{
    set->capacity = capacity;
    set->shift = (unsigned)(64 - __builtin_ctzll(capacity));
}

static size_t place_of(const struct id_set *set, const struct event_id *id)
{
    return (size_t)(id_set_mix(id, set->factors) >> set->shift) & ~(LINE_IDS - 1);
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
    *set = (struct id_set){ .max_count = max_count, .shift = 63 };
    id_set_draw_factors(set->factors);
}

void id_set_release(struct id_set *set)
{
    slots_free(set->slots, set->allocated);
    set->slots = NULL;
    set->capacity = set->allocated = 0;
    set->count = 0;
}

void id_set_adopt(struct id_set *set, void *memory, size_t bytes)
{
    id_set_release(set);
    set->slots = memory;
    set->allocated = bytes / sizeof *set->slots;
    set_capacity(set, set->allocated);
}

void id_set_clear(struct id_set *set)
{
    if (set->count != 0) {
        memset(set->slots, 0, set->capacity * sizeof *set->slots);
        set->count = 0;
    }
}

bool id_set_prepare(struct id_set *set, size_t count)
{
    size_t capacity = SMALLEST;
    while (capacity / 2 < count) {
        capacity *= 2;
    }
    if (count > set->max_count) {
        id_set_clear(set);
        return false;
    }
    if (capacity > set->allocated) {
        id_set_release(set);
        set->slots = slots_new(capacity);
        if (set->slots == NULL) {
            return false;
        }
        set->allocated = capacity;
    } else {
        memset(set->slots, 0, capacity * sizeof *set->slots);
    }
    set->count = 0;
    set_capacity(set, capacity);
    return true;
}

/* The id's slot, or the empty one where it would go. There is always an empty slot. */
static struct event_id *find(const struct id_set *set, const struct event_id *id)
{
    size_t mask = set->capacity - 1;
    size_t at = place_of(set, id);
    while (!is_same(&set->slots[at], id) && !event_id_is_zero(&set->slots[at])) {
        at = (at + 1) & mask;
    }
    return &set->slots[at];
}

void id_set_prefetch(const struct id_set *set, const struct event_id *id)
{
    if (set->capacity != 0) {
        __builtin_prefetch(&set->slots[place_of(set, id)]);
    }
}

bool id_set_contains(const struct id_set *set, const struct event_id *id)
{
    return set->count != 0 && !event_id_is_zero(find(set, id));
}

static bool grow(struct id_set *set)
{
    size_t capacity = set->capacity == 0 ? SMALLEST : set->capacity * 2;
    struct event_id *slots = slots_new(capacity);
    if (slots == NULL) {
        return false;
    }
    struct id_set grown = *set;
    grown.slots = slots;
    grown.allocated = capacity;
    set_capacity(&grown, capacity);
    for (size_t i = 0; i < set->capacity; i++) {
        if (!event_id_is_zero(&set->slots[i])) {
            *find(&grown, &set->slots[i]) = set->slots[i];
        }
    }
    slots_free(set->slots, set->allocated);
    *set = grown;
    return true;
}

enum id_set_result id_set_add(struct id_set *set, const struct event_id *id)
{
    struct event_id *slot = set->capacity == 0 ? NULL : find(set, id);
    if (slot != NULL && !event_id_is_zero(slot)) {
        return ID_SET_PRESENT;
    }
    if (set->count >= set->max_count) {
        return ID_SET_FULL;
    }
    if (set->count >= set->capacity / 2) {
        if (!grow(set)) {
            return ID_SET_FULL;
        }
        slot = find(set, id);
    }
    *slot = *id;
    set->count++;
    return ID_SET_ADDED;
}

size_t id_set_count_for_bytes(uint64_t bytes)
{
    uint64_t capacity = SMALLEST;
    while (capacity * 2 * sizeof(struct event_id) <= bytes) {
        capacity *= 2;
    }
    return (size_t)(capacity / 2);
}
