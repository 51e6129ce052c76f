/* How the events of a payload stand in it: a table of what it may be, and how pieces are cut off it. Private to this room.
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
