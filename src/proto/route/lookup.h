/* A lookup: a table of texts by texts, in memory, that routes answer from. It is read by I/O threads, filled anew by the thread
 * that asks the store (query/lookup_refresh.h), and added to by the commit thread.
 *
 * There are two copies (the "left-right" of Ramalhete and Correia): readers are in one of them while a writer changes the other,
 * then they change sides, and the writer does the same to the first. A reader never waits; a writer waits until the readers
 * of a copy have left it, which takes them the time of one look.
 *
 * What was put is kept beside the copies until it is known to be in the store, so that a table that was asked of the store
 * before does not take it away again. */
#pragma once

#include "base/bytes.h"

#include <stdint.h>

struct lookup;

/* Texts by texts. Bounded; one owner. */
struct lookup_table;

/* `max_bytes` for both copies and what was put; at least 64 KiB. NULL: memory is short. */
struct lookup *lookup_new(uint64_t max_bytes);
void lookup_free(struct lookup *lookup); /* takes NULL; no reader is left */

/* Any thread, without a lock. Appends the value of the key; false: there is none, or (out->failed) memory is short. */
MUST_CHECK bool lookup_find(struct lookup *lookup, struct slice key, struct buf *out);

/* Any thread; may wait for a moment, see above. The value stands for the key from now on. False: there is no room, or memory is
 * short. */
MUST_CHECK bool lookup_put(struct lookup *lookup, struct slice key, struct slice value, int64_t wall_ns);

/* A table to be filled and then given to lookup_replace, or freed. NULL: memory is short. */
struct lookup_table *lookup_table_new(const struct lookup *lookup);
void lookup_table_free(struct lookup_table *table); /* takes NULL */

/* The last value of a key counts. False: there is no room, or memory is short. */
MUST_CHECK bool lookup_table_add(struct lookup_table *table, struct slice key, struct slice value);

/* Any thread. `table`, and what was put at `since_ns` (wall) or later over it, is the lookup from now on. Takes the table.
 * False: there is no room for what was put, or memory is short; the lookup is as it was. */
MUST_CHECK bool lookup_replace(struct lookup *lookup, struct lookup_table *table, int64_t since_ns);

/* Any thread. */
struct lookup_size {
    uint64_t entries;
    uint64_t bytes; /* of one copy */
};
struct lookup_size lookup_size(struct lookup *lookup);
