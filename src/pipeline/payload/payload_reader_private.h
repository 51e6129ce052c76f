/* The inside of payload_reader. Private to this room: payload_layout.c finds how the events stand in a payload, payload_text.c
 * parses.
 *
 * Where the layout is not said, it is guessed from the bytes, for clients name their content types badly. A row of the table
 * is tried if the one before it does not fit; that of a whole document stands before those of what is no JSON as a whole, so
 * that what is fine is parsed once. */
#pragma once

#include "pipeline/payload/payload_reader.h"

/* Of what is no JSON as a whole so many lines are looked at for one that is an object. */
#define PAYLOAD_LINES_LOOKED_AT 100

/* Sets `layout` by the next row of the table that fits, and with it `rest` or `document`, and what stands around the events.
 * False: none fits, `error` says why the text is no document. */
MUST_CHECK bool payload_layout_find(struct payload_reader *reader);

/* The one place where a payload_reader parses: `document` and `parsed` change together. */

/* Parses what is JSON, or is but for what json_repair.h mends, whether the stream has that repaired or not. */
MUST_CHECK enum error payload_parse(struct payload_reader *reader, struct slice text);

/* Does the stream take `document`, of which something may have been repaired? */
static inline bool payload_takes_text(const struct payload_reader *reader)
{
    return reader->parsed_repaired == 0 || reader->rules.repairs;
}

/* Both of these: ERROR_INVALID_JSON for what the stream does not have repaired. Costs nothing for the text parsed last. */
MUST_CHECK enum error payload_parse_piece(struct payload_reader *reader, struct slice piece);
