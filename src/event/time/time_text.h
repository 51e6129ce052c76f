/* Takes the pieces of a written time off the front of a text: digits, words, clocks, zones. Each function moves *text
 * behind what it took, and says false, or -1, if that is not there. Private to time_parse.c and its forms. Pure. */
#pragma once

#include "event/time/moment.h"

#define SECONDS_PER_DAY 86400

/* The time of a day. A leap second counts as the second after it, 24:00 as the midnight behind the day. */
struct time_of_day {
    int32_t seconds;
    int32_t nanos;
};

/* Exactly `digits` digits. */
int time_take_digits(struct slice *text, size_t digits);

bool time_take_one_of(struct slice *text, const char *characters);

/* Any number of spaces; true if there was one. */
bool time_take_spaces(struct slice *text);

/* Letters, as many as there are; empty if there are none. */
struct slice time_take_letters(struct slice *text);

/* Days since 1970; false if the calendar has no such day. */
MUST_CHECK bool time_day(int year, int month, int day, int64_t *days);

/* hh, hh:mm, hh:mm:ss, hhmm, hhmmss; behind seconds a fraction: ".123", ",123". Digits beyond the ninth are cut. */
MUST_CHECK bool time_take_clock(struct slice *text, struct time_of_day *clock);

/* +hh, +hhmm, +hh:mm, +hh:mm:ss. */
MUST_CHECK bool time_take_offset(struct slice *text, int32_t *offset_seconds);

/* An offset, Z, UTC, GMT or UT, with a space before it or not. */
MUST_CHECK bool time_take_zone(struct slice *text, int32_t *offset_seconds);

/* Dates of digits: RFC 3339, ISO 8601 and what programs make of them. */
MUST_CHECK bool time_from_digits(struct slice text, struct moment *moment);

/* Dates with the name of a month: HTTP, mail, asctime, logs of web servers, JavaScript's Date. */
MUST_CHECK bool time_from_names(struct slice text, struct moment *moment);
