/* Turns counts of units into moments, and back. */
#include "event/time/moment.h"

#include "base/clock.h"

struct moment moment_from_units(int64_t value, int64_t per_second)
{
    int64_t seconds = value / per_second, rest = value % per_second;
    if (rest < 0) {
        seconds--;
        rest += per_second;
    }
    return (struct moment){ seconds, (int32_t)(rest * (NS_PER_SECOND / per_second)) };
}

int64_t moment_to_ns(struct moment moment)
{
    int64_t ns;
    if (__builtin_mul_overflow(moment.seconds, NS_PER_SECOND, &ns) || __builtin_add_overflow(ns, moment.nanos, &ns)) {
        return moment.seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return ns;
}

struct moment moment_from_ns(int64_t ns)
{
    return moment_from_units(ns, NS_PER_SECOND);
}

int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}
