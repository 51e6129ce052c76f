/* Turns a flood of events into some a second. */
#include "proto/live/live_tail.h"

#include "base/assert.h"
#include "base/clock.h"

void live_tail_init(struct live_tail *tail, int64_t per_second)
{
    ASSERT(per_second >= 0);
    *tail = (struct live_tail){ .per_second = per_second };
    pthread_mutex_init(&tail->mutex, NULL);
}

void live_tail_release(struct live_tail *tail)
{
    for (size_t i = 0; i < LIVE_TAIL_ITEMS; i++) {
        buf_release(&tail->items[i].text);
    }
    pthread_mutex_destroy(&tail->mutex);
}

struct buf *live_tail_begin(struct live_tail *tail, size_t stream)
{
    if (pthread_mutex_trylock(&tail->mutex) != 0) {
        return NULL;
    }
    if (tail->count == LIVE_TAIL_ITEMS) {
        pthread_mutex_unlock(&tail->mutex);
        return NULL;
    }
    struct live_item *item = &tail->items[tail->count];
    item->stream = stream;
    ASSERT_EQUAL(item->text.len, 0);
    return &item->text;
}

void live_tail_end(struct live_tail *tail)
{
    ASSERT_BELOW(tail->count, LIVE_TAIL_ITEMS);
    if (tail->items[tail->count].text.failed) {
        buf_release(&tail->items[tail->count].text);
    } else {
        tail->count++;
        atomic_fetch_sub_explicit(&tail->allowed, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&tail->mutex);
}

void live_tail_refill(struct live_tail *tail, int64_t elapsed_ns)
{
    ASSERT(elapsed_ns >= 0);
    int64_t elapsed = elapsed_ns < NS_PER_SECOND ? elapsed_ns : NS_PER_SECOND;
    tail->owed += tail->per_second * elapsed;
    int64_t more = tail->owed / NS_PER_SECOND;
    tail->owed %= NS_PER_SECOND;
    int64_t allowed = atomic_load_explicit(&tail->allowed, memory_order_relaxed);
    more = allowed + more > tail->per_second ? tail->per_second - allowed : more;
    atomic_fetch_add_explicit(&tail->allowed, more, memory_order_relaxed);
}

size_t live_tail_take(struct live_tail *tail, struct live_item *items)
{
    pthread_mutex_lock(&tail->mutex);
    size_t count = tail->count;
    memcpy(items, tail->items, count * sizeof *items);
    memset(tail->items, 0, count * sizeof *items);
    tail->count = 0;
    pthread_mutex_unlock(&tail->mutex);
    return count;
}
