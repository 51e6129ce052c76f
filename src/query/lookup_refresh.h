/* Fills lookups (proto/route/lookup.h) from the store, each by its statement and as often as it says, on a thread of its own;
 * and adds what a stream takes at once. While the store is away the last table stays: its age is told and counted. */
#pragma once

#include "base/bytes.h"
#include "query/lookup_config.h"

#include <stdint.h>

struct chunk;
struct lookup;
struct lookups;

/* NULL with a line for each problem: "file:line: lookups.name: …". Borrows the configuration; connects to nothing. */
struct lookups *lookups_new(const struct lookups_config *config, struct buf *problem);
void lookups_free(struct lookups *lookups); /* takes NULL; nobody looks any more */

/* Once the store is open. Until the first answer, the lookups are empty. False with *problem. */
MUST_CHECK bool lookups_start(struct lookups *lookups, struct buf *problem);

/* Any thread: the time of each question from now on. */
void lookups_set_timeout(struct lookups *lookups, int64_t timeout_ns);

/* Before the store is freed. The tables stay. */
void lookups_stop(struct lookups *lookups);

/* Of this name, or with the scope in front of it; NULL: there is none. */
struct lookup *lookups_find(const struct lookups *lookups, const char *scope, const char *name);

/* Commit thread, before the answers; `context` is the lookups. These rows of the sealed chunk are durable (bit r of keep[r / 64]; NULL: all). */
void lookups_note_committed(void *context, const struct chunk *chunk, const uint64_t *keep);
