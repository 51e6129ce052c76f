/* What client addresses have used of their limits: a table of fixed size, which all threads share without a lock. It is set-
 * associative: an address has its place in one of eight rows, in an order that no stranger knows. Who finds all eight taken
 * gets the row of the quietest, whose fullest bucket has been used least, and with it what has been used of its buckets: so to
 * be forgotten gives nothing back, and nobody is forgotten to get rid of a debt. Of the day it begins anew: what others had
 * of theirs does not come back before midnight. */
#pragma once

#include "proto/limits/limit_bucket.h"
#include "proto/limits/limit_state.h"

#include <stddef.h>

/* The limits of one address, of one key, or of all. */
struct limit_rates {
    struct limit_rate of[LIMIT_UNITS];
    unsigned limited; /* bits: the units of which there is a limit; the others need not be looked at */
    uint64_t daily_requests, daily_events; /* 0: no such limit */
};

/* One cache line. */
struct limit_row {
    _Alignas(64) limit_bucket buckets[LIMIT_UNITS];
    _Atomic uint64_t requests_of_day, events_of_day; /* limit_day.h */
};

_Static_assert(sizeof(struct limit_row) == 64, "a row is one cache line");

struct client_address;
/* What was used of a row and not told to other gateways yet; of LIMIT_CPU nanoseconds. */
struct limit_spent {
    atomic_uint_fast64_t units[LIMIT_UNITS];
};

struct limit_table;

/* Whose row it is: an IPv4 address, or the first 64 bits of an IPv6 address. Never 0. */
uint64_t limit_network_of(const struct client_address *address);

/* At least so many rows; `shared`: with limit_spent beside each. NULL: memory is short. */
struct limit_table *limit_table_new(uint64_t rows, bool shared);
void limit_table_free(struct limit_table *table);

/* Its row, of which it may just have become the owner. `now` in ticks. Any thread. */
struct limit_row *limit_table_find(struct limit_table *table, uint64_t network, const struct limit_rates *rates,
                                   int64_t now, int64_t wall_ns);

/* The same, of somebody who was at `place`, which lives on with the table. */
struct limit_row *limit_table_find_again(struct limit_table *table, uint64_t network, struct limit_place *place,
                                         const struct limit_rates *rates, int64_t now, int64_t wall_ns);

/* It has not been given to somebody else. */
static inline bool limit_place_is_of(const struct limit_place *place, uint64_t network)
{
    return place->network == network && atomic_load_explicit(place->owner, memory_order_relaxed) == network;
}

/* Of a row that limit_table_find gave; NULL: the table is not shared. */
struct limit_spent *limit_table_spent(const struct limit_table *table, const struct limit_row *row);

/* The next row behind *cursor with something to be told: whose it is, and the cursor stands behind it. NULL: none up to the
 * table's end, where the next look begins anew. */
struct limit_spent *limit_table_next_spent(const struct limit_table *table, size_t *cursor, uint64_t *network);

struct limits_counts limit_table_count(const struct limit_table *table);
