/* Events as who watches reads them: JSON on one line, of bounded length. Hidden values are not in it, but named. */
#pragma once

#include "base/bytes.h"
#include "event/ticket.h"

struct chunk;
struct live_options;
struct refusal;
struct refused_input;

/* Appends {"time","protocol","stream","code","field","message"} and more of it, see docs/live.md. */
void live_append_refused(const struct live_options *options, const struct refusal *refusal,
                         const struct refused_input *input, struct slice message, int64_t wall_ns, struct buf *out);

/* The rows of a sealed chunk, from front to back. */
struct live_rows;
struct live_rows *live_rows_new(const struct chunk *chunk); /* NULL: memory is short */
void live_rows_free(struct live_rows *rows);

/* Appends {"time","protocol","stream","event":{…},"hidden":[…]} of a row. */
void live_append_row(const struct live_options *options, struct live_rows *rows, uint32_t row, int64_t wall_ns,
                     struct buf *out);
