/* Turns what a client says the time is into how far its clock is off. */
#include "pipeline/validate/client_clock.h"

#include "base/assert.h"
#include "base/clock.h"

#define STEP_NS (10 * NS_PER_SECOND)
/* An event that is later than its own sending by more is not by the clock that sent_at is of. */
#define SLACK_NS (60 * NS_PER_SECOND)

int64_t client_clock_ahead_ns(const struct client_clock *clock, int64_t received_wall_ns)
{
    ASSERT(clock->until_ns != 0);
    return clock->until_ns - SLACK_NS - received_wall_ns;
}

static bool read_time(const struct json_document *document, json_at at, int64_t *wall_ns)
{
    struct value value;
    switch (json_type(document, at)) {
    case '"': value = (struct value){ .type = VALUE_TEXT, .text = json_string(document, at) }; break;
    case 'l': value = (struct value){ .type = VALUE_INT, .integer = json_int64(document, at) }; break;
    case 'd': value = (struct value){ .type = VALUE_DOUBLE, .number = json_double(document, at) }; break;
    default: return false;
    }
    return value_read_time(&value, wall_ns);
}

struct client_clock client_clock_read(const struct json_document *document, json_at at, int64_t received_wall_ns)
{
    struct client_clock clock = { 0 };
    int64_t sent_ns;
    if (at == 0 || !read_time(document, at, &sent_ns) || sent_ns <= 0 || sent_ns >= INT64_MAX - SLACK_NS) {
        return clock;
    }
    int64_t off_ns = received_wall_ns - sent_ns;
    int64_t steps = (off_ns + (off_ns < 0 ? -STEP_NS / 2 : STEP_NS / 2)) / STEP_NS;
    clock.shift_ns = steps * STEP_NS;
    clock.until_ns = sent_ns + SLACK_NS;
    return clock;
}

int64_t client_clock_sent_ns(const struct client_clock *clock)
{
    return clock->until_ns == 0 ? 0 : clock->until_ns - SLACK_NS;
}
