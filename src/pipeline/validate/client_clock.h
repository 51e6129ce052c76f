/* How far a client's clock is off: by what it says the time is when it sends, and when that is received.
 *
 * The difference is rounded to whole steps of ten seconds: what a payload is on its way is no error of a clock, and the
 * same event sent again is moved to the same time nearly always. */
#pragma once

#include "event/value.h"
#include "pipeline/json/json.h"

/* From the value of "sent_at", any time that docs/protocol.md knows; at 0: there is none. Zero if it is none, or not later
 * than 1970. */
struct client_clock client_clock_read(const struct json_document *document, json_at at, int64_t received_wall_ns);
