/* What the writer asks of the owner of the segments (struct segment_owner): after delivery the ids are remembered for
 * good, the file goes, the events are counted and those who wait are told.
 *
 * A segment is removed only after the key files that hold its ids are synced. Writer threads. */
#pragma once

#include "base/bytes.h"
#include "store/delivery/writer.h"

#include <pthread.h>

/* By index. */
struct settlement_streams {
    const struct stream *const *items;
    size_t count;
};

struct settlement {
    struct settlement_streams streams;
    struct journal *journal;
    struct dedup *dedup;
    struct dead_letters *letters;
    struct commit_queue *queue;
    struct waiting_room *room;
    pthread_mutex_t mutex; /* guards the cells: several writer threads add to them */
    struct metrics_cells *cells;
    size_t no_stream; /* the label of segments whose stream is not configured any more */
};

/* The fields above the mutex are the caller's to set before. False: memory is short. */
MUST_CHECK bool settlement_init(struct settlement *settlement, struct metrics *metrics);
void settlement_release(struct settlement *settlement);

struct segment_owner settlement_callbacks(struct settlement *settlement);

/* At start, before the listeners open: notes the ids of a recovered segment, and persists them if the filter wants that as
 * soon as its rows are durable. ERROR_OUT_OF_MEMORY: nothing is known of it. Else, if not OK, they could not be read; the
 * segment can be delivered all the same. */
enum error settlement_remember_recovered(struct settlement *settlement, const struct segment *segment, int64_t wall_ns);

/* Any thread. Appends the stable ids of a segment; nothing if its table has no event_id. As segment_event_ids. */
MUST_CHECK enum error settlement_read_ids(const struct settlement_streams *streams, const struct segment *segment,
                                          struct buf *ids);
