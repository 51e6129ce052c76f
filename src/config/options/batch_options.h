/* Options: when a segment is sealed and goes to the store (pipeline/batch.h). See options.h. */
#pragma once

#include <stdint.h>

enum batch_strategy {
    BATCH_IMMEDIATE, /* every commit group is a batch */
    BATCH_TIME,      /* by age alone */
    BATCH_SIZE,      /* by rows and bytes; age only as the bound that each strategy has */
    BATCH_HYBRID,    /* whichever of rows, bytes and age comes first */
    BATCH_MEMORY,    /* by bytes, of all open segments together */
    BATCH_ADAPTIVE   /* rows and age move with the store's latency and its "too many parts" */
};

struct batch_options {
    enum batch_strategy strategy;
    uint64_t max_rows;
    uint64_t max_bytes; /* uncompressed Native */
    int64_t max_delay_ns;
};
