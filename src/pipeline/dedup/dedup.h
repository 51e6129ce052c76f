/* The contract of a duplicate filter, and the table of them.
 *
 * The order is look up → make durable → remember. `note` remembers in this process alone. `persist` remembers for good,
 * as soon as it is of use and the rows are safe: see enum dedup_persists. */
#pragma once

#include "base/bytes.h"
#include "config/options/journal_options.h"

#include <stddef.h>
#include <stdint.h>

struct dedup;

/* Stable ids of one stream. The filters of streams are apart, though an id's hash covers the stream's name. */
struct dedup_ids {
    size_t stream_index; /* SIZE_MAX: it is not configured any more */
    const struct event_id *ids;
    size_t count;
    uint8_t *seen; /* one for each id, for look-ups */
};

struct dedup_ops {
    const char *name;
    /* Commit thread. Sets seen[i] of zeroed bytes to 1 for each id that is remembered. May block up to the filter's
     * time-out. Not OK: those that are set are remembered, of the others nothing is known; the caller follows on_error. */
    MUST_CHECK enum error (*lookup)(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns);
    /* Commit thread. Never fails; what does not fit pushes out the oldest. */
    void (*note)(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns);
    /* Any thread. May block on the disk or network. A failure is kept and tried again; it never changes a reply. */
    void (*persist)(struct dedup *dedup, const struct dedup_ids *runs, size_t count, int64_t wall_ns);
    /* Any thread. Returns when everything persisted so far is on disk; not OK: it is not (ERROR_DISK_FULL: for want of
     * room). */
    MUST_CHECK enum error (*sync)(struct dedup *dedup);
    void (*free)(struct dedup *dedup);
};

/* When a filter wants its ids persisted. Until they are, a segment on disk holds them: at start its ids are noted. */
enum dedup_persists {
    PERSISTS_NEVER,
    PERSISTS_STORED, /* when their segment is stored, before it goes */
    PERSISTS_DURABLE /* as soon as no power cut can take their rows, for others look there too: with `fsync` */
};

/* The head of every implementation's own struct. */
struct dedup {
    const struct dedup_ops *ops;
    enum dedup_persists persists;
};

struct dedup_config {
    const struct dedup_options *options;
    const char *folder; /* the data folder */
    enum durability durability;
    const struct stream *const *streams;
    size_t stream_count;
    struct metrics *metrics;
    struct status_board *board;
};

/* Each fails with a message in *problem. dedup_memory_new reads the key files of the folder; dedup_redis_new connects,
 * and takes a server that does not answer for no error. */
struct dedup *dedup_memory_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem);
struct dedup *dedup_redis_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem);
struct dedup *dedup_none_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem);

/* Whether the options can be used; false with a line in *problems. Connects to nothing. */
MUST_CHECK bool dedup_check(const struct dedup_options *options, struct buf *problems);

/* The row of options->kind in the table of filters. */
struct dedup *dedup_new(const struct dedup_config *config, int64_t wall_ns, struct buf *problem);
