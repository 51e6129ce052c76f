/* Options: how much may be sent (proto/limits). See options.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A second; 0: no such limit. */
struct rate_options {
    uint64_t requests;
    uint64_t events;
    uint64_t bytes;
    int64_t cpu_ns;
    int64_t burst_ns; /* of the rate may come at once */
};

/* Of one address, from midnight to midnight UTC; 0: no such limit. */
struct daily_options {
    uint64_t requests;
    uint64_t events;
};

struct limits_options {
    struct rate_options all;
    struct rate_options address;
    struct rate_options key; /* of each that has none of its own */
    struct daily_options daily;
    uint64_t addresses; /* that are remembered */
    bool shared;
};
