/* The circuit breaker of one server, and the backoff that every retry uses. Pure: no clock, no threads, no random
 * source; the caller says what time it is and keeps the random state.
 *
 * Closed: batches go. After `failures` failures in a row it opens: no batch goes. Open: from next_ns on, one probe is
 * due; its success closes the breaker, its failure sets next_ns further away. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct backoff {
    int64_t min_ns;
    int64_t max_ns;
};

/* How long to wait after `failures` failures in a row (at least 1): doubles from min_ns to max_ns, and is then drawn
 * from its upper half, so that many gateways do not come back in step. `random` is the caller's state, never 0. */
int64_t backoff_ns(const struct backoff *backoff, unsigned failures, uint64_t *random);

/* A zeroed one is closed. */
struct breaker {
    unsigned failures; /* in a row */
    bool open;
    int64_t next_ns; /* no probe before */
};

void breaker_success(struct breaker *breaker);
void breaker_failure(struct breaker *breaker, unsigned threshold, const struct backoff *backoff, int64_t now_ns,
                     uint64_t *random);
