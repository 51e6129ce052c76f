/* What rejects.c (the sink and its queue), rejects_thread.c (lines and files) and reject_retry.c (orders) share. */
#pragma once

#include "base/metrics/metrics.h"
#include "base/thread.h"
#include "event/event_id.h"
#include "pipeline/refusal_sink.h"
#include "rejects/reject_files.h"
#include "rejects/reject_rules.h"
#include "rejects/rejects.h"

#include <stdatomic.h>

struct reject_composer;
struct reject_retry;
struct taken_reject;

/* Lines of one stream that are about to be written. */
struct reject_lines {
    const char *name;
    uint64_t number; /* of the file that is written to; 0: none */
    struct buf lines;
    uint64_t count;
    uint64_t weight; /* events */
};

struct rejects {
    struct rejects_config config;
    struct refusal_sink sink;
    atomic_bool enabled;
    _Atomic int64_t sample;                    /* millionths */
    _Atomic uint64_t seen;                     /* refusals that were asked whether they are in the sample */
    _Atomic uint64_t queued;                   /* bytes */
    _Atomic uint64_t missed[NOT_KEPT_REASONS]; /* events, since the thread last counted them */
    struct wakeup wakeup;                      /* guards what follows */
    struct taken_reject *first, **end;
    bool stopping;
    struct thread thread;
    pthread_mutex_t mutex; /* guards what follows; held while lines are made and written */
    struct reject_rules rules;
    uint64_t keep; /* bytes; 0: nothing is kept */
    struct reject_files files;
    struct reject_lines *streams; /* by index; the last is that of no stream */
    struct reject_composer *composer;
    struct event_id_generator generator;
    struct metrics_cells *cells; /* of the thread */
    struct status_part *status;  /* NULL: nothing was ever kept */
    int disk_error;              /* errno of the last that was not written; 0: all was */
    struct reject_retry *retry;
};

/* rejects_thread.c */
void rejects_run(void *opaque);

/* Any thread. */
static inline void rejects_miss(struct rejects *rejects, enum not_kept reason, uint64_t events)
{
    atomic_fetch_add_explicit(&rejects->missed[reason], events, memory_order_relaxed);
}

/* With the mutex: removes the oldest files until `room` more bytes fit. */
void rejects_make_room(struct rejects *rejects, uint64_t room, struct metrics_cells *cells);

/* With the mutex. */
void rejects_tell(struct rejects *rejects);

/* reject_retry.c: one of the main thread. NULL: memory is short. */
struct reject_retry *reject_retry_new(struct rejects *rejects);
void reject_retry_free(struct reject_retry *retry);
void reject_retry_tick(struct reject_retry *retry);

/* A refusal of what it is submitting now, in the same call: true if it is of the line itself, which then stays where it is. */
bool reject_retry_takes(struct reject_retry *retry, const struct refusal *refusal, const struct refused_input *input,
                        struct slice message);
