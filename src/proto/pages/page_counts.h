/* The accounting identity as JSON, from the counters. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct metrics;
struct stream;

/* Appends {"stream":NAME,"received":…,…}: received = accepted + duplicate + rejected + dropped + in_flight, over all protocols;
 * accepted + recovered = stored + journaled + dead_lettered + damaged. */
void page_counts_stream(struct metrics *metrics, const char *name, size_t stream, struct buf *out);

/* Appends the same sums over all streams, without a name. */
void page_counts_all(struct metrics *metrics, struct stream *const *streams, size_t count, struct buf *out);
