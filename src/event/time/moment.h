/* A moment, and the days of the calendar. Pure. */
#pragma once

#include "base/bytes.h"

struct moment {
    int64_t seconds; /* floor: nanos count forwards before 1970 too */
    int32_t nanos;   /* 0 to 999,999,999 */
};

/* So many units since 1970, of which a second has so many: a power of ten up to 10^9. */
struct moment moment_from_units(int64_t value, int64_t per_second);

/* Nanoseconds since 1970; what does not fit becomes the nearest that does. */
int64_t moment_to_ns(struct moment moment);
struct moment moment_from_ns(int64_t ns);

/* Days since 1970 of a date of the proleptic Gregorian calendar. */
int64_t days_from_civil(int64_t year, int month, int day);
