/* Turns a moment into RFC 3339 with milliseconds. */
#include "proto/live/live_time.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <time.h>

void live_append_time(struct buf *out, int64_t wall_ns)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    buf_append(out, text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc));
    buf_printf(out, ".%03dZ", (int)(wall_ns % NS_PER_SECOND / NS_PER_MS));
}
