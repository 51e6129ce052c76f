/* The limits of the configuration, and what the metrics say of them. */
#pragma once

#include "base/bytes.h"

struct key_options;
struct limits;
struct limits_share;
struct dedup_options;
struct limits_options;
struct metrics;

/* Plain data; stays where it is, for the metrics ask it. */
struct gateway_limits {
    struct limits *limits;
    struct metrics *metrics;
    struct limits_share *share; /* NULL: no other gateway is told */
};

/* `dedup` says where Redis is, through which they are shared; NULL: they are not. False with *problem. */
MUST_CHECK bool gateway_limits_start(struct gateway_limits *limits, const struct limits_options *options,
                                     const struct key_options *keys, size_t key_count, struct metrics *metrics,
                                     const struct dedup_options *dedup, struct buf *problem);
void gateway_limits_release(struct gateway_limits *limits);

/* Appends a line for each `burst` without a rate: it limits nothing. `file`: of the section. */
void gateway_limits_doubts(const char *file, const struct limits_options *options, const struct key_options *keys,
                           size_t key_count, struct buf *doubts);

/* What the doors ask; NULL: nothing is limited. */
struct limits *gateway_limits_rates(const struct gateway_limits *limits);
