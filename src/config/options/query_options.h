/* Options: the read API (query/). See options.h. */
#pragma once

#include <stdint.h>

struct query_options {
    int64_t threads;
    int64_t queue; /* queries waiting, at most */
    int64_t timeout_ns;
};
