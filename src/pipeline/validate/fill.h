/* Appends what the gateway knows of a payload's events: when, from whom and how they came. Private to validate.c. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

struct column;
struct event_id_generator;
struct event_context;
struct slice;

/* The address last anonymized: payloads of one connection have the same. */
struct fill_cache {
    struct buf text; /* a User-Agent that is not UTF-8, mended */
    char address[64];
    size_t address_len;
    char anonymized[64];
    size_t anonymized_len;
    struct event_id_generator *generator; /* of uuid; the validator's */
};

void fill_cache_release(struct fill_cache *cache);

/* Between column_begin and column_end; for every fill but event_id. A value that is not known or does not fit the type
 * becomes the column's default. */
void fill_append(struct column *column, const struct event_context *context, struct fill_cache *cache);

/* Last octet of IPv4, last 80 bits of IPv6 become zero; what is no address becomes "". Returns the length of `out`. */
size_t fill_anonymize(struct slice address, char out[64]);
