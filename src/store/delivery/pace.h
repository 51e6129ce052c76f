/* Does the store keep up with a stream? Turns counts of rows into rates over about a minute and a verdict. Pure: the caller
 * says what time it is (monotonic). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_SAMPLES 12

struct pace_sample {
    int64_t at_ns;
    uint64_t in, out;
};

/* Zeroed at first, and whenever something else is known to be wrong. */
struct pace {
    struct pace_sample samples[PACE_SAMPLES]; /* a ring, some seconds apart */
    size_t count;
    size_t newest;
    bool behind;
    int64_t said_ns; /* when a line was last due; 0: never */
    double in, out;  /* rows a second */
    uint64_t backlog;
};

/* What to tell. */
enum pace_news { PACE_NOTHING, PACE_BEHIND /* once a minute */, PACE_KEEPS_UP /* again */ };

/* `in` and `out` are the rows that have come and gone since the start, `backlog` those that wait and are not held. The store
 * is behind if it needs more than half a minute for the backlog, until it needs less than a quarter. */
enum pace_news pace_note(struct pace *pace, int64_t now_ns, uint64_t in, uint64_t out, uint64_t backlog);

/* "5000 events/s come, 3200 are stored, 300000 wait: the backlog grows" (or "gone in 90 s"). */
void pace_describe(const struct pace *pace, char *text, size_t size);
