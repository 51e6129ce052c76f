/* Options: how the gateway stops. See options.h. */
#pragma once

#include <stdint.h>

struct drain_options {
    int64_t delay_ns;   /* /readyz is 503, the listeners still open */
    int64_t timeout_ns; /* for storing what is left */
};
