/* What somebody who watches wants to see, and may. */
#pragma once

#include "event/stream_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum live_kind { LIVE_NUMBERS, LIVE_REFUSED, LIVE_ACCEPTED, LIVE_KINDS };

struct live_interest {
    bool kinds[LIVE_KINDS];
    bool all_streams; /* and what is of no stream; else `streams` */
    struct stream_set streams;
};

#define LIVE_NO_STREAM SIZE_MAX

static inline bool live_interest_holds(const struct live_interest *interest, size_t stream)
{
    return interest->all_streams || (stream != LIVE_NO_STREAM && stream_set_holds(&interest->streams, stream));
}
