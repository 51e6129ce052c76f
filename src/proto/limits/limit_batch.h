/* What clients have used at one gateway since it last told the others, as bytes: a head of 16 bytes (a magic number, how many
 * records, the gateway) and records of 40 bytes, all little-endian. Batches of several gateways stand behind one another. Pure;
 * the bytes come from Redis, and are input. */
#pragma once

#include "base/bytes.h"

struct limit_use;

#define LIMIT_BATCH_MOST 400 /* records: 16 KB, so that a dozen gateways fit into what is read of Redis at once */

void limit_batch_write(struct buf *out, uint64_t gateway, const struct limit_use *uses, size_t count);

/* Cuts the first batch off: its gateway, and its records for limit_batch_use. False: there is none, or it makes no sense, and
 * nor does what follows it. */
MUST_CHECK bool limit_batch_next(struct slice *batches, uint64_t *gateway, struct slice *records);

/* Cuts the first record off. False: there is no more. */
MUST_CHECK bool limit_batch_use(struct slice *records, struct limit_use *use);
