/* The sets in Redis that hold the ids of the last while, and the commands on them.
 *
 * A set is named <prefix>:<stream>:<epoch>, with :<shard> behind it if there is more than one. Its members are ids, 16
 * raw bytes each. An epoch is the number of a window since 1970 by Redis' own clock, so that no gateway's clock matters.
 * An id is looked up in the sets of this epoch and the one before, and marked in that of this epoch. So it is remembered
 * for one to two windows. A set expires, by Redis, when it can be asked for no more. docs/protocol.md tells the same. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf;
struct dedup_options;

/* An id, and where it says whether it was found (NULL: that is not asked). */
struct redis_question {
    const struct event_id *id;
    uint8_t *seen;
};

/* Questions of one set, so that they are one command. */
struct redis_run {
    size_t stream_index;
    unsigned shard;
    size_t first; /* of the questions */
    size_t count;
};

/* Many ids asked for in one command would keep others waiting for Redis. */
#define REDIS_RUN_MAX 1024u

/* Adds questions for the ids whose `seen` is not set (NULL: all) to `questions`, and the runs they make to `runs`. */
void redis_runs_add(const struct dedup_options *options, size_t stream_index, const struct event_id *ids, size_t count,
                    uint8_t *seen, struct buf *questions, struct buf *runs);

int64_t redis_epoch(const struct dedup_options *options, int64_t redis_time_ns);

/* SMISMEMBER on the set of that epoch: one command, its reply has run->count members. */
void redis_put_look_up(struct buf *out, const struct dedup_options *options, const char *stream,
                       const struct redis_run *run, const struct redis_question *questions, int64_t epoch);

/* SADD to the set of that epoch, and when it expires, both or neither: REDIS_MARK_COMMANDS commands. */
#define REDIS_MARK_COMMANDS 4u
void redis_put_mark(struct buf *out, const struct dedup_options *options, const char *stream,
                    const struct redis_run *run, const struct redis_question *questions, int64_t epoch);
