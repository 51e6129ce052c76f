/* The registry of metrics, with the values that the configuration gives to their labels. */
#pragma once

#include <stddef.h>

struct access;
struct lookup_options;
struct metrics;
struct store;
struct stream;
struct udp_options;

/* `streams` are those of the configuration, compiled. The keys of `access` (NULL: there are none) get their
 * counters, and there is room for GATEWAY_MORE_KEYS that a reload brings. Names are copied. NULL if memory is short. */
#define GATEWAY_MORE_KEYS 256
struct metrics *gateway_metrics_new(struct stream *const *streams, size_t stream_count, const struct udp_options *udp,
                                    const struct lookup_options *lookups, size_t lookup_count,
                                    const struct store *store, struct access *access);
