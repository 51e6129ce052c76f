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
_Static_assert(LIMIT_FIELDS_MAX >= 160 + 80 + 40 + 4 * MOST_DIGITS, "five lines");

/* Of a literal: its length is known, so that it is a few stores. */
#define PUT(at, literal) ((char *)memcpy(at, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static inline char *put(char *at, const char *data, size_t length)
{
    memcpy(at, data, length);
    return at + length;
}

struct number {
    char digits[MOST_DIGITS];
    size_t first;
};

static void write_number(struct number *number, uint64_t value)
{
    number->first = MOST_DIGITS;
    do {
        number->digits[--number->first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
}

static inline char *put_number(char *at, const struct number *number)
{
    return put(at, number->digits + number->first, MOST_DIGITS - number->first);
}

static uint64_t seconds(int64_t ns)
{
    ASSERT(ns >= 0);
    return (uint64_t)((ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
}

/* What does not change from reply to reply. */
struct constant {
    enum limit_policy policy;
    enum limit_unit unit;
    uint64_t limit;
    int64_t window_ns;
    size_t begin_length, middle_length; /* 0: there is none yet */
    char begin[160];                    /* up to what remains */
    char middle[80];                    /* from the limit to what remains */
};

_Static_assert(sizeof((struct constant *)NULL)->begin >= 60 + 2 * 16 + 24 + 2 * MOST_DIGITS,
               "a policy and the next name");
_Static_assert(sizeof((struct constant *)NULL)->middle >= 50 + MOST_DIGITS, "a limit and the next name");

static bool is_of(const struct constant *constant, const struct limit_state *state)
{
    return constant->begin_length != 0 && constant->limit == state->limit && constant->policy == state->policy &&
           constant->unit == state->unit && constant->window_ns == state->window_ns;
}

static void RARE write_constant(struct constant *constant, const struct limit_state *state)
{
    const struct name *name = &names[state->policy][state->unit];
    struct number limit, window;
    write_number(&limit, state->limit);
    write_number(&window, seconds(state->window_ns));
    char *at = put(PUT(constant->begin, "RateLimit-Policy: "), name->policy.data, name->policy.len);
    at = put(put_number(PUT(at, ";q="), &limit), name->unit.data, name->unit.len);
    at = put_number(PUT(at, ";w="), &window);
    at = PUT(put(PUT(at, "\r\nRateLimit: "), name->policy.data, name->policy.len), ";r=");
    constant->begin_length = (size_t)(at - constant->begin);
    at = put_number(PUT(constant->middle, "\r\nX-RateLimit-Limit: "), &limit);
    constant->middle_length = (size_t)(PUT(at, "\r\nX-RateLimit-Remaining: ") - constant->middle);
    constant->policy = state->policy;
    constant->unit = state->unit;
    constant->limit = state->limit;
    constant->window_ns = state->window_ns;
    ASSERT_AT_MOST(constant->begin_length, sizeof constant->begin);
    ASSERT_AT_MOST(constant->middle_length, sizeof constant->middle);
}

size_t limit_fields_write(const struct limit_state *state, char out[LIMIT_FIELDS_MAX])
{
    static _Thread_local struct constant last; /* most replies of a thread name the same policy */
    if (!state->limited) {
        return 0;
    }
    ASSERT(state->policy < LIMIT_POLICIES && state->unit < LIMIT_UNITS);
    if (!is_of(&last, state)) {
        write_constant(&last, state);
    }
    struct number remaining, reset;
    write_number(&remaining, state->remaining);
    write_number(&reset, seconds(state->reset_ns));
    char *at = put_number(put(out, last.begin, last.begin_length), &remaining);
    at = put_number(PUT(at, ";t="), &reset);
    at = put_number(put(at, last.middle, last.middle_length), &remaining);
    at = PUT(put_number(PUT(at, "\r\nX-RateLimit-Reset: "), &reset), "\r\n");
    ASSERT_AT_MOST(at - out, LIMIT_FIELDS_MAX);
    return (size_t)(at - out);
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
