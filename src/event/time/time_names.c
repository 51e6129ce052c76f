/* Turns dates with the name of a month into moments. */
#include "event/time/time_text.h"

/* Years of two digits: 70 to 99 are 1970 to 1999. */
#define FIRST_SHORT_YEAR 70

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };
static const char *const weekdays[] = {
    "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"
}; /* as from 1970-01-01 */

/* A date as far as it is read. */
struct named_date {
    struct slice weekday; /* empty: none was there */
    int year, month, day;
    bool short_year;
    struct time_of_day clock;
    bool has_zone;
    int32_t offset;
};

/* The number of a name, whole or its first three letters; -1: it is none. */
static int find_name(struct slice word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && word.len >= 3; i++) {
        struct slice name = slice_from_string(names[i]);
        if (slice_equal_nocase(word, slice_make(name.data, 3)) || slice_equal_nocase(word, name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool take_month(struct slice *text, struct named_date *date)
{
    date->month = find_name(time_take_letters(text), months, ARRAY_LENGTH(months)) + 1;
    return date->month != 0;
}

static bool take_day(struct slice *text, struct named_date *date)
{
    date->day = time_take_digits(text, 2);
    if (date->day < 0) {
        date->day = time_take_digits(text, 1);
    }
    return date->day > 0;
}

static bool take_year(struct slice *text, struct named_date *date)
{
    date->year = time_take_digits(text, 4);
    if (date->year >= 0) {
        return true;
    }
    int year = time_take_digits(text, 2);
    date->short_year = true;
    date->year = year + (year < FIRST_SHORT_YEAR ? 2000 : 1900);
    return year >= 0;
}

/* "Mon, ", "Monday, ", "Mon ": nothing is taken of "Mar 2". */
static void take_weekday(struct slice *text, struct named_date *date)
{
    struct slice rest = *text;
    struct slice word = time_take_letters(&rest);
    if (find_name(word, weekdays, ARRAY_LENGTH(weekdays)) >= 0) {
        date->weekday = word;
        (void)time_take_one_of(&rest, ",");
        (void)time_take_spaces(&rest);
        *text = rest;
    }
}

/* The zones that RFC 2822 names. */
static bool take_american_zone(struct slice *text, int32_t *offset)
{
    static const struct {
        const char *name;
        int32_t hours;
    } zones[] = { { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
                  { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 } };
    struct slice rest = *text;
    struct slice word = time_take_letters(&rest);
    for (size_t i = 0; i < ARRAY_LENGTH(zones); i++) {
        if (slice_equal_nocase(word, slice_from_string(zones[i].name))) {
            *offset = zones[i].hours * 3600;
            *text = rest;
            return true;
        }
    }
    return false;
}

/* To the end: nothing, or " +0100", " GMT", " GMT+0100", " EST", and behind it " (a remark)". */
static bool take_end(struct slice *text, struct named_date *date)
{
    bool spaced = time_take_spaces(text);
    if (text->len == 0) {
        return !spaced;
    }
    date->has_zone = true;
    if (!take_american_zone(text, &date->offset)) {
        if (!time_take_zone(text, &date->offset)) {
            return false;
        }
        bool signed_too = text->len != 0 && strchr("+-", text->data[0]) != NULL;
        if (signed_too && (date->offset != 0 || !time_take_offset(text, &date->offset))) {
            return false;
        }
    }
    (void)time_take_spaces(text);
    return text->len == 0 || (text->data[0] == '(' && text->data[text->len - 1] == ')');
}

/* "02 Mar 2026 12:00:00 +0100", "06-Nov-94 08:49:37 GMT", "02/Mar/2026:12:00:00 +0000". */
static bool read_day_first(struct slice text, struct named_date *date)
{
    if (!take_day(&text, date) || text.len == 0 || strchr(" -/", text.data[0]) == NULL) {
        return false;
    }
    const char separator[] = { text.data[0], '\0' };
    text = slice_after(text, 1);
    if (!take_month(&text, date) || !time_take_one_of(&text, separator) || !take_year(&text, date)) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    bool begun = separator[0] == '/' ? time_take_one_of(&text, ": ") : time_take_spaces(&text);
    return begun && time_take_clock(&text, &date->clock) && take_end(&text, date);
}

/* "Mar  2 12:00:00 2026", "Mar 02 12:00:00 UTC 2026", "Mar 02 2026 12:00:00 GMT+0100 (Central European Time)". */
static bool read_month_first(struct slice text, struct named_date *date)
{
    if (!take_month(&text, date) || !time_take_spaces(&text) || !take_day(&text, date) || !time_take_spaces(&text)) {
        return false;
    }
    bool clock_first = text.len > 2 && text.data[2] == ':';
    if (!clock_first) {
        date->year = time_take_digits(&text, 4);
        return text.len == 0 ||
               (time_take_spaces(&text) && time_take_clock(&text, &date->clock) && take_end(&text, date));
    }
    if (!time_take_clock(&text, &date->clock) || !time_take_spaces(&text)) {
        return false;
    }
    struct slice rest = text;
    if (time_take_zone(&rest, &date->offset) && time_take_spaces(&rest)) {
        text = rest;
    } else {
        date->offset = 0;
    }
    date->year = time_take_digits(&text, 4);
    return text.len == 0;
}

bool time_from_names(struct slice text, struct moment *moment)
{
    struct named_date date = { 0 };
    int64_t days;
    take_weekday(&text, &date);
    bool letter = text.len != 0 && (text.data[0] < '0' || text.data[0] > '9');
    if (!(letter ? read_month_first(text, &date) : read_day_first(text, &date)) ||
        !time_day(date.year, date.month, date.day, &days)) {
        return false;
    }
    int64_t since = (days % 7 + 7) % 7;
    bool other_weekday =
        date.weekday.len != 0 && find_name(date.weekday, weekdays, ARRAY_LENGTH(weekdays)) != (int)since;
    if (other_weekday || (date.short_year && !date.has_zone)) {
        return false; /* what contradicts itself, or could be read in two ways */
    }
    *moment = (struct moment){ days * SECONDS_PER_DAY + date.clock.seconds - date.offset, date.clock.nanos };
    return true;
}
