/* The inside of live, of its pages too, not for others. */
#pragma once

#include "base/thread.h"
#include "pipeline/refusal_sink.h"
#include "proto/live/live.h"
#include "proto/live/live_tail.h"
#include "proto/live/live_viewers.h"

struct metrics_cells;

struct live {
    struct live_config config;
    struct live_viewers viewers;
    struct live_tail tails[LIVE_KINDS]; /* of the refused, and of the accepted */
    struct refusal_sink sink;
    struct buf policy;        /* Content-Security-Policy of the page */
    pthread_mutex_t starting; /* guards the next three */
    bool stopped;
    struct thread thread;
    struct metrics_cells *cells; /* of that thread */
};

/* Any thread: a viewer from now on, see live_viewers_add. ERROR_OUT_OF_MEMORY: the thread cannot be started. */
MUST_CHECK enum error live_watch(struct live *live, const struct live_interest *interest, const struct access_key *key,
                                 struct page_later later, struct page_stream **stream);
