/* How far a client's clock is off: by what it says the time is when it sends, and when that is received.
 *
 * The difference is rounded to whole steps of ten seconds: what a payload is on its way is no error of a clock, and the
 * same event sent again is moved to the same time nearly always. */
#pragma once

#include "event/value.h"
#include "pipeline/json/json.h"

/* Of a clock that was read: by how much it is ahead of ours, unrounded; the way of the payload counts against it. */
int64_t client_clock_ahead_ns(const struct client_clock *clock, int64_t received_wall_ns);

/* From the value of "sent_at", any time that docs/protocol.md knows; at 0: there is none. Zero if it is none, or not later
 * than 1970. */
struct client_clock client_clock_read(const struct json_document *document, json_at at, int64_t received_wall_ns);

/* What it was read from; 0: nothing. */
int64_t client_clock_sent_ns(const struct client_clock *clock);
