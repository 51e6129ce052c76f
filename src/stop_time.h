/* How long the steps of a stop may take, and all of them. */
#pragma once

#include "base/clock.h"

struct config;

#define STOP_GRACE_NS (3 * NS_PER_SECOND) /* for an INSERT that is under way; then it is given up, its fate unknown */
#define STOP_REPLIES_NS NS_PER_SECOND     /* for the disk to take what has come in, and clients to take their replies */

/* gateway_longest_stop_ns. */
int64_t stop_time_longest_ns(const struct config *config);
