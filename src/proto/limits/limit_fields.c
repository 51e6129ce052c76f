/* Turns the state of a limit into header fields. */
#include "proto/limits/limit_fields.h"

#include "base/assert.h"
#include "base/clock.h"
#include "proto/limits/limit_state.h"

#define MOST_DIGITS 20

/* A policy as a member of both fields, and its unit where that is not requests, which is the draft's default. */
struct name {
    struct slice policy, unit;
};

#define NAMES(name)                                                                                                    \
    {                                                                                                                  \
        [LIMIT_REQUESTS] = { SLICE_INIT("\"" name "\""), SLICE_INIT("") },                                             \
        [LIMIT_EVENTS] = { SLICE_INIT("\"" name "-events\""), SLICE_INIT(";qu=\"events\"") },                          \
        [LIMIT_BYTES] = { SLICE_INIT("\"" name "-bytes\""), SLICE_INIT(";qu=\"content-bytes\"") },                     \
        [LIMIT_CPU] = { SLICE_INIT("\"" name "-cpu\""), SLICE_INIT(";qu=\"cpu-microseconds\"") },                      \
    }
#define SLICE_INIT(text)                                                                                               \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct name names[LIMIT_POLICIES][LIMIT_UNITS] = {
    [LIMIT_ADDRESS] = NAMES("address"),
    [LIMIT_KEY] = NAMES("key"),
    [LIMIT_ALL] = NAMES("all"),
    [LIMIT_DAILY] = NAMES("daily"),
};

/* So large that what is written fits whatever the numbers are. */
#define LINES_MAX 384
_Static_assert(LINES_MAX >= 160 + 80 + 40 + 4 * MOST_DIGITS, "five lines");

/* Of a literal: its length is known, so that it is a few stores. */
#define PUT(at, literal) ((char *)memcpy(at, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static char *put(char *at, struct slice text)
{
    memcpy(at, text.data, text.len);
    return at + text.len;
}

/* *end: behind its last digit. */
static char *put_number(char *at, uint64_t value, char **end)
{
    char digits[MOST_DIGITS];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    *end = put(at, slice_make(digits + first, sizeof digits - first));
    return *end;
}

static uint64_t seconds(int64_t ns)
{
    ASSERT(ns >= 0);
    return (uint64_t)((ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
}

/* The lines that a thread wrote last: most of its replies name the same policy, and differ in the last digits of what remains. */
struct lines {
    enum limit_policy policy;
    enum limit_unit unit;
    uint64_t limit;
    int64_t window_ns;
    uint64_t reset;         /* seconds */
    uint64_t remaining;     /* as it stands there, twice */
    uint64_t least, beyond; /* of what has as many digits */
    char *remaining_end[2]; /* behind its last digit */
    size_t length;          /* 0: there are none yet */
    char text[LINES_MAX];
};

static bool are_of(const struct lines *lines, const struct limit_state *state, uint64_t reset)
{
    return lines->length != 0 && lines->limit == state->limit && lines->policy == state->policy &&
           lines->unit == state->unit && lines->window_ns == state->window_ns && lines->reset == reset &&
           state->remaining >= lines->least && state->remaining < lines->beyond;
}

static void set_digits(struct lines *lines, uint64_t remaining)
{
    lines->least = 0;
    lines->beyond = 10;
    while (remaining >= lines->beyond && lines->beyond != UINT64_MAX) {
        lines->least = lines->beyond;
        lines->beyond = lines->beyond > UINT64_MAX / 10 ? UINT64_MAX : lines->beyond * 10;
    }
    lines->remaining = remaining;
}

static void write_lines(struct lines *lines, const struct limit_state *state, uint64_t reset)
{
    const struct name *name = &names[state->policy][state->unit];
    char *end;
    char *at = put(PUT(lines->text, "RateLimit-Policy: "), name->policy);
    at = put(put_number(PUT(at, ";q="), state->limit, &end), name->unit);
    at = put_number(PUT(at, ";w="), seconds(state->window_ns), &end);
    at = PUT(put(PUT(at, "\r\nRateLimit: "), name->policy), ";r=");
    at = put_number(at, state->remaining, &lines->remaining_end[0]);
    at = put_number(PUT(at, ";t="), reset, &end);
    at = put_number(PUT(at, "\r\nX-RateLimit-Limit: "), state->limit, &end);
    at = put_number(PUT(at, "\r\nX-RateLimit-Remaining: "), state->remaining, &lines->remaining_end[1]);
    at = PUT(put_number(PUT(at, "\r\nX-RateLimit-Reset: "), reset, &end), "\r\n");
    lines->length = (size_t)(at - lines->text);
    lines->policy = state->policy;
    lines->unit = state->unit;
    lines->limit = state->limit;
    lines->window_ns = state->window_ns;
    lines->reset = reset;
    set_digits(lines, state->remaining);
    ASSERT_AT_MOST(lines->length, LINES_MAX);
}

/* Only the digits that differ: from the last one on, until those in front are the same. */
static void patch_remaining(struct lines *lines, uint64_t remaining)
{
    char *first = lines->remaining_end[0], *second = lines->remaining_end[1];
    uint64_t before = lines->remaining;
    lines->remaining = remaining;
    for (; remaining != before; remaining /= 10, before /= 10) {
        char digit = (char)('0' + remaining % 10);
        *--first = digit;
        *--second = digit;
    }
}

struct slice limit_fields_of(const struct limit_state *state)
{
    static _Thread_local struct lines last;
    if (!state->limited) {
        return SLICE("");
    }
    ASSERT(state->policy < LIMIT_POLICIES && state->unit < LIMIT_UNITS);
    uint64_t reset = seconds(state->reset_ns);
    if (are_of(&last, state, reset)) {
        patch_remaining(&last, state->remaining);
    } else {
        write_lines(&last, state, reset);
    }
    return slice_make(last.text, last.length);
}

#define REFUSALS(who, what, limit)                                                                                     \
    {                                                                                                                  \
        [LIMIT_REQUESTS] = who " has used up its requests" what " (" limit ")" WAIT,                                   \
        [LIMIT_EVENTS] = who " has used up its events" what " (" limit ")" WAIT,                                       \
        [LIMIT_BYTES] = who " has used up its bytes" what " (" limit ")" WAIT,                                         \
        [LIMIT_CPU] = who " has used up its CPU time" what " (" limit ")" WAIT,                                        \
    }
#define WAIT "; wait as long as Retry-After says"

struct slice limit_refusal(const struct limit_state *state)
{
    static const char *const texts[LIMIT_POLICIES][LIMIT_UNITS] = {
        [LIMIT_ADDRESS] = REFUSALS("this address", "", "limits.address"),
        [LIMIT_KEY] = REFUSALS("this key", "", "its rate, or limits.key"),
        [LIMIT_ALL] = REFUSALS("the gateway", "", "limits.all"),
        [LIMIT_DAILY] = REFUSALS("this address", " of the day", "limits.daily"),
    };
    ASSERT(state->limited && state->policy < LIMIT_POLICIES && state->unit < LIMIT_UNITS);
    return slice_from_string(texts[state->policy][state->unit]);
}
