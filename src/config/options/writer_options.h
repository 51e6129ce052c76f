/* Options: delivery to the store (store/delivery). See options.h. */
#pragma once

#include <stdint.h>

struct writer_options {
    int64_t threads;
    int64_t backoff_min_ns;
    int64_t backoff_max_ns;
    int64_t breaker_failures; /* failures in a row that open a server's breaker */
};
