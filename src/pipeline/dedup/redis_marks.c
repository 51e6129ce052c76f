/* Turns ids of events that are safe into what Redis has still to be told. */
#include "pipeline/dedup/redis_marks.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"

#include <stdlib.h>

bool redis_marks_init(struct redis_marks *marks, size_t stream_count, size_t max_count, struct metrics *metrics)
{
    *marks = (struct redis_marks){ .stream_count = stream_count, .max_count = max_count, .metrics = metrics };
    pthread_mutex_init(&marks->mutex, NULL);
    marks->ids = calloc(stream_count + 1, sizeof *marks->ids);
    return marks->ids != NULL;
}

void redis_marks_release(struct redis_marks *marks)
{
    for (size_t i = 0; marks->ids != NULL && i < marks->stream_count; i++) {
        buf_release(&marks->ids[i]);
    }
    free(marks->ids);
    pthread_mutex_destroy(&marks->mutex);
}

/* With the mutex, so that the last word is the last state. */
static void report(const struct redis_marks *marks)
{
    metric_set(marks->metrics, METRIC_DEDUP_MARKS_WAITING, 0, (double)marks->count);
    metric_set(marks->metrics, METRIC_DEDUP_MARKS_LOST, 0, (double)marks->lost);
}

void redis_marks_add(struct redis_marks *marks, size_t stream_index, const struct event_id *ids, size_t count)
{
    pthread_mutex_lock(&marks->mutex);
    struct buf *waiting = &marks->ids[stream_index];
    size_t room = marks->max_count - marks->count;
    size_t fitting = count < room ? count : room;
    buf_append(waiting, ids, fitting * sizeof *ids);
    if (waiting->failed) {
        waiting->failed = false; /* what was there before is still there */
        fitting = 0;
    }
    marks->count += fitting;
    marks->lost += count - fitting;
    ASSERT_AT_MOST(marks->count, marks->max_count);
    report(marks);
    pthread_mutex_unlock(&marks->mutex);
}

size_t redis_marks_waiting(struct redis_marks *marks)
{
    pthread_mutex_lock(&marks->mutex);
    size_t count = marks->count;
    pthread_mutex_unlock(&marks->mutex);
    return count;
}

size_t redis_marks_peek(struct redis_marks *marks, size_t stream_index, size_t most, struct buf *ids)
{
    pthread_mutex_lock(&marks->mutex);
    const struct buf *waiting = &marks->ids[stream_index];
    size_t bytes = most * sizeof(struct event_id);
    buf_append(ids, waiting->data, bytes < waiting->len ? bytes : waiting->len);
    pthread_mutex_unlock(&marks->mutex);
    return ids->len / sizeof(struct event_id);
}

void redis_marks_remove(struct redis_marks *marks, size_t stream_index, size_t count)
{
    pthread_mutex_lock(&marks->mutex);
    buf_consume(&marks->ids[stream_index], count * sizeof(struct event_id));
    ASSERT_AT_MOST(count, marks->count);
    marks->count -= count;
    report(marks);
    pthread_mutex_unlock(&marks->mutex);
}
