/* How long the steps of a stop may take, and all of them. */
#pragma once

#include "base/clock.h"

#include <stddef.h>

struct dedup_options;
struct drain_options;
struct journal_options;
struct named_query_options;
struct query_options;

#define STOP_GRACE_NS (3 * NS_PER_SECOND) /* for an INSERT that is under way; then it is given up, its fate unknown */
#define STOP_REPLIES_NS NS_PER_SECOND     /* for the disk to take what has come in, and clients to take their replies */

/* What says how long. */
struct stop_options {
    const struct drain_options *drain;
    const struct journal_options *journal;
    const struct dedup_options *dedup;
    const struct query_options *query;
    const struct named_query_options *queries; /* query_count of them */
    size_t query_count;
};

/* gateway_longest_stop_ns. */
int64_t stop_time_longest_ns(const struct stop_options *options);
