/* Options: what may wait for the commit thread (pipeline/). See options.h. */
#pragma once

#include <stdint.h>

struct commit_options {
    uint64_t queue_events; /* most events waiting for the commit thread */
    uint64_t queue_bytes;
};
