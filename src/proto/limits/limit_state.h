/* What a client has of its limits, as it is told. Plain data. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct limit_row;

/* Whose a limit is, and of what: the index of METRIC_LIMITED is policy * LIMIT_UNITS + unit. */
enum limit_policy { LIMIT_ADDRESS, LIMIT_KEY, LIMIT_ALL, LIMIT_DAILY, LIMIT_POLICIES };
enum limit_unit { LIMIT_REQUESTS, LIMIT_EVENTS, LIMIT_BYTES, LIMIT_CPU, LIMIT_UNITS };

/* Where in the table the address of a connection was found last, so that it is not looked for again. Zeroed: nowhere. Of one thread. */
struct limit_place {
    uint64_t network; /* whose it was */
    struct limit_row *row;
    const _Atomic uint64_t *owner; /* whose the row is now */
};

/* Of the bucket that is nearest to its end, or of the one that is empty for longest. */
struct limit_state {
    bool limited; /* there is such a bucket; else nothing of this is set */
    enum limit_policy policy;
    enum limit_unit unit;
    uint64_t limit; /* the burst, in units; CPU in microseconds */
    uint64_t remaining;
    int64_t window_ns;      /* in which as much as `limit` comes back */
    int64_t reset_ns;       /* until it is full again */
    int64_t retry_after_ns; /* until what was asked for fits; 0: it does */
};

/* What one request pays at its door: it is asked once, when its head is known. Of the thread that serves it. */
struct toll {
    bool asked;              /* and `error` says what was answered */
    enum error error;        /* OK or ERROR_RATE_LIMITED */
    struct limit_state told; /* for the fields of the reply */
};

/* For the metrics. */
struct limits_counts {
    uint64_t addresses; /* in the table */
    uint64_t forgotten; /* that had used something which had not come back yet */
};
