/* Turns a request's sequence number into the slot of its answer. */
#include "proto/http/answer_ring.h"

#include "base/assert.h"

#include <stdlib.h>

#define SIZE_AT_FIRST 4

_Static_assert((HTTP_PIPELINE_MAX & (HTTP_PIPELINE_MAX - 1)) == 0, "the ring is indexed by a mask");

/* Every slot is owed, and moves to where the wider mask looks for it. */
bool answer_ring_grow(struct answer_ring *ring)
{
    if (ring->size == HTTP_PIPELINE_MAX) {
        return false;
    }
    uint32_t size = ring->size == 0 ? SIZE_AT_FIRST : ring->size * 2;
    struct http_answer *items = calloc(size, sizeof *items);
    if (items == NULL) {
        return false;
    }
    for (uint64_t sequence = ring->first; sequence != ring->next; sequence++) {
        items[sequence & (size - 1)] = *answer_ring_at(ring, sequence);
    }
    free(ring->items);
    ring->items = items;
    ring->size = size;
    return true;
}

struct http_answer *answer_ring_push(struct answer_ring *ring)
{
    ASSERT_BELOW(ring->next - ring->first, ring->size);
    return answer_ring_at(ring, ring->next++);
}

struct http_answer *answer_ring_find(const struct answer_ring *ring, uint64_t sequence)
{
    return sequence >= ring->first && sequence < ring->next ? answer_ring_at(ring, sequence) : NULL;
}

void answer_ring_clear(struct answer_ring *ring)
{
    for (; ring->first != ring->next; ring->first++) {
        http_answer_clear(answer_ring_at(ring, ring->first));
    }
}

void answer_ring_shed(struct answer_ring *ring)
{
    for (uint32_t i = 0; i < ring->size; i++) {
        http_answer_release(&ring->items[i]);
    }
    free(ring->items);
    ring->items = NULL;
    ring->size = 0;
}

void answer_ring_release(struct answer_ring *ring)
{
    answer_ring_shed(ring);
    *ring = (struct answer_ring){ 0 };
}
