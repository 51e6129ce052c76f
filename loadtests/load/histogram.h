/* Counts durations in buckets whose width grows with the value. So memory is fixed and every answer is within 1 %. There
 * are 128 buckets between a power of two and the next, of nanoseconds, up to 137 s. Longer durations count there. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_BITS 7
#define HISTOGRAM_SIZE (1u << HISTOGRAM_BITS) /* buckets of an octave */
#define HISTOGRAM_MAX_BIT 37
#define HISTOGRAM_BUCKETS ((HISTOGRAM_MAX_BIT - HISTOGRAM_BITS + 1) * HISTOGRAM_SIZE)

/* Zeroed, it is empty. Invariant: count is the sum of the buckets. */
struct histogram {
    uint64_t count;
    int64_t max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t value_ns);

/* Adds all of `other`. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);

/* The value that `share` of all are not above, in milliseconds; 1 is the largest. 0 if it is empty. */
double histogram_percentile_ms(const struct histogram *histogram, double share);

/* A line for each bucket that is not empty: its middle in milliseconds, its count. */
void histogram_print(const struct histogram *histogram, FILE *file);
