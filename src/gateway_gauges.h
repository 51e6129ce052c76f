/* Gauges that are known only when asked: whether the gateway and its parts are ready, the limits beside what they bound, and what
 * this program is. Private to the gateway. */
#pragma once

#include "base/bytes.h"

struct commit_options;
struct dedup_options;
struct journal_options;
struct limits_options;
struct metrics;
struct pipeline;
struct status_board;
struct stream;
struct websocket_options;

/* Sections may be replaced by a reload, in their places: a scrape reads them anew, on a thread that stands still for that. */
struct gateway_gauges {
    struct metrics *metrics;
    struct status_board *board;
    struct pipeline *const *pipeline; /* what is there when asked */
    const struct journal_options *journal;
    const struct commit_options *commit;
    const struct dedup_options *dedup;
    const struct limits_options *limits;
    const struct websocket_options *websocket;
    struct stream *const *streams;
    size_t stream_count;
};

/* Copies *gauges; to be freed once nobody asks the metrics any more. NULL: memory is short. */
struct gateway_gauges *gateway_gauges_start(const struct gateway_gauges *gauges);
