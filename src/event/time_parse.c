/* Turns numbers and RFC 3339 texts into moments. */
#include "event/time_parse.h"

#include "base/clock.h"

#include <math.h>

static struct moment split(int64_t value, int64_t per_second)
{
    int64_t seconds = value / per_second, rest = value % per_second;
    if (rest < 0) {
        seconds--;
        rest += per_second;
    }
    return (struct moment){ seconds, (int32_t)(rest * (NS_PER_SECOND / per_second)) };
}

struct moment moment_from_integer(int64_t value)
{
    static const struct {
        uint64_t below;
        int64_t per_second;
    } units[] = { { 100000000000u, 1 }, { 100000000000000u, 1000 }, { 100000000000000000u, 1000000 } };
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        if (size < units[i].below) {
            return split(value, units[i].per_second);
        }
    }
    return split(value, NS_PER_SECOND);
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
    *moment = split(llround(size < 1e11 ? value * 1e6 : value * 1e3), 1000000);
    return true;
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

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Takes exactly `digits` digits off the front of *text; -1 if they are not there. */
static int take_digits(struct slice *text, size_t digits)
{
    int value = 0;
    if (text->len < digits) {
        return -1;
    }
    for (size_t i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return -1;
        }
        value = value * 10 + (text->data[i] - '0');
    }
    *text = slice_after(*text, digits);
    return value;
}

static bool take_one_of(struct slice *text, const char *characters)
{
    if (text->len == 0 || text->data[0] == '\0' || strchr(characters, text->data[0]) == NULL) {
        return false;
    }
    *text = slice_after(*text, 1);
    return true;
}

static bool take_date(struct slice *text, int64_t *days)
{
    int year = take_digits(text, 4);
    int month = year >= 0 && take_one_of(text, "-") ? take_digits(text, 2) : -1;
    int day = month >= 1 && month <= 12 && take_one_of(text, "-") ? take_digits(text, 2) : -1;
    if (day < 1 || day > days_in_month(year, month)) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

/* hh:mm:ss; a leap second counts as the second after it. */
static bool take_time(struct slice *text, int *seconds)
{
    int hour = take_digits(text, 2);
    int minute = hour >= 0 && hour < 24 && take_one_of(text, ":") ? take_digits(text, 2) : -1;
    int second = minute >= 0 && minute < 60 && take_one_of(text, ":") ? take_digits(text, 2) : -1;
    *seconds = hour * 3600 + minute * 60 + second;
    return second >= 0 && second <= 60;
}

/* ".123…"; digits beyond the ninth are cut. */
static bool take_fraction(struct slice *text, int32_t *nanos)
{
    int32_t unit = 100000000;
    *nanos = 0;
    if (!take_one_of(text, ".")) {
        return true;
    }
    size_t before = text->len;
    for (int digit = take_digits(text, 1); digit >= 0; digit = take_digits(text, 1)) {
        *nanos += digit * unit;
        unit /= 10;
    }
    return text->len < before;
}

/* Nothing, Z, +hh:mm, +hhmm. */
static bool take_zone(struct slice *text, int *offset_seconds)
{
    *offset_seconds = 0;
    if (text->len == 0 || take_one_of(text, "Zz")) {
        return true;
    }
    bool west = text->data[0] == '-';
    int hour = take_one_of(text, "+-") ? take_digits(text, 2) : -1;
    (void)take_one_of(text, ":");
    int minute = hour >= 0 && hour < 24 ? take_digits(text, 2) : -1;
    *offset_seconds = (hour * 60 + minute) * (west ? -60 : 60);
    return minute >= 0 && minute < 60;
}

bool moment_from_text(struct slice text, struct moment *moment)
{
    int64_t days, integer;
    int seconds, offset;
    if (slice_to_i64(text, &integer)) {
        *moment = moment_from_integer(integer);
        return true;
    }
    if (!take_date(&text, &days)) {
        return false;
    }
    *moment = (struct moment){ days * 86400, 0 };
    if (text.len == 0) {
        return true;
    }
    if (!take_one_of(&text, "Tt ") || !take_time(&text, &seconds) || !take_fraction(&text, &moment->nanos) ||
        !take_zone(&text, &offset)) {
        return false;
    }
    moment->seconds += seconds - offset;
    return text.len == 0;
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
    return split(ns, NS_PER_SECOND);
}
