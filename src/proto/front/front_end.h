/* The contract of the front ends, one for each protocol: how gateway ends them, and whether they live. */
#pragma once

#include <stdint.h>

struct front_end;

/* In this order; gateway's thread calls, and none fails. */
struct front_end_ops {
    const char *threads; /* what its threads are called: "an I/O thread" */
    /* Any thread, until stop: how long that of its threads which has been longest at its present turn is at it. */
    int64_t (*turn_ns)(const struct front_end *front, int64_t now_ns);
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
