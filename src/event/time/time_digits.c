/* Turns dates that are written in digits into moments. */
#include "event/time/time_text.h"

/* YYYYMMDDhhmmss counts from here on: as milliseconds it then lies beyond every column's range, before it does not. */
#define FIRST_DAY_OF_1900 (-25567)

/* 1970-01-01 was a Thursday; 0 is a Monday. */
static int64_t weekday(int64_t days)
{
    return ((days + 3) % 7 + 7) % 7;
}

/* "W10-1" behind a year: ISO 8601's weeks begin on a Monday, the first is that of the 4th of January. */
static bool take_week(struct slice *text, int year, int64_t *days)
{
    int64_t fourth = days_from_civil(year, 1, 4), monday = fourth - weekday(fourth);
    int week = time_take_digits(text, 2);
    int day = time_take_one_of(text, "-") ? time_take_digits(text, 1) : -1;
    int64_t thursday = monday + (week - 1) * 7 + 3;
    *days = monday + (week - 1) * 7 + day - 1;
    return week >= 1 && day >= 1 && day <= 7 && thursday < days_from_civil(year + 1, 1, 1);
}

/* "061" behind a year: the day of the year. */
static bool take_ordinal(struct slice *text, int year, int64_t *days)
{
    int day = time_take_digits(text, 3);
    *days = days_from_civil(year, 1, 1) + day - 1;
    return day >= 1 && *days < days_from_civil(year + 1, 1, 1);
}

static bool is_ordinal(struct slice text)
{
    return time_take_digits(&text, 3) >= 0 && time_take_digits(&text, 1) < 0;
}

/* YYYY-MM-DD, YYYY/MM/DD, YYYY-DDD, YYYY-Www-D, YYYYMMDD: of the last *basic is true. */
static bool take_date(struct slice *text, int64_t *days, bool *basic)
{
    int year = time_take_digits(text, 4);
    const char *separator = text->len != 0 && text->data[0] == '/' ? "/" : "-";
    *basic = !time_take_one_of(text, separator);
    if (year < 0) {
        return false;
    }
    if (!*basic && time_take_one_of(text, "Ww")) {
        return take_week(text, year, days);
    }
    if (!*basic && is_ordinal(*text)) {
        return take_ordinal(text, year, days);
    }
    int month = time_take_digits(text, 2);
    int day = *basic || time_take_one_of(text, separator) ? time_take_digits(text, 2) : -1;
    return time_day(year, month, day, days);
}

/* "[Europe/Paris]" (Java, Temporal) behind an offset. */
static bool is_in_brackets(struct slice text)
{
    return text.len > 2 && text.data[0] == '[' && memchr(text.data, ']', text.len) == text.data + text.len - 1;
}

/* " CET", " +03" and " m=+0.1", which Go writes behind an offset. They say the zone once more, or nothing of the time. */
static bool is_remark(struct slice text)
{
    int32_t again;
    bool spaced = time_take_spaces(&text);
    if (spaced && text.len != 0 && strchr("+-", text.data[0]) != NULL) {
        spaced = time_take_offset(&text, &again) && (text.len == 0 || time_take_spaces(&text));
    } else if (spaced && !slice_starts_with(text, SLICE("m="))) {
        spaced = time_take_letters(&text).len >= 3 && (text.len == 0 || time_take_spaces(&text));
    }
    return spaced && (text.len == 0 || (text.len > 2 && slice_starts_with(text, SLICE("m="))));
}

/* 100 or more if they are no digits. */
static unsigned two_digits(const char *at)
{
    unsigned tens = (unsigned char)at[0] - (unsigned)'0', ones = (unsigned char)at[1] - (unsigned)'0';
    return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

/* What most programs write, in a quarter of the instructions: YYYY-MM-DDThh:mm:ss, a fraction, Z. */
static bool from_usual(struct slice text, struct moment *moment)
{
    const char *at = text.data;
    int64_t days;
    if (text.len < 19 || at[4] != '-' || at[7] != '-' || (at[10] != 'T' && at[10] != ' ') || at[13] != ':' ||
        at[16] != ':') {
        return false;
    }
    unsigned century = two_digits(at), year = two_digits(at + 2);
    unsigned hour = two_digits(at + 11), minute = two_digits(at + 14), second = two_digits(at + 17);
    if (century > 99 || year > 99 || hour > 23 || minute > 59 || second > 60 ||
        !time_day((int)(century * 100 + year), (int)two_digits(at + 5), (int)two_digits(at + 8), &days)) {
        return false;
    }
    size_t end = 19;
    int32_t nanos = 0;
    if (end < text.len && at[end] == '.') {
        int32_t unit = 100000000;
        for (end++; end < text.len && at[end] >= '0' && at[end] <= '9'; end++, unit /= 10) {
            nanos += (at[end] - '0') * unit;
        }
    }
    *moment = (struct moment){ days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second, nanos };
    return end == text.len ? at[end - 1] != '.' : end + 1 == text.len && at[end] == 'Z' && at[end - 1] != '.';
}

bool time_from_digits(struct slice text, struct moment *moment)
{
    if (from_usual(text, moment)) {
        return true;
    }
    int64_t days;
    struct time_of_day clock;
    int32_t offset = 0;
    bool basic;
    if (!take_date(&text, &days, &basic)) {
        return false;
    }
    if (text.len == 0) { /* YYYYMMDD alone reads as a number, too */
        *moment = (struct moment){ days * SECONDS_PER_DAY, 0 };
        return !basic;
    }
    bool begun = time_take_one_of(&text, "Tt ") || (basic && days >= FIRST_DAY_OF_1900);
    if (!begun || !time_take_clock(&text, &clock)) {
        return false;
    }
    bool whole = text.len == 0;
    if (!whole && time_take_zone(&text, &offset)) {
        whole = text.len == 0 || is_in_brackets(text) || is_remark(text);
    }
    if (!whole) {
        return false;
    }
    *moment = (struct moment){ days * SECONDS_PER_DAY + clock.seconds - offset, clock.nanos };
    return true;
}
