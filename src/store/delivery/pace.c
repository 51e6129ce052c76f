/* Turns counts of rows that come and go into the news that a store does not keep up. */
#include "store/delivery/pace.h"

#include "base/assert.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define SPACING_NS (5 * NS_PER_SECOND)
#define SHORTEST_NS (15 * NS_PER_SECOND) /* of what a rate is taken over */
#define BEHIND_S 30.0
#define KEEPS_UP_S 15.0
#define REMIND_NS (60 * NS_PER_SECOND)

static const struct pace_sample *oldest(const struct pace *pace)
{
    ASSERT(pace->count != 0 && pace->count <= PACE_SAMPLES);
    return &pace->samples[(pace->newest + PACE_SAMPLES - (pace->count - 1)) % PACE_SAMPLES];
}

static void take_sample(struct pace *pace, int64_t now_ns, uint64_t in, uint64_t out)
{
    if (pace->count != 0 && now_ns - pace->samples[pace->newest].at_ns < SPACING_NS) {
        return;
    }
    pace->newest = pace->count == 0 ? 0 : (pace->newest + 1) % PACE_SAMPLES;
    pace->count += pace->count < PACE_SAMPLES ? 1 : 0;
    pace->samples[pace->newest] = (struct pace_sample){ now_ns, in, out };
}

static bool is_behind(const struct pace *pace)
{
    double bound_s = pace->behind ? KEEPS_UP_S : BEHIND_S;
    return (double)pace->backlog > pace->out * bound_s;
}

enum pace_news pace_note(struct pace *pace, int64_t now_ns, uint64_t in, uint64_t out, uint64_t backlog)
{
    take_sample(pace, now_ns, in, out);
    const struct pace_sample *first = oldest(pace);
    ASSERT(first->in <= in && first->out <= out);
    double seconds = (double)(now_ns - first->at_ns) / (double)NS_PER_SECOND;
    bool was_behind = pace->behind;
    pace->backlog = backlog;
    if (now_ns - first->at_ns < SHORTEST_NS) {
        return PACE_NOTHING;
    }
    pace->in = (double)(in - first->in) / seconds;
    pace->out = (double)(out - first->out) / seconds;
    pace->behind = is_behind(pace);
    if (!pace->behind) {
        return was_behind ? PACE_KEEPS_UP : PACE_NOTHING;
    }
    if (was_behind && now_ns - pace->said_ns < REMIND_NS) {
        return PACE_NOTHING;
    }
    pace->said_ns = now_ns;
    return PACE_BEHIND;
}

void pace_describe(const struct pace *pace, char *text, size_t size)
{
    int len = snprintf(text, size, "%.0f events/s come, %.0f are stored, %" PRIu64 " wait: ", pace->in, pace->out,
                       pace->backlog);
    if (len < 0 || (size_t)len >= size) {
        return;
    }
    if (pace->out <= pace->in) {
        snprintf(text + len, size - (size_t)len, "the backlog grows");
    } else {
        snprintf(text + len, size - (size_t)len, "gone in %.0f s", (double)pace->backlog / (pace->out - pace->in));
    }
}
