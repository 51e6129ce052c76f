/* What waits for the commit thread: chunks of the I/O threads, answers of the store, and the wish to drain or stop.
 * Bounded by commit.queue_events and queue_bytes, which submit asks before it lets a payload in: a push is never refused.
 * Beyond them there may be what each I/O thread had let in before it was full: an open chunk of each stream, and the
 * payload that filled it. */
#pragma once

#include "base/thread.h"
#include "pipeline/commit/batch.h"

#include <stdatomic.h>

#define QUEUE_FEEDBACK 64

struct batch_feedback {
    size_t stream_index;
    enum batch_answer answer;
    uint64_t rows;
    int64_t latency_ns;
};

/* A segment that was given back (`sluice dead-letters retry`), on its way to the writers: its ids are remembered first. */
struct returned {
    struct returned *next;
    struct segment *segment;
    struct buf ids; /* struct event_id, the stable ones */
};

struct commit_queue {
    const struct commit_options *options;
    struct wakeup wakeup; /* guards all but the two counters */
    struct chunk *chunks; /* a list by `next`, oldest first */
    struct chunk **end;
    struct batch_feedback feedback[QUEUE_FEEDBACK];
    size_t feedback_count;
    struct returned *returned;
    bool sleeping; /* the commit thread waits: only then a push wakes it */
    bool draining, stopping;
    _Atomic uint64_t events; /* pushed and not yet completed */
    _Atomic uint64_t bytes;  /* held by chunks that were pushed and are not cleared yet */
};

/* What the commit thread takes at once. */
struct commit_work {
    struct chunk *chunks;
    struct batch_feedback feedback[QUEUE_FEEDBACK];
    size_t feedback_count;
    struct returned *returned; /* a list, the taker's */
    bool draining, stopping;
};

void commit_queue_init(struct commit_queue *queue, const struct commit_options *options);

/* Frees the chunks in it, too. */
void commit_queue_release(struct commit_queue *queue);

/* I/O threads. Takes the sealed chunk. */
void commit_queue_push(struct commit_queue *queue, struct chunk *chunk);

/* Any thread: is there room for more events? */
bool commit_queue_has_room(const struct commit_queue *queue);

/* Writer threads. What does not fit is left out: it is a hint. */
void commit_queue_feedback(struct commit_queue *queue, const struct batch_feedback *feedback);

/* Any thread. Takes a list. */
void commit_queue_return(struct commit_queue *queue, struct returned *list);

/* Frees the segments in it, too. */
void returned_free(struct returned *list);

/* Any thread: ask the commit thread to drain (seal everything once), or to end. */
void commit_queue_drain(struct commit_queue *queue);
void commit_queue_stop(struct commit_queue *queue);

/* Commit thread. Waits until there is something or deadline_ns (monotonic) has come, and takes it all. A drain is
 * handed out once. */
void commit_queue_take(struct commit_queue *queue, int64_t deadline_ns, struct commit_work *work);

/* Commit thread. A chunk is about to go back, as its tickets alone: the memory of large values is given back at once, as
 * its I/O thread may be busy with payloads that want as much. */
void commit_queue_completed(struct commit_queue *queue, struct chunk *chunk);

/* I/O thread. A chunk that is back, if it was pushed at all, is about to be cleared: its room is free again. */
void commit_queue_cleared(struct commit_queue *queue, struct chunk *chunk);
