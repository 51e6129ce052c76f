/* The streams and keys of a configuration, compiled, and what its queries are made of: for gateway.c, which serves them, and gateway_check.c. */
#pragma once

#include "base/bytes.h"
#include "query/query_config.h"

#include <stddef.h>

struct access;
struct buf;
struct config;

/* All streams, or NULL with the problems of all of them. */
MUST_CHECK struct stream **gateway_streams_compile(const struct config *config, struct buf *problems);

/* *access is NULL if there are no keys. False with problems. */
MUST_CHECK bool gateway_access_new(const struct config *config, struct stream *const *streams, struct access **access,
                                   struct buf *problems);
void gateway_access_free(struct access *access);

/* Without store and metrics. */
struct query_service_config gateway_query_config(const struct config *config, struct stream **streams);

void gateway_streams_free(struct stream **streams, size_t count);
