/* Events on their way to who watches: the refused from the threads that submit, the accepted from the commit thread. So many a
 * second pass, the others are not looked at; a thread that would have to wait for another lets its event go. */
#pragma once

#include "base/bytes.h"

#include <pthread.h>
#include <stdatomic.h>

#define LIVE_TAIL_ITEMS 128 /* that wait for the next tenth of a second */

struct live_item {
    size_t stream; /* or LIVE_NO_STREAM (live_interest.h) */
    struct buf text;
};

struct live_tail {
    _Atomic int64_t allowed; /* events that may pass now; relaxed */
    int64_t per_second;
    int64_t owed;          /* of one event, in parts of a second: what live_tail_refill has not let pass yet */
    pthread_mutex_t mutex; /* guards what follows */
    size_t count;
    struct live_item items[LIVE_TAIL_ITEMS];
};

void live_tail_init(struct live_tail *tail, int64_t per_second);
void live_tail_release(struct live_tail *tail);

/* May one more pass? Any thread; wait-free. */
static inline bool live_tail_admits(const struct live_tail *tail)
{
    return atomic_load_explicit(&tail->allowed, memory_order_relaxed) > 0;
}

/* The buf to write an event into that is admitted, until live_tail_end. NULL: there is no room, or another thread is at it. */
struct buf *live_tail_begin(struct live_tail *tail, size_t stream);
void live_tail_end(struct live_tail *tail);

/* One thread: lets pass what the time since the last call allows, a second's worth at most. */
void live_tail_refill(struct live_tail *tail, int64_t elapsed_ns);

/* The same thread: moves what waits into `items`, which has room for LIVE_TAIL_ITEMS; returns how many. Their texts are the
 * caller's. */
size_t live_tail_take(struct live_tail *tail, struct live_item *items);
