/* Says when the next request is due.
 *
 * Closed loop (no rate): whenever a connection is free. A server that stalls is then asked less, and the requests that
 * would have met the stall are never sent: its latencies look better than what clients would see ("coordinated omission").
 *
 * Open loop: request n is due n intervals after the start, whatever became of the others. If no connection is free then it
 * waits in line, and its latency counts from when it was due. What was due before the end is sent after it, for as
 * long again as the load was to last; what is in line even then never went out (pace_unsent).
 *
 * No clock in here: time is an argument. */
#pragma once

#include <stdint.h>

#define PACE_NEVER INT64_MAX

enum pace_answer { PACE_DUE, PACE_NOT_YET, PACE_OVER };

struct pace {
    double interval_ns; /* between requests; 0: closed loop */
    int64_t length_ns;  /* 0: until `limit` were given out */
    uint64_t limit;     /* of requests; 0: until length_ns is over */
    int64_t start_ns;
    uint64_t given; /* requests given out */
};

/* If there is a request to send now: gives it out, with the time it was due. */
enum pace_answer pace_take(struct pace *pace, int64_t now_ns, int64_t *due_ns);

/* When pace_take has something else to say than "not yet"; in a closed loop that is always. */
int64_t pace_next_ns(const struct pace *pace);

/* Requests of an open loop that were due but not given out. */
uint64_t pace_unsent(const struct pace *pace);
