/* The ids that wait to be marked in Redis, by stream, oldest first. Bounded: what does not fit is left to the table.
 * Any thread may add; only one at a time takes, and removes what it took once Redis has it. It keeps DEDUP_MARKS_WAITING
 * and DEDUP_MARKS_LOST. */
#pragma once

#include "event/event_id.h"

#include <pthread.h>

struct redis_marks {
    pthread_mutex_t mutex;
    struct buf *ids; /* struct event_id, by stream index */
    size_t stream_count;
    size_t count; /* of all streams */
    size_t max_count;
    uint64_t lost; /* had no room */
    struct metrics *metrics;
};

/* False: memory is short. */
MUST_CHECK bool redis_marks_init(struct redis_marks *marks, size_t stream_count, size_t max_count,
                                 struct metrics *metrics);
void redis_marks_release(struct redis_marks *marks);

void redis_marks_add(struct redis_marks *marks, size_t stream_index, const struct event_id *ids, size_t count);

/* How many wait, of all streams. */
size_t redis_marks_waiting(struct redis_marks *marks);

/* Copies the oldest of a stream, at most `most`, into the empty *ids; they stay. How many there are in it. */
size_t redis_marks_peek(struct redis_marks *marks, size_t stream_index, size_t most, struct buf *ids);

/* Removes the oldest `count` of a stream. */
void redis_marks_remove(struct redis_marks *marks, size_t stream_index, size_t count);
