/* What commands read of the configuration, section by section. Only the .c knows all of it. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct config;
struct http_options;
struct journal_options;
struct store_options;
struct stream_options;

/* Owns what it points to. */
struct configured {
    struct config *all;
    const char *path; /* borrowed */
    const struct http_options *http;
    const struct journal_options *journal;
    const struct store_options *store;
    const struct stream_options *streams;
    size_t stream_count;
};

/* The file at `path`; NULL: the usual one. False with *problem: a line each of what is wrong. configured_release either way. */
MUST_CHECK bool configured_load(struct configured *configured, const char *path, struct buf *problem);
void configured_release(struct configured *configured);
