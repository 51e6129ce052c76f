/* Delivery: a few threads, each sending one batch at a time as one INSERT, again and again until it is known to be in the
 * table or lies in the dead letters. A batch is a sealed segment, or all that wait and fit (a group). The rules are in
 * ARCHITECTURE.md and docs/operations.md:
 *
 *   passing     connection, 5xx, any code that is not permanent: again for ever, same bytes, backoff and jitter, a
 *               circuit breaker per server
 *   unknown     recovered, time-out, lost connection, a proxy's answer: event_ids are counted before it is sent again
 *   done        confirmed by a probe, where the "done" may be of a second attempt whose first died with its server
 *   permanent   a row the table refuses: split in halves until the rows alone are dead letters
 *   poison      the same answer again and again: halved, or it stands aside and what is behind it goes on
 *   held        wrong password, missing table, full dead letters, too many refused rows: stream or batch waits
 *
 * The files are the segment_owner's (pipeline): the writer asks it to remove, split and bury.
 *
 *   writer.c         start, stop, drain, the threads
 *   writer_queue.c   the lanes (one per stream) and which job is due; writer_group.c what goes with it as one INSERT
 *   writer_outcome.c what comes of a job: backoff, holding, breakers; writer_report.c tells /readyz
 *   writer_attempt.c does the steps of delivery.h on one batch: of these, writer_count.c counts ids, writer_proof.c confirms,
 *                    writer_split.c parts and buries
 *   writer_setup.c   has each server run the files of `setup` before its tables are checked
 *   writer_placement.c says where a batch of unknown fate may go; writer_poison.c what its table takes meanwhile
 *   delivery.c       the verdicts, pure; so are poison.c (the same answer again), codes.c (what an error code means),
 *                    breaker.c (backoff), pace.c (does the store keep up?), identities.c (who answers at an address?)
 *   verify.c, views.c  what is asked of the server */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct segment;
struct setup_options;
struct writer;

enum writer_feedback { FEEDBACK_STORED, FEEDBACK_TOO_MANY_PARTS, FEEDBACK_FAILED };

/* What the writer needs of the owner of the segments. Each is called on a writer thread and may block on the disk. */
struct segment_owner {
    void *context;
    /* The segment's rows are in the table. Takes the segment and OK; on any other error (an unlink or fsync failed)
     * the writer keeps it and calls again later. */
    enum error (*stored)(void *context, struct segment *segment);
    /* Makes two segments of rows [0, at) and [at, rows), durably, and removes the whole. On OK the whole is gone. */
    enum error (*split)(void *context, struct segment *whole, uint64_t at, struct segment **first,
                        struct segment **second);
    /* Puts all rows of the segment into the dead letters with the reason, which may quote them. Takes the segment and OK;
     * ERROR_JOURNAL_FULL: the dead letters are full. */
    enum error (*bury)(void *context, struct segment *segment, int code, const char *reason);
    /* For the adaptive strategy. */
    void (*feedback)(void *context, size_t stream_index, enum writer_feedback feedback, uint64_t rows,
                     int64_t latency_ns);
};

struct writer_config {
    const struct writer_options *options;
    const struct store_options *store_options;
    const struct setup_options *setup; /* setup_count files, which a server runs before its tables are checked */
    size_t setup_count;
    struct store *store;
    const struct stream *const *streams;
    size_t stream_count;
    bool fsync; /* tables that are created set the fsync settings */
    struct metrics *metrics;
    struct status_board *board;
    struct segment_owner owner;
};

/* Checks every table first (as far as the store can be reached). NULL with *problem if a table is unfit; a store that
 * does not answer is no error. */
struct writer *writer_start(const struct writer_config *config, struct buf *problem);

/* Any thread: has every server that answers a table that fits this stream, which is not served yet? False with *problem, also
 * if none answers. Blocks for a few queries of each server. */
MUST_CHECK bool writer_takes_stream(struct writer *writer, const struct stream *stream, struct buf *problem);

/* The stream of this index is another one from now on, of the same table; that before lives on. */
void writer_change_stream(struct writer *writer, const struct stream *stream);

/* Any thread: the waits and the breaker's failures from now on; a wait that has begun keeps its length. */
void writer_change_waits(struct writer *writer, const struct writer_options *options);

/* Any thread; takes the segment. Never blocks for long. */
void writer_submit(struct writer *writer, struct segment *segment);

/* Waits until what has been submitted by now is stored, or the deadline (monotonic) has come. What cannot be stored now
 * is not waited for: held batches, those of a failing stream, all of them while no server answers. True if nothing at
 * all is left. */
bool writer_drain(struct writer *writer, int64_t deadline_ns);

/* Ends the threads after their present attempt, which is given up at the deadline, and frees their sessions. What is
 * undelivered stays in the journal, as what writer_submit still brings; the store may be freed. */
void writer_halt(struct writer *writer, int64_t deadline_ns);

/* writer_halt, if that has not been, then frees everything. */
void writer_stop(struct writer *writer);

/* Wall time of the oldest event waiting of a stream, INT64_MAX if none. Any thread. */
int64_t writer_oldest_ns(struct writer *writer, size_t stream_index);
