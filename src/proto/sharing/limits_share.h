/* Limits that gateways share through Redis. Each tells the others what its clients have used, about every 100 ms, and charges
 * its own buckets with what the others told: so all of them together let in what one would, and a flood that moves from one to
 * another gains a fraction of a second. Nobody who serves ever waits for it: a thread of its own speaks with Redis. While Redis
 * is away each gateway goes on with its own buckets.
 *
 * Time, by the clock of Redis, is parted into slots of 100 ms. A gateway appends its batch (limit_batch.h) to the string
 * <dedup.redis_prefix>:l:<slot>, which expires, and reads each slot once, when nobody writes there any more. */
#pragma once

#include "base/bytes.h"

struct dedup_options;
struct limits;
struct limits_share;
struct metrics;

/* `limits`, which were made to be shared, outlive it. NULL with *problem. */
struct limits_share *limits_share_start(const struct dedup_options *options, struct limits *limits,
                                        struct metrics *metrics, struct buf *problem);

/* Ends its thread, within a round trip's time-out. NULL is nothing. */
void limits_share_stop(struct limits_share *share);
