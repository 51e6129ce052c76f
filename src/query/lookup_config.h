/* What lookups are made of: a section of the configuration, and the gateway's parts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lookup_options;
struct metrics;
struct status_board;
struct store;
struct stream;

struct lookups_config {
    const struct lookup_options *options;
    size_t count;
    struct stream *const *streams;
    size_t stream_count;
    const char *database;
    int64_t timeout_ns;  /* of one question */
    struct store *store; /* this and what follows: NULL for --check */
    struct metrics *metrics;
    struct status_board *board;
    /* Any thread: the wall time of the stream's oldest event that may not be in the store yet; INT64_MAX: all are. */
    int64_t (*oldest_ns)(void *context, size_t stream_index);
    void *context;
};
