/* Turns the state of a limit into header fields. */
#include "proto/limits/limit_fields.h"

#include "base/assert.h"
#include "base/bytes.h"
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
_Static_assert(LIMIT_FIELDS_MAX >= 160 + 2 * 16 + 24 + 7 * MOST_DIGITS, "five lines");

static char *put(char *at, struct slice text)
{
    memcpy(at, text.data, text.len);
    return at + text.len;
}

static char *put_number(char *at, struct slice before, uint64_t number)
{
    char digits[MOST_DIGITS];
    size_t first = sizeof digits;
    at = put(at, before);
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    memcpy(at, digits + first, sizeof digits - first);
    return at + sizeof digits - first;
}

static uint64_t seconds(int64_t ns)
{
    ASSERT(ns >= 0);
    return (uint64_t)((ns + NS_PER_SECOND - 1) / NS_PER_SECOND);
}

size_t limit_fields_write(const struct limit_state *state, char out[LIMIT_FIELDS_MAX])
{
    if (!state->limited) {
        return 0;
    }
    ASSERT(state->policy < LIMIT_POLICIES && state->unit < LIMIT_UNITS);
    const struct name *name = &names[state->policy][state->unit];
    uint64_t reset = seconds(state->reset_ns);
    char *at = put(put(out, SLICE("RateLimit-Policy: ")), name->policy);
    at = put(put_number(at, SLICE(";q="), state->limit), name->unit);
    at = put_number(at, SLICE(";w="), seconds(state->window_ns));
    at = put(put(at, SLICE("\r\nRateLimit: ")), name->policy);
    at = put_number(put_number(at, SLICE(";r="), state->remaining), SLICE(";t="), reset);
    at = put_number(at, SLICE("\r\nX-RateLimit-Limit: "), state->limit);
    at = put_number(at, SLICE("\r\nX-RateLimit-Remaining: "), state->remaining);
    at = put(put_number(at, SLICE("\r\nX-RateLimit-Reset: "), reset), SLICE("\r\n"));
    ASSERT_AT_MOST(at - out, LIMIT_FIELDS_MAX);
    return (size_t)(at - out);
}
