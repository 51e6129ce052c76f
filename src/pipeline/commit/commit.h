/* Commit: takes a group of chunks and does each thing once for all of them.
 *
 *   look the ids up → compare them within the group → journal the rows that are new → make them durable → remember
 *   their ids in process → answer the tickets → remember the ids for good → seal what is due
 *
 * Only this says "duplicate". A duplicate's reply waits for, and fails with, its group: the first of two equal events
 * may be the one that could not be written. An error of one stream fails that stream's tickets alone, all of them in
 * the group, and none of its ids are remembered. A full journal fails the group, a stream that has filled its part of it
 * (max_journal) its own tickets.
 *
 * Everything here is called on the commit thread (commit_thread.h), or in tests on any one thread; it may block on the
 * disk, and as long as the duplicate filter's look-up does. The clock is an argument. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_feedback;
struct chunk;
struct returned;
struct segment;
struct stream;

/* Rows after which a group takes no further chunk, so that its latency stays bounded. */
#define COMMIT_GROUP_ROWS 65536u

struct commit_config {
    struct stream *const *streams;
    size_t stream_count;
    struct journal *journal;
    struct dedup *dedup;
    const struct dedup_options *dedup_options;
    struct commit_queue *queue;
    struct waiting_room *room;
    struct metrics *metrics;
    struct status_board *board;
    /* Before the answers: these rows of the chunk are durable (bit r of keep[r / 64]; NULL: all). NULL: nobody asks. */
    void (*committed)(void *context, const struct chunk *chunk, const uint64_t *keep);
    void *committed_context;
    const char *folder; /* the data folder; NULL: versions of updates are not kept */
    /* Takes a sealed segment. */
    void (*submit)(void *context, struct segment *segment);
    void *context;
};

struct commit;

/* NULL if memory is short. */
struct commit *commit_new(const struct commit_config *config);
void commit_free(struct commit *commit);

/* Decides the fate of every row and sends the chunks back to where they came from. `chunks` is a list by `next`. */
void commit_group(struct commit *commit, struct chunk *chunks, int64_t now_ns, int64_t wall_ns);

/* Between groups: hands on the segments that are due by their strategy, that somebody waits for, or that the journal
 * sealed itself. */
void commit_seal_due(struct commit *commit, int64_t now_ns);
void commit_seal_all(struct commit *commit);

/* When commit_seal_due has something to do next, by time alone; INT64_MAX if there is nothing. */
int64_t commit_deadline_ns(const struct commit *commit);

/* While nothing of it is open: the stream of this index is another one, by whose options it is batched from now on. */
void commit_change_stream(struct commit *commit, const struct stream *stream);

void commit_learn(struct commit *commit, const struct batch_feedback *feedback);

/* Takes segments that were given back, which no group brought: remembers their ids, then hands them on. */
void commit_take_back(struct commit *commit, struct returned *list, int64_t wall_ns);

/* How long a group took, look-up to answer. */
void commit_observe(struct commit *commit, int64_t duration_ns);

/* Asks the journal whether it takes events, for commit_admits. */
void commit_check(struct commit *commit);

/* Any thread: OK, or why the journal takes no event now. */
enum error commit_admits(const struct commit *commit);

/* Any thread: OK, or why it takes no event of this stream, though it may take others. */
enum error commit_admits_stream(const struct commit *commit, size_t stream_index);

/* Any thread: does it refuse anything now? */
bool commit_refuses(const struct commit *commit);

/* Any thread: when the first row of the stream's open segment came (monotonic); INT64_MAX if there is none. */
int64_t commit_opened_ns(const struct commit *commit, size_t stream_index);
