/* Turns failures in a row into the time of the next attempt. */
#include "base/breaker.h"

#include "base/assert.h"

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x;
}

int64_t backoff_ns(const struct backoff *backoff, unsigned failures, uint64_t *random)
{
    ASSERT(failures != 0);
    ASSERT(*random != 0);
    ASSERT(backoff->max_ns >= 0);
    int64_t wait = backoff->min_ns;
    for (unsigned i = 1; i < failures && wait < backoff->max_ns; i++) {
        wait *= 2;
    }
    if (wait > backoff->max_ns) {
        wait = backoff->max_ns;
    }
    int64_t half = wait / 2;
    return wait - half + (int64_t)(next_random(random) % (uint64_t)(half + 1));
}

void breaker_success(struct breaker *breaker)
{
    *breaker = (struct breaker){ 0 };
}

void breaker_failure(struct breaker *breaker, unsigned threshold, const struct backoff *backoff, int64_t now_ns,
                     uint64_t *random)
{
    breaker->failures++;
    breaker->open = breaker->failures >= threshold;
    unsigned beyond = breaker->open ? breaker->failures - threshold + 1 : 1;
    breaker->next_ns = now_ns + backoff_ns(backoff, beyond, random);
}
