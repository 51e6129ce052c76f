/* Rejects: input that was refused, kept on disk if the options say so, and sent again once somebody asks.
 *
 *   I/O, UDP, payload threads          rejects thread                              main thread, each second
 *   refusals_note ─► reject_take ─queue─► reject_compose ─► reject_files    orders ─► reject_retry ─► pipeline_submit
 *
 * Those who submit copy what was refused and go on: they never wait, and what finds no room in the queue is counted instead. The
 * thread cuts what is personal, writes lines, and removes the oldest files. It gives way to all others, and writes no more than
 * REJECTS_PACE: a flood of refusals must not take the disk from the journal. While nothing is kept a refusal costs one load. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;
struct pipeline;
struct rejects_options;
struct status_board;
struct stream;

#define REJECTS_QUEUE ((uint64_t)16 << 20) /* bytes of what waits for the thread */
#define REJECTS_PACE ((int64_t)16 << 20)   /* bytes a second */

struct rejects_config {
    const struct rejects_options *options; /* of the start; copied */
    const char *data_folder;
    uint64_t min_free; /* bytes that the journal needs free on the disk: rejects leave more */
    struct pipeline *pipeline;
    struct metrics *metrics;
    struct status_board *board;
    struct stream *const *streams;
    size_t stream_count;
};

struct rejects;

/* The thread that made the pipeline, before anything is submitted: it becomes one of its sinks. The folder is locked. NULL with
 * *problem. */
struct rejects *rejects_new(const struct rejects_config *config, struct buf *problem);

/* Likewise once, and after a reload: what the options say now. False: memory is short, and what held before holds on. */
MUST_CHECK bool rejects_apply(struct rejects *rejects, const struct rejects_options *options);

/* The same thread, about once a second, once the pipeline is open: goes on with orders (reject_order.h). Reads files, and waits for
 * the disk. */
void rejects_tick(struct rejects *rejects);

/* Writes what waits, ends the thread. Nothing is submitted any more. */
void rejects_stop(struct rejects *rejects);
void rejects_free(struct rejects *rejects);
