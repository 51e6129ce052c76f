/* The registry of metrics, with the values that the configuration gives to their labels. */
#pragma once

struct config;
struct metrics;
struct store;
struct stream;

/* `streams` are those of the configuration, compiled. Names are copied. NULL if memory is short. */
struct metrics *gateway_metrics_new(const struct config *config, struct stream *const *streams,
                                    const struct store *store);
