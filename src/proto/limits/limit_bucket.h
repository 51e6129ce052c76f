/* A token bucket as one number: the time at which it would be full again (the theoretical arrival time of the generic cell
 * rate algorithm, ITU-T I.371). Nothing is to be done as time passes; to take is one compare-and-swap. Any thread.
 *
 * The time is counted in ticks, sixteen to the nanosecond, so that a unit of a high rate is not rounded away. */
#pragma once

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LIMIT_TICKS_PER_NS 16
/* Nobody waits longer for what was charged than a day. */
#define LIMIT_MOST_DEBT (INT64_C(86400) * NS_PER_SECOND * LIMIT_TICKS_PER_NS)

/* How fast it fills, and how much it holds. Zeroed: it is no limit. */
struct limit_rate {
    double unit;     /* ticks that one unit takes to come back; 0: no limit */
    int64_t one;     /* the same, whole: what one unit costs */
    int64_t burst;   /* ticks that all of it takes */
    double of_burst; /* 1 / burst */
    double per_tick; /* 1 / unit */
};

/* `per_second` units, or none; at least `least` units fit in. */
struct limit_rate limit_rate_make(double per_second, int64_t burst_ns, double least);

typedef _Atomic int64_t limit_bucket; /* 0: full */

static inline int64_t limit_ticks(int64_t now_ns)
{
    return now_ns * LIMIT_TICKS_PER_NS;
}

/* Ticks until it is full again. */
static inline int64_t limit_bucket_used(const limit_bucket *bucket, int64_t now)
{
    int64_t full_at = atomic_load_explicit(bucket, memory_order_relaxed);
    return full_at > now ? full_at - now : 0;
}

/* Ticks that so many units take. */
static inline int64_t limit_rate_cost(const struct limit_rate *rate, uint64_t units)
{
    if (units <= 1) {
        return units == 0 ? 0 : rate->one;
    }
    double cost = (double)units * rate->unit + 0.5;
    return cost < (double)LIMIT_MOST_DEBT ? (int64_t)cost : LIMIT_MOST_DEBT;
}

/* Whatever there is. */
static inline void limit_bucket_charge(limit_bucket *bucket, int64_t now, int64_t cost)
{
    int64_t before = atomic_load_explicit(bucket, memory_order_relaxed), after;
    do {
        after = (before > now ? before : now) + cost;
        after = after > now + LIMIT_MOST_DEBT ? now + LIMIT_MOST_DEBT : after;
    } while (
        !atomic_compare_exchange_weak_explicit(bucket, &before, after, memory_order_relaxed, memory_order_relaxed));
}
