/* The updates of one stream (upsert:), in the order in which they are committed: which are news, and what version each
 * gets. Commit thread.
 *
 * An update is a repeat if the last state of its key is the same. A state that comes again after another one is news: what a
 * filter of ids would call a duplicate is here a way back. Of as many keys as there is room for the last state is known; of
 * others, and after a start, every update is news: one row more, which the table replaces.
 *
 * A version is the time of receipt in the ticks of its column, or one more than the last if that is not greater: so two
 * updates of one key in one microsecond, or around a clock that is set back, have an order, and it is that of their
 * answers. It is written before the journal: whatever is sent again is as old as it was. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct chunk;
struct stream;
struct updates;

/* finds_repeats: else every update is news. No version is less than floor_ns (wall). NULL: memory is short. */
struct updates *updates_new(const struct stream *stream, bool finds_repeats, int64_t floor_ns);
void updates_free(struct updates *updates);

/* Is the row of a sealed chunk news? Then it has its version now. */
bool updates_take(struct updates *updates, struct chunk *chunk, uint32_t row);

/* What was taken since may not have become durable. */
void updates_forget(struct updates *updates);

/* The greatest version that was given, wall; rounded up to a tick. */
int64_t updates_last_ns(const struct updates *updates);
