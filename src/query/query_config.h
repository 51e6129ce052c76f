/* What the read API is made of: sections of the configuration, and the gateway's parts. */
#pragma once

#include <stddef.h>

struct dedup_options;
struct metrics;
struct named_query_options;
struct query_options;
struct reply_options;
struct store;
struct store_options;
struct stream;

struct query_service_config {
    const struct query_options *options;
    const struct dedup_options *dedup;  /* where Redis is */
    const struct store_options *stored; /* the store's; --check has no other */
    const struct named_query_options *queries;
    size_t query_count;
    const struct reply_options *replies; /* that the queries name */
    size_t reply_count;
    struct stream *const *streams;
    size_t stream_count;
    struct store *store; /* this and what follows: not of --check */
    struct metrics *metrics;
};
