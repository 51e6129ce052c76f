/* What the gateway does now, as one JSON object: counters by stream and protocol, the places in which events are, journal, store
 * and lag. docs/live.md has its members. */
#pragma once

#include "base/bytes.h"

struct live_interest;
struct metrics;
struct pipeline;
struct status_board;
struct stream;

struct live_numbers_source {
    struct metrics *metrics;
    struct status_board *board;
    struct pipeline *pipeline;
    const char *version;
    int64_t started_wall_ns;
    struct stream *const *streams; /* as stream_at reads them */
    size_t stream_count;
    uint64_t max_journal_bytes;
    uint64_t min_free_bytes;
    uint64_t max_dead_letter_bytes;
    uint64_t max_queue_events;
};

/* Appends the object; of streams that the interest holds, and of no others. Any thread; out->failed if memory is short. */
void live_numbers(const struct live_numbers_source *source, const struct live_interest *interest, int64_t wall_ns,
                  struct buf *out);
