/* Options: how much may be sent (proto/limits). See options.h. */
#pragma once

#include <stdint.h>

/* 0: no such limit. */
struct rate_options {
    uint64_t requests; /* a second */
    uint64_t events;
    uint64_t bytes;
    double burst_seconds; /* of the rate, that may come at once */
    double cpu;           /* seconds a second */
};

struct limits_options {
    struct rate_options all;
    struct rate_options address;
};
