/* Turns durations into counts of buckets, and those into percentiles. */
#include "histogram.h"

#include <math.h>

static unsigned bucket_of(int64_t value_ns)
{
    uint64_t value = value_ns < 0 ? 0 : (uint64_t)value_ns;
    if (value >= UINT64_C(1) << HISTOGRAM_MAX_BIT) {
        return HISTOGRAM_BUCKETS - 1;
    }
    if (value < HISTOGRAM_SIZE) {
        return (unsigned)value;
    }
    unsigned shift = 63u - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);
    return shift * HISTOGRAM_SIZE + (unsigned)(value >> shift);
}

static double middle_ns(unsigned bucket)
{
    if (bucket < HISTOGRAM_SIZE) {
        return bucket;
    }
    unsigned shift = bucket / HISTOGRAM_SIZE - 1;
    return (bucket % HISTOGRAM_SIZE + HISTOGRAM_SIZE + 0.5) * (double)(UINT64_C(1) << shift);
}

void histogram_add(struct histogram *h, int64_t value_ns)
{
    h->buckets[bucket_of(value_ns)]++;
    h->count++;
    h->max_ns = value_ns > h->max_ns ? value_ns : h->max_ns;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        h->buckets[i] += other->buckets[i];
    }
    h->count += other->count;
    h->max_ns = other->max_ns > h->max_ns ? other->max_ns : h->max_ns;
}

double histogram_percentile_ms(const struct histogram *h, double share)
{
    double wanted = share * (double)h->count;
    uint64_t upto = 0;
    for (unsigned i = 0; share < 1 && i < HISTOGRAM_BUCKETS; i++) {
        upto += h->buckets[i];
        if ((double)upto >= wanted) {
            return fmin(middle_ns(i), (double)h->max_ns) / 1e6;
        }
    }
    return (double)h->max_ns / 1e6;
}

void histogram_print(const struct histogram *h, FILE *file)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (h->buckets[i] != 0) {
            fprintf(file, "%.6f %llu\n", middle_ns(i) / 1e6, (unsigned long long)h->buckets[i]);
        }
    }
}
