/* Turns the ways in which clients write a moment into one: seconds since 1970 UTC and nanoseconds behind them. Pure. */
#pragma once

#include "base/bytes.h"

struct moment {
    int64_t seconds; /* floor: nanos count forwards before 1970 too */
    int32_t nanos;   /* 0 to 999,999,999 */
};

/* An integer in seconds, milliseconds, microseconds or nanoseconds, told apart by its size: below 10^11 (the year 5138)
 * it is seconds, then three digits more for each finer unit, each from 1973 on. */
struct moment moment_from_integer(int64_t value);

/* The same with a fraction; rounded to the microsecond, as a double holds no more. False if it is not near any time. */
MUST_CHECK bool moment_from_double(double value, struct moment *moment);

/* The forms of docs/protocol.md, section "Times": RFC 3339 and ISO 8601, HTTP and mail dates, what logs and languages
 * write, an integer in digits. Without a zone it is UTC. What could be read in two ways is none. */
MUST_CHECK bool moment_from_text(struct slice text, struct moment *moment);

/* Nanoseconds since 1970; what does not fit becomes the nearest that does. */
int64_t moment_to_ns(struct moment moment);
struct moment moment_from_ns(int64_t ns);

/* Days since 1970 of a date of the proleptic Gregorian calendar. */
int64_t days_from_civil(int64_t year, int month, int day);
