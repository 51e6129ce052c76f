/* What the segments of each stream take: events, bytes and files, as the gauges show them. Any thread. */
#pragma once

#include "base/metrics/metrics.h"

#include <pthread.h>

/* Of one stream. */
struct usage {
    uint64_t events;
    uint64_t bytes;
    uint64_t segments;
};

struct journal_usage {
    struct metrics *metrics;
    size_t stream_count;
    pthread_mutex_t mutex;   /* guards what follows */
    struct usage *of_stream; /* stream_count + 1: the last is of streams that are not configured */
    uint64_t all_bytes;
};

/* False: memory is short; journal_usage_release follows either way. */
MUST_CHECK bool journal_usage_init(struct journal_usage *usage, size_t stream_count, struct metrics *metrics);
void journal_usage_release(struct journal_usage *usage);

/* Moves the sums and gauges of a stream (SIZE_MAX: not configured). What goes must have come. */
void journal_usage_move(struct journal_usage *usage, size_t stream_index, int64_t events, int64_t bytes,
                        int64_t segments);

/* What one stream's segments take (SIZE_MAX: of those not configured), and all. */
struct usage journal_usage_of(struct journal_usage *usage, size_t stream_index);
struct usage journal_usage_of_all(struct journal_usage *usage);
