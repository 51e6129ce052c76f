/* Whether a client sends, or takes, fewer bytes than it must: looked at over ten seconds, so that a pause alone is no
 * fault, and a byte now and then no excuse. Pure. */
#pragma once

#include "base/clock.h"

#include <stdbool.h>

#define SLOWNESS_WINDOW_S 10

struct slowness {
    int64_t since_ns;
    uint64_t bytes; /* moved until then */
};

/* From now on; `bytes` have been moved so far. */
static inline void slowness_restart(struct slowness *slowness, int64_t now_ns, uint64_t bytes)
{
    *slowness = (struct slowness){ now_ns, bytes };
}

/* Once a second, with the sum of the bytes moved; `rate` is bytes a second, 0: none is asked for. */
static inline bool slowness_shows(struct slowness *slowness, int64_t now_ns, uint64_t bytes, uint64_t rate)
{
    if (now_ns - slowness->since_ns < SLOWNESS_WINDOW_S * NS_PER_SECOND) {
        return false;
    }
    bool slow = bytes - slowness->bytes < rate * SLOWNESS_WINDOW_S;
    slowness_restart(slowness, now_ns, bytes);
    return slow;
}
