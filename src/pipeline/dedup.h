/* The contract of a duplicate filter, and the table of them.
 *
 * The order is look up → make durable → remember. `note` remembers in this process alone: the rows are acknowledged but
 * a power cut could still take them (durability os, memory). `persist` remembers for good: the rows are safe. With
 * `fsync` the commit thread calls both after fdatasync; with `os` persist follows when the segment is stored; with
 * `memory` nothing is persisted. */
#pragma once

#include "base/metrics.h"
#include "base/status.h"
#include "config/options.h"
#include "event/event_id.h"

struct dedup;

struct dedup_ops {
    const char *name;
    /* Commit thread. Sets seen[i] to 1 for each id that is remembered, else 0. May block up to the filter's time-out.
     * Not OK: nothing is known of any of them; the caller follows on_error. */
    MUST_CHECK enum error (*lookup)(struct dedup *dedup, const struct event_id *ids, size_t count, uint8_t *seen,
                                    int64_t wall_ns);
    /* Commit thread. Never fails; what does not fit pushes out the oldest. */
    void (*note)(struct dedup *dedup, const struct event_id *ids, size_t count, int64_t wall_ns);
    /* Any thread. May block on the disk or network. A failure is kept and tried again; it never changes a reply. */
    void (*persist)(struct dedup *dedup, const struct event_id *ids, size_t count, int64_t wall_ns);
    /* Any thread. Returns when everything persisted so far is on disk; not OK: it is not (ERROR_DISK_FULL: for want of
     * room). */
    MUST_CHECK enum error (*sync)(struct dedup *dedup);
    void (*free)(struct dedup *dedup);
};

/* The head of every implementation's own struct. */
struct dedup {
    const struct dedup_ops *ops;
};

/* Fails with a message in *problem. dedup_memory_new reads the key files of the data folder. `folder` NULL: nothing is
 * kept on disk (durability: memory). */
struct dedup *dedup_memory_new(const struct dedup_options *options, const char *folder, struct metrics *metrics,
                               int64_t wall_ns, struct buf *problem);
struct dedup *dedup_none_new(void);

/* Whether this build has the filter that is asked for; false with a line in *problems. */
MUST_CHECK bool dedup_check(const struct dedup_options *options, struct buf *problems);

/* The row of options->kind in the table of filters. */
struct dedup *dedup_new(const struct dedup_options *options, const char *folder, struct metrics *metrics,
                        struct status_board *board, int64_t wall_ns, struct buf *problem);
