/* Turns the ways in which clients write a moment into one: seconds since 1970 UTC and nanoseconds behind them. Pure. */
#pragma once

#include "event/time/moment.h"

/* An integer in seconds, milliseconds, microseconds or nanoseconds, told apart by its size: below 10^11 (the year 5138)
 * it is seconds, then three digits more for each finer unit, each from 1973 on. */
struct moment moment_from_integer(int64_t value);

/* What an integer counts, told by its size: 1, 1000, 1000000 or 1000000000 in a second. */
int64_t moment_units_per_second(int64_t value);

/* The same with a fraction; rounded to the microsecond, as a double holds no more. False if it is not near any time. */
MUST_CHECK bool moment_from_double(double value, struct moment *moment);

/* The forms of docs/protocol.md, section "Times": RFC 3339 and ISO 8601, HTTP and mail dates, what logs and languages
 * write, an integer in digits. Without a zone it is UTC. What could be read in two ways is none. */
MUST_CHECK bool moment_from_text(struct slice text, struct moment *moment);
