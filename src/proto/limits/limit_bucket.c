/* Turns a rate in units a second into ticks. */
#include "proto/limits/limit_bucket.h"

#include "base/assert.h"

struct limit_rate limit_rate_make(double per_second, int64_t burst_ns, double least)
{
    ASSERT(per_second >= 0 && burst_ns >= 0);
    if (per_second <= 0) {
        return (struct limit_rate){ 0 };
    }
    double unit = (double)NS_PER_SECOND * LIMIT_TICKS_PER_NS / per_second;
    double burst = (double)burst_ns * LIMIT_TICKS_PER_NS;
    burst = burst < unit * least ? unit * least : burst;
    burst = burst < (double)LIMIT_MOST_DEBT ? burst : (double)LIMIT_MOST_DEBT;
    struct limit_rate rate = { .unit = unit, .burst = (int64_t)(burst + 0.5) };
    rate.burst = rate.burst > 0 ? rate.burst : 1;
    rate.one = unit < (double)LIMIT_MOST_DEBT ? (int64_t)(unit + 0.5) : LIMIT_MOST_DEBT;
    rate.of_burst = 1 / (double)rate.burst;
    rate.per_tick = 1 / unit;
    return rate;
}
