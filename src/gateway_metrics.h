/* The registry of metrics, with the values that the configuration gives to their labels, and gauges of the gateway. Private to it. */
#pragma once

#include <stddef.h>

struct access;
struct commit_options;
struct dedup_options;
struct journal_options;
struct limits_options;
struct lookup_options;
struct metrics;
struct pipeline;
struct status_board;
struct store;
struct stream;
struct udp_options;
struct websocket_options;

/* `streams` are those of the configuration, compiled. The keys of `access` (NULL: there are none) get their
 * counters, and there is room for GATEWAY_MORE_KEYS that a reload brings. `route_room`: gateway_routes_room.
 * Names are copied. NULL if memory is short. */
#define GATEWAY_MORE_KEYS 256
struct metrics *gateway_metrics_new(struct stream *const *streams, size_t stream_count, const struct udp_options *udp,
                                    const struct lookup_options *lookups, size_t lookup_count,
                                    const struct store *store, struct access *access, size_t route_room);

/* Gauges that are known only when asked: whether the gateway and its parts are ready, the limits beside what they bound, and what
 * this program is. */

/* Sections may be replaced by a reload, in their places: a scrape reads them anew, on a thread that stands still for that. */
struct gateway_gauges {
    struct metrics *metrics;
    struct status_board *board;
    const char *folder;               /* of the data; borrowed */
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
