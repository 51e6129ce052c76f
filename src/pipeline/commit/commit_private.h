/* What commit.c (the order of things), commit_dedup.c (which rows are new) and commit_seal.c (when a segment goes)
 * share. */
#pragma once

#include "base/assert.h"
#include "base/error.h"
#include "event/chunk.h"
#include "event/stream.h"
#include "pipeline/commit/batch.h"
#include "pipeline/commit/commit.h"
#include "pipeline/commit/updates.h"
#include "pipeline/commit/version_mark.h"
#include "pipeline/dedup/dedup.h"
#include "pipeline/dedup/id_set.h"

/* What is known of one chunk of the group. */
struct commit_plan {
    struct chunk *chunk;
    size_t first_id; /* of its stable ids in commit->ids */
    size_t id_count;
    size_t keep_at; /* of its words in commit->keep */
    uint32_t kept;  /* rows that are new: bits set in its words */
};

struct commit_stream {
    struct batch_policy policy;
    enum error error;          /* of this group */
    uint64_t bytes;            /* of this group's chunks */
    bool touched;              /* appended to in this group */
    bool seal;                 /* somebody waits for `stored` */
    struct buf waiters;        /* struct waiter, of the open segment */
    struct updates *updates;   /* of a stream with upsert; NULL: its events are no updates */
    _Atomic int64_t opened_ns; /* for other threads; INT64_MAX: none is open */
    _Atomic int admits;        /* for other threads: OK, or why the journal takes none of this stream */
};

struct commit {
    struct commit_config config;
    struct metrics_cells *cells;
    struct commit_stream *streams; /* by index */
    _Atomic int journal_error;
    struct version_mark versions; /* of all streams with upsert */
    /* scratch of a group */
    struct buf plans;   /* struct commit_plan */
    struct buf ids;     /* the stable ids of all chunks in order of rows */
    struct buf seen;    /* a byte each */
    struct buf runs;    /* struct dedup_ids, into ids and seen */
    struct buf keep;    /* uint64_t: bit r of a chunk's words says that row r is new */
    struct buf to_wake; /* struct pipeline_inbox * */
    struct id_set group_ids;
};

static inline struct commit_plan *commit_plans(const struct commit *commit)
{
    return (struct commit_plan *)(void *)commit->plans.data;
}

static inline size_t commit_plan_count(const struct commit *commit)
{
    return commit->plans.len / sizeof(struct commit_plan);
}

static inline struct dedup_ids *commit_runs(const struct commit *commit)
{
    return (struct dedup_ids *)(void *)commit->runs.data;
}

static inline size_t commit_run_count(const struct commit *commit)
{
    return commit->runs.len / sizeof(struct dedup_ids);
}

static inline uint64_t *commit_keep(const struct commit *commit, const struct commit_plan *plan)
{
    return (uint64_t *)(void *)commit->keep.data + plan->keep_at;
}

static inline struct commit_stream *commit_stream_of(const struct commit *commit, const struct chunk *chunk)
{
    ASSERT_BELOW(chunk->stream->index, commit->config.stream_count);
    return &commit->streams[chunk->stream->index];
}

/* commit_updates.c. The updates of each stream with upsert; false if memory is short. */
MUST_CHECK bool commit_make_updates(struct commit *commit);
void commit_free_updates(struct commit *commit);

/* Is its stream one with upsert? */
static inline bool commit_has_updates(const struct commit *commit, const struct chunk *chunk)
{
    return commit_stream_of(commit, chunk)->updates != NULL;
}

/* commit_updates.c. Before the group is made durable: its versions are not used again after a start. */
void commit_mark_versions(struct commit *commit);

/* commit_updates.c. What was taken of a stream with an error is no state that a key is in. */
void commit_forget_failed_updates(struct commit *commit);

/* commit_dedup.c. Fills plans, ids, seen and keep, and counts each ticket's accepted and duplicate rows. False if
 * memory is short: nothing is known. Streams whose look-up failed get an error, if it is so configured. */
MUST_CHECK bool commit_find_new(struct commit *commit, struct chunk *chunks, int64_t wall_ns);

/* commit_dedup.c. Remembers the ids of the rows that were kept, of all streams without error, in process. Its runs stand
 * until the next group. */
void commit_note(struct commit *commit, int64_t wall_ns);

/* commit_dedup.c. With `fsync`: remembers the same for good. */
void commit_persist(struct commit *commit, int64_t wall_ns);

/* commit_dedup.c. Remembers the ids of segments that were given back: their rows are as safe as those found at start. */
void commit_remember_returned(struct commit *commit, const struct returned *list, int64_t wall_ns);
