/* Fills lookups (proto/route/lookup.h) from the store, each by its statement and as often as it says, on a thread of its own;
 * and adds what a stream takes at once. While the store is away the last table stays: its age is told and counted. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct chunk;
struct lookup;
struct lookup_options;
struct lookups;
struct metrics;
struct status_board;
struct store;
struct stream;

struct lookups_config {
    const struct lookup_options *options;
    size_t count;
    struct stream *const *streams;
    size_t stream_count;
    const char *database;
    int64_t timeout_ns;  /* of one question */
    struct store *store; /* this and what follows: NULL for --check */
    struct metrics *metrics;
    struct status_board *board;
    /* Any thread: the wall time of the stream's oldest event that may not be in the store yet; INT64_MAX: all are. */
    int64_t (*oldest_ns)(void *context, size_t stream_index);
    void *context;
};

/* NULL with a line for each problem: "file:line: lookups.name: …". Borrows the configuration; connects to nothing. */
struct lookups *lookups_new(const struct lookups_config *config, struct buf *problem);
void lookups_free(struct lookups *lookups); /* takes NULL; nobody looks any more */

/* Once the store is open. Until the first answer, the lookups are empty. False with *problem. */
MUST_CHECK bool lookups_start(struct lookups *lookups, struct buf *problem);

/* Before the store is freed. The tables stay. */
void lookups_stop(struct lookups *lookups);

/* Of this name, or with the scope in front of it; NULL: there is none. */
struct lookup *lookups_find(const struct lookups *lookups, const char *scope, const char *name);

/* Commit thread, before the answers: these rows of the sealed chunk are durable (bit r of keep[r / 64]; NULL: all). */
void lookups_note_committed(void *lookups, const struct chunk *chunk, const uint64_t *keep);
