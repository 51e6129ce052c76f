/* The lookups of a configuration: for gateway.c, which serves them, and gateway_check.c. */
#pragma once

struct buf;
struct config;
struct lookups;
struct metrics;
struct pipeline;
struct status_board;
struct store;
struct stream;

/* What they are asked of and told to. */
struct lookups_parts {
    struct store *store;
    struct metrics *metrics;
    struct status_board *board;
    struct pipeline *const *pipeline; /* made later, before they are started */
};

/* `parts` NULL: of --check; it is copied. NULL with *problem. */
struct lookups *gateway_lookups_new(const struct config *config, struct stream *const *streams,
                                    const struct lookups_parts *parts, struct buf *problem);
