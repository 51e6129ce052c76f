/* The contract of the front ends, one for each protocol: how gateway ends them, and whether they live. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct front_end;

/* In this order; gateway's thread calls. */
struct front_end_ops {
    const char *threads; /* what its threads are called: "an I/O thread" */
    /* Any thread, until stop: how long that of its threads which has been longest at its present turn is at it. */
    int64_t (*turn_ns)(const struct front_end *front, int64_t now_ns);
    /* Has all its threads stand still between two turns, so that what they read may be changed, until `resume`. False: not all
     * did by the deadline (monotonic), and all go on. What has no bound of its own, a large payload, is waited for while the
     * other threads still serve; *since_ns is when these were asked. */
    bool (*pause)(struct front_end *front, int64_t deadline_ns, int64_t *since_ns);
    void (*resume)(struct front_end *front);
    /* It takes nothing new from now on. Does not block. */
    void (*close)(struct front_end *front);
    /* Blocks until nothing is owed or the deadline; flushes the pipeline's chunks; ends its threads. No completion is
     * delivered after it returns. */
    void (*stop)(struct front_end *front, int64_t deadline_ns);
    /* After pipeline_stop and after the last page_post: until then others may still wake a thread that has ended. */
    void (*free)(struct front_end *front);
};

/* The first member of each front end. */
struct front_end {
    const struct front_end_ops *ops;
};
