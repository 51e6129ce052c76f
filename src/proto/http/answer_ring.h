/* The answers a connection owes, in the order of their requests. Grows with what a client pipelines. */
#pragma once

#include "proto/http/http_answer.h"

/* Requests of one connection that may be owed an answer; a power of two. */
#define HTTP_PIPELINE_MAX 64

/* Answers [first, next) are owed; that of sequence s stands at items[s & (size - 1)]. Invariant: next - first <= size <=
 * HTTP_PIPELINE_MAX. Zeroed it is empty. */
struct answer_ring {
    struct http_answer *items;
    uint32_t size;
    uint64_t first;
    uint64_t next;
};

/* Of a ring that is full. False at HTTP_PIPELINE_MAX, or if memory is short. */
bool answer_ring_grow(struct answer_ring *ring);

/* Makes room for one more answer if it can: false at HTTP_PIPELINE_MAX, or if memory is short. */
static inline bool answer_ring_make_room(struct answer_ring *ring)
{
    return ring->next - ring->first < ring->size || answer_ring_grow(ring);
}

/* The slot of the next request. answer_ring_make_room was true. */
struct http_answer *answer_ring_push(struct answer_ring *ring);

/* first <= sequence < next. */
static inline struct http_answer *answer_ring_at(const struct answer_ring *ring, uint64_t sequence)
{
    return &ring->items[sequence & (ring->size - 1)];
}

/* NULL if no such answer is owed (any more). */
struct http_answer *answer_ring_find(const struct answer_ring *ring, uint64_t sequence);

static inline bool answer_ring_is_empty(const struct answer_ring *ring)
{
    return ring->first == ring->next;
}

/* Owes nothing any more; keeps its memory, and the sequence, so that late completions find nothing. */
void answer_ring_clear(struct answer_ring *ring);
/* The same of one that owes nothing: keeps no memory. */
void answer_ring_shed(struct answer_ring *ring);
void answer_ring_release(struct answer_ring *ring);
