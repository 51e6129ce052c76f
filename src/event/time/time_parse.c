/* Turns numbers into moments, and texts by the first form that they have. */
#include "event/time/time_parse.h"

#include "base/clock.h"
#include "event/time/time_text.h"

#include <math.h>

int64_t moment_units_per_second(int64_t value)
{
    static const struct {
        uint64_t below;
        int64_t per_second;
    } units[] = { { 100000000000u, 1 }, { 100000000000000u, 1000 }, { 100000000000000000u, 1000000 } };
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (size < units[i].below) {
            return units[i].per_second;
        }
    }
    return NS_PER_SECOND;
}

struct moment moment_from_integer(int64_t value)
{
    return moment_from_units(value, moment_units_per_second(value));
}

bool moment_from_double(double value, struct moment *moment)
{
    double size = fabs(value);
    if (!(size < 9.2e18)) {
        return false;
    }
    if (size >= 1e14) {
        *moment = moment_from_integer((int64_t)llround(value));
        return true;
    }
    *moment = moment_from_units(llround(size < 1e11 ? value * 1e6 : value * 1e3), 1000000);
    return true;
}

/* Nine digits of a fraction. */
static bool read_billionths(struct slice digits, int64_t *billionths)
{
    int64_t unit = 100000000;
    *billionths = 0;
    for (size_t i = 0; i < digits.len; i++, unit /= 10) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        *billionths += (digits.data[i] - '0') * unit;
    }
    return digits.len != 0;
}

/* As text, a Unix time has so many digits since 1973; fewer, with a fraction, are rather an amount. */
#define LEAST_DIGITS 9

/* "1714500411.107", as nginx writes $msec. */
static bool from_fraction(struct slice text, struct moment *moment)
{
    struct slice rest = text, whole;
    int64_t integer, billionths;
    bool negative = text.len != 0 && text.data[0] == '-';
    if (!slice_split(&rest, '.', &whole) || whole.len < LEAST_DIGITS + (size_t)negative ||
        !slice_to_i64(whole, &integer) || !read_billionths(rest, &billionths)) {
        return false;
    }
    int64_t nanos = billionths / moment_units_per_second(integer);
    *moment = moment_from_integer(integer);
    moment->nanos += (int32_t)(negative ? -nanos : nanos);
    if (moment->nanos < 0) {
        moment->seconds--;
        moment->nanos += (int32_t)NS_PER_SECOND;
    }
    return true;
}

/* "/Date(1714500411107+0100)/", as .NET writes it: milliseconds; the offset says nothing of the moment. */
static bool from_dotnet(struct slice text, struct moment *moment)
{
    struct slice head = SLICE("/Date("), tail = SLICE(")/");
    int32_t offset;
    int64_t milliseconds;
    if (!slice_starts_with(text, head) || text.len < head.len + tail.len ||
        !slice_equal(slice_after(text, text.len - tail.len), tail)) {
        return false;
    }
    struct slice number = slice_make(text.data + head.len, text.len - head.len - tail.len);
    struct slice zone = slice_after(number, number.len > 5 ? number.len - 5 : 0);
    if (zone.len == 5 && time_take_offset(&zone, &offset) && zone.len == 0) {
        number.len -= 5;
    }
    if (!slice_to_i64(number, &milliseconds)) {
        return false;
    }
    *moment = moment_from_units(milliseconds, 1000);
    return true;
}

/* YYYYMMDDhhmmss: from here on, as milliseconds, it would lie beyond every column's range. */
#define FIRST_DIGITS_OF_A_DATE INT64_C(19000101000000)

static bool is_date_of_digits(struct slice text, int64_t integer)
{
    return text.len == 14 && integer >= FIRST_DIGITS_OF_A_DATE;
}

bool moment_from_text(struct slice text, struct moment *moment)
{
    int64_t integer;
    if (slice_to_i64(text, &integer) && !is_date_of_digits(text, integer)) {
        *moment = moment_from_integer(integer);
        return true;
    }
    return time_from_digits(text, moment) || from_fraction(text, moment) || time_from_names(text, moment) ||
           from_dotnet(text, moment);
}
