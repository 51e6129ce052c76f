/* Turns pushes from many threads into work that the commit thread takes all at once. */
#include "pipeline/commit/commit_queue.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/commit_options.h"
#include "event/chunk.h"
#include "event/segment/segment.h"
#include <stdlib.h>

void commit_queue_init(struct commit_queue *queue, const struct commit_options *options)
{
    memset(queue, 0, sizeof *queue);
    queue->options = options;
    queue->end = &queue->chunks;
    wakeup_init(&queue->wakeup);
    atomic_init(&queue->events, 0);
    atomic_init(&queue->bytes, 0);
}

void commit_queue_release(struct commit_queue *queue)
{
    while (queue->chunks != NULL) {
        struct chunk *chunk = queue->chunks;
        queue->chunks = chunk->next;
        chunk_free(chunk);
    }
    returned_free(queue->returned);
    wakeup_release(&queue->wakeup);
}

/* Locked on entry, unlocks. */
static void unlock_and_wake(struct commit_queue *queue)
{
    bool wake = queue->sleeping;
    queue->sleeping = false;
    wakeup_unlock(&queue->wakeup);
    if (wake) {
        wakeup_one(&queue->wakeup);
    }
}

void commit_queue_push(struct commit_queue *queue, struct chunk *chunk)
{
    atomic_fetch_add_explicit(&queue->events, chunk->rows, memory_order_relaxed);
    chunk->queued_bytes = chunk_bytes(chunk);
    atomic_fetch_add_explicit(&queue->bytes, chunk->queued_bytes, memory_order_relaxed);
    ASSERT(chunk->rows != 0 || chunk->ticket_count != 0);
    chunk->next = NULL;
    wakeup_lock(&queue->wakeup);
    ASSERT(*queue->end == NULL);
    *queue->end = chunk;
    queue->end = &chunk->next;
    unlock_and_wake(queue);
}

bool commit_queue_has_room(const struct commit_queue *queue)
{
    return atomic_load_explicit(&queue->events, memory_order_relaxed) < queue->options->queue_events &&
           atomic_load_explicit(&queue->bytes, memory_order_relaxed) < queue->options->queue_bytes;
}

void commit_queue_feedback(struct commit_queue *queue, const struct batch_feedback *feedback)
{
    wakeup_lock(&queue->wakeup);
    if (queue->feedback_count < QUEUE_FEEDBACK) {
        queue->feedback[queue->feedback_count++] = *feedback;
    }
    wakeup_unlock(&queue->wakeup);
}

void commit_queue_return(struct commit_queue *queue, struct returned *list)
{
    struct returned **end = &queue->returned;
    wakeup_lock(&queue->wakeup);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = list;
    unlock_and_wake(queue);
}

void returned_free(struct returned *list)
{
    while (list != NULL) {
        struct returned *rest = list->next;
        buf_release(&list->ids);
        segment_free(list->segment);
        free(list);
        list = rest;
    }
}

void commit_queue_drain(struct commit_queue *queue)
{
    wakeup_lock(&queue->wakeup);
    queue->draining = true;
    unlock_and_wake(queue);
}

void commit_queue_stop(struct commit_queue *queue)
{
    wakeup_lock(&queue->wakeup);
    queue->stopping = true;
    unlock_and_wake(queue);
}

void commit_queue_take(struct commit_queue *queue, int64_t deadline_ns, struct commit_work *work)
{
    wakeup_lock(&queue->wakeup);
    while (queue->chunks == NULL && queue->returned == NULL && !queue->draining && !queue->stopping &&
           clock_monotonic_ns() < deadline_ns) {
        queue->sleeping = true;
        wakeup_wait(&queue->wakeup, deadline_ns);
    }
    queue->sleeping = false;
    work->chunks = queue->chunks;
    queue->chunks = NULL;
    queue->end = &queue->chunks;
    work->feedback_count = queue->feedback_count;
    memcpy(work->feedback, queue->feedback, queue->feedback_count * sizeof queue->feedback[0]);
    queue->feedback_count = 0;
    work->returned = queue->returned;
    queue->returned = NULL;
    work->draining = queue->draining;
    queue->draining = false;
    work->stopping = queue->stopping;
    wakeup_unlock(&queue->wakeup);
}

static void count_bytes(struct commit_queue *queue, struct chunk *chunk, uint64_t bytes)
{
    uint64_t before = atomic_fetch_sub_explicit(&queue->bytes, chunk->queued_bytes - bytes, memory_order_relaxed);
    ASSERT_AT_MOST(bytes, chunk->queued_bytes);
    ASSERT_AT_MOST(chunk->queued_bytes, before);
    chunk->queued_bytes = bytes;
}

void commit_queue_completed(struct commit_queue *queue, struct chunk *chunk)
{
    uint64_t before = atomic_fetch_sub_explicit(&queue->events, chunk->rows, memory_order_relaxed);
    ASSERT_AT_MOST(chunk->rows, before);
    chunk_shed(chunk);
    count_bytes(queue, chunk, chunk_bytes(chunk));
}

void commit_queue_cleared(struct commit_queue *queue, struct chunk *chunk)
{
    count_bytes(queue, chunk, 0);
}
