/* Which row of an event a table keeps. Of rows with equal sorting keys a ReplacingMergeTree keeps the one with the greatest
 * version, and without a version the last. So whoever may write could replace what is stored, by an event of the same id.
 *
 * A table that Sluice creates for events that can come twice has a version of its own, which the server computes: it falls
 * with the stream's finest time of receipt (fill: received_at), or with the time of the INSERT if the stream has none.
 * The column is MATERIALIZED: no INSERT names it, `SELECT *` leaves it out, and the journal does not hold it. A batch that is
 * sent again has the times of receipt that it had.
 *
 * upsert: has versions that rise, of its own (table_judge_upsert.c). */
#pragma once

#include "base/bytes.h"

struct store_features;
struct stream;
struct table_definition;

/* Can an event of the stream come twice, and is each one that comes not a new state (upsert)? */
bool table_first_matters(const struct stream *stream);

/* Does the stream's table get the version from us? On 18.16 a replica that knows a repeated block by its content would not
 * know one with the time of the INSERT in it. */
bool table_first_is_made(const struct stream *stream, const struct store_features *features, bool replicated);

/* Appends the name of the version, in backquotes: none that a field has. */
void table_first_name(const struct stream *stream, struct buf *out);

/* Appends the column as a CREATE TABLE has it, with a comment or without. */
void table_first_column(const struct stream *stream, const struct store_features *features, bool comment,
                        struct buf *out);

/* Of [Replicated]ReplacingMergeTree(['path', 'replica',] version …), the old syntax, too: the version; empty: there is none. */
struct slice table_version_column(struct slice engine_full);

/* One line if the table is a ReplacingMergeTree that keeps another row than the first. */
void table_judge_first(const struct stream *stream, const struct table_definition *definition, struct buf *notes);
