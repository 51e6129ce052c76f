/* Which events of a payload were refused, and why: runs of neighbours with one code. A reply tells them all in little
 * room, however many there are, as a JSON object:
 *
 *   {"not_allowed":[100,3,7,1],"missing_field":[103,2]}
 *
 * Each list is of pairs: so many events are passed over, so many are refused with this code, and so on. Above, events 100
 * to 102 and 110 are not_allowed, 103 and 104 lack a field. No list is longer than some 5 bytes per event of the payload,
 * for what a number takes more of digits it stands for more of events. Pure but for its memory. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct buf;

/* Event `index` is refused; indices only rise. `runs` (an array of runs, private) is cleared for each payload, and says
 * `failed` if memory was short: then it is not whole, and nothing may be told of it. */
void refused_runs_add(struct buf *runs, uint32_t index, enum error code);

/* Appends the object. */
void refused_runs_write(const struct buf *runs, struct buf *out);
