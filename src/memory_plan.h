/* How much memory a configuration lets the process take, and what the shares of it are that the file leaves open. */
#pragma once

#include "base/bytes.h"

struct config;

struct memory_plan {
    uint64_t memory;    /* that there is */
    uint64_t receiving; /* http.max_receiving, or the share that stands for it */
    uint64_t replying;  /* http.max_replying, likewise */
    uint64_t most;      /* the sum of all bounds, and what is kept without one */
};

/* Pure. `memory`: bytes that the process may use. */
struct memory_plan memory_plan(const struct config *config, uint64_t memory);

/* The same with the memory of this process. */
struct memory_plan memory_plan_here(const struct config *config);

/* Whether the bounds hold what they are for: false with a line in *problems. */
MUST_CHECK bool memory_plan_check(const struct config *config, struct buf *problems);

/* A line about it in the log: a warning if there is less memory than the bounds add up to. */
void memory_plan_log(const struct memory_plan *plan);
