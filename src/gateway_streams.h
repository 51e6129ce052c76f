/* The streams of a configuration, compiled: for gateway.c, which serves them, and gateway_check.c. */
#pragma once

#include "config/config.h"
#include "event/stream.h"

/* All streams, or NULL with the problems of all of them. */
MUST_CHECK struct stream **gateway_streams_compile(const struct config *config, struct buf *problems);

void gateway_streams_free(struct stream **streams, size_t count);
