/* The streams and keys of a configuration, compiled, and what its queries are made of: for gateway.c, which serves them, and gateway_check.c. */
#pragma once

#include "base/bytes.h"
#include "query/query_config.h"

#include <stddef.h>

struct access;
struct buf;
struct config;
struct metrics;

/* All streams, or NULL with the problems of all of them. */
MUST_CHECK struct stream **gateway_streams_compile(const struct config *config, struct buf *problems);

/* *access is NULL if there are no keys. False with problems. */
MUST_CHECK bool gateway_access_new(const struct config *config, struct stream *const *streams, struct access **access,
                                   struct buf *problems);
void gateway_access_free(struct access *access);

/* Appends a line for each key that will not do what it seems to be meant for. */
void gateway_access_doubts(const struct config *config, struct buf *doubts);

/* Gives the keys of a reload their counters: those that `before` has too keep them. Either may be NULL. While no thread of a
 * door counts. */
void gateway_access_count(struct access *access, const struct access *before, struct metrics *metrics);

/* What the configuration at `path` (NULL: the usual one) says of a key: appends lines for people to `out`. 0: it may be used; 1:
 * it may not, or is none; 2: the configuration is not good, with *problems. */
int gateway_access_describe(const char *path, struct slice text, struct buf *out, struct buf *problems);

/* Appends a line for each key of the configuration. False with *problems. */
MUST_CHECK bool gateway_access_list(const char *path, struct buf *out, struct buf *problems);

/* Without store and metrics. */
struct query_service_config gateway_query_config(const struct config *config, struct stream **streams);

void gateway_streams_free(struct stream **streams, size_t count);
