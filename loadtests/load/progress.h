/* A line on stderr every few seconds while a load runs. */
#pragma once

#include "histogram.h"

struct load;

/* Zeroed, there are no lines. */
struct progress {
    int64_t every_ns; /* 0: no lines */
    int64_t next_ns;
    uint64_t events, failed; /* at the last line */
    struct histogram recent; /* latencies since then */
};

void progress_start(struct load *load, int64_t now_ns);

/* Prints a line if one is due. When the next is: PACE_NEVER without lines. */
int64_t progress_show(struct load *load, int64_t now_ns);

/* What is in `recent` still, to the sum. */
void progress_end(struct load *load);
