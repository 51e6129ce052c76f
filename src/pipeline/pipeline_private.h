/* What pipeline.c (start, drain, stop), pipeline_tick.c (dead letters that come back) and pipeline_io.c (the side of
 * the I/O threads) share. */
#pragma once

#include "pipeline/commit/commit_queue.h"
#include "pipeline/commit/commit_thread.h"
#include "pipeline/commit/waiters.h"
#include "pipeline/destinations.h"
#include "pipeline/pipeline.h"
#include "pipeline/refusals.h"
#include "pipeline/settlement.h"

struct pipeline {
    struct pipeline_config config;
    struct validate_plans *plans; /* of all streams, for the I/O threads */
    atomic_bool open;             /* events are let in; what follows is there */
    struct wakeup opening;        /* guards `awaited`, and whoever awaits it sleeps there */
    bool awaited;                 /* it is not open yet, and may still be */
    struct journal *journal;
    struct destinations destinations; /* of sealed segments: the store */
    struct dedup *dedup;
    struct dead_letters *letters;
    struct commit_queue queue;
    struct waiting_room room;
    struct refusals refusals;
    struct settlement settlement;
    struct commit *commit;
    struct commit_thread commit_thread;
    struct writer *writer;
    struct metrics_cells *tick_cells; /* of the thread that calls pipeline_tick */
    struct pipeline_io *ios;          /* a list by `next` */
};

/* pipeline_io.c. Frees the I/O threads' side and the chunks that stand in it. */
void pipeline_io_free_all(struct pipeline *pipeline);
