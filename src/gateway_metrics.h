/* The registry of metrics, with the values that the configuration gives to their labels. */
#pragma once

#include <stddef.h>

struct lookup_options;
struct metrics;
struct store;
struct stream;
struct udp_options;

/* `streams` are those of the configuration, compiled. Names are copied. NULL if memory is short. */
struct metrics *gateway_metrics_new(struct stream *const *streams, size_t stream_count, const struct udp_options *udp,
                                    const struct lookup_options *lookups, size_t lookup_count,
                                    const struct store *store);
