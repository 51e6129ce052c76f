/* Turns the front of a text into one piece of a time. */
#include "event/time/time_text.h"

int time_take_digits(struct slice *text, size_t digits)
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

bool time_take_one_of(struct slice *text, const char *characters)
{
    if (text->len == 0 || text->data[0] == '\0' || strchr(characters, text->data[0]) == NULL) {
        return false;
    }
    *text = slice_after(*text, 1);
    return true;
}

bool time_take_spaces(struct slice *text)
{
    bool any = false;
    while (time_take_one_of(text, " ")) {
        any = true;
    }
    return any;
}

struct slice time_take_letters(struct slice *text)
{
    size_t len = 0;
    while (len < text->len && (text->data[len] | 0x20) >= 'a' && (text->data[len] | 0x20) <= 'z') {
        len++;
    }
    struct slice letters = slice_make(text->data, len);
    *text = slice_after(*text, len);
    return letters;
}

bool time_day(int year, int month, int day, int64_t *days)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (year < 0 || month < 1 || month > 12) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int length = month == 2 && leap ? 29 : lengths[month - 1];
    if (day < 1 || day > length) {
        return false;
    }
    *days = days_from_civil(year, month, day);
    return true;
}

static bool take_fraction(struct slice *text, int32_t *nanos)
{
    int32_t unit = 100000000;
    *nanos = 0;
    if (!time_take_one_of(text, ".,")) {
        return true;
    }
    size_t before = text->len;
    for (int digit = time_take_digits(text, 1); digit >= 0; digit = time_take_digits(text, 1)) {
        *nanos += digit * unit;
        unit /= 10;
    }
    return text->len < before;
}

static bool begins_with_digit(struct slice text)
{
    return text.len != 0 && text.data[0] >= '0' && text.data[0] <= '9';
}

bool time_take_clock(struct slice *text, struct time_of_day *clock)
{
    int hour = time_take_digits(text, 2), minute = 0, second = 0;
    bool colon = time_take_one_of(text, ":");
    *clock = (struct time_of_day){ 0 };
    if (colon || begins_with_digit(*text)) {
        minute = time_take_digits(text, 2);
        if (minute >= 0 && (colon ? time_take_one_of(text, ":") : begins_with_digit(*text))) {
            second = time_take_digits(text, 2);
            if (second < 0 || !take_fraction(text, &clock->nanos)) {
                return false;
            }
        }
    }
    clock->seconds = hour * 3600 + minute * 60 + second;
    bool midnight = clock->seconds == SECONDS_PER_DAY && clock->nanos == 0 && hour == 24;
    return hour >= 0 && minute >= 0 && minute < 60 && second <= 60 && (hour < 24 || midnight);
}

bool time_take_offset(struct slice *text, int32_t *offset_seconds)
{
    bool west = text->len != 0 && text->data[0] == '-';
    int hour = time_take_one_of(text, "+-") ? time_take_digits(text, 2) : -1, minute = 0, second = 0;
    bool colon = time_take_one_of(text, ":");
    if (colon || begins_with_digit(*text)) {
        minute = time_take_digits(text, 2);
        if (colon && minute >= 0 && time_take_one_of(text, ":")) {
            second = time_take_digits(text, 2);
        }
    }
    *offset_seconds = (hour * 3600 + minute * 60 + second) * (west ? -1 : 1);
    return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

bool time_take_zone(struct slice *text, int32_t *offset_seconds)
{
    static const char *const names[] = { "Z", "UTC", "GMT", "UT" };
    *offset_seconds = 0;
    (void)time_take_one_of(text, " ");
    struct slice rest = *text;
    struct slice word = time_take_letters(&rest);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal_nocase(word, slice_from_string(names[i]))) {
            *text = rest;
            return true;
        }
    }
    return word.len == 0 && time_take_offset(text, offset_seconds);
}
