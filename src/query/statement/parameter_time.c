/* Turns the times of parameters into what is bound, and into what replies show. */
#include "query/statement/parameter_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "event/value.h"

#include <inttypes.h>
#include <time.h>

/* "2025-11-22T00:00:00Z" at least; the reader of times looks at the rest. */
static bool is_rfc3339(struct slice text)
{
    const size_t least = sizeof "2025-11-22T00:00:00Z" - 1;
    return text.len >= least && text.data[4] == '-' && text.data[7] == '-' && (text.data[10] | 0x20) == 't' &&
           ((text.data[text.len - 1] | 0x20) == 'z' || text.data[text.len - 6] == '+' ||
            text.data[text.len - 6] == '-');
}

bool parameter_read_moment(const struct parameter *parameter, struct slice text, struct moment *moment)
{
    int64_t number;
    bool whole = slice_to_i64(text, &number);
    switch (parameter->options->format) {
    case PARAMETER_FORMAT_RFC3339: return is_rfc3339(text) && moment_from_text(text, moment);
    case PARAMETER_FORMAT_UNIX: *moment = (struct moment){ .seconds = number }; return whole;
    case PARAMETER_FORMAT_ANY: break;
    }
    if (whole && text.len != 8) { /* 20240101 is a day */
        *moment = moment_from_integer(number);
        return true;
    }
    return moment_from_text(text, moment);
}

void parameter_bind_moment(const struct type *type, struct moment moment, struct buf *out)
{
    struct buf wire = { 0 };
    value_append_time(type, value_nearest_time(type, moment_to_ns(moment)), &wire);
    ASSERT(wire.failed || wire.len == type->width);
    int64_t ticks = wire.failed ? 0 : value_load_ticks(type, wire.data);
    out->failed = out->failed || wire.failed;
    buf_release(&wire);
    if (type->kind != KIND_DATETIME64 || type->scale == 0) {
        buf_printf(out, "%" PRId64, ticks);
        return;
    }
    int64_t unit = NS_PER_SECOND / value_tick_ns(type);
    int64_t whole = ticks / unit, rest = ticks % unit;
    buf_printf(out, "%s%" PRId64 ".%0*" PRId64, ticks < 0 ? "-" : "", whole < 0 ? -whole : whole, (int)type->scale,
               rest < 0 ? -rest : rest);
}

void parameter_show_moment(const struct parameter *parameter, struct moment moment, struct buf *out)
{
    const struct type *type = &parameter->spec.type;
    struct tm utc;
    time_t seconds = (time_t)moment.seconds;
    if (parameter->options->format == PARAMETER_FORMAT_UNIX || gmtime_r(&seconds, &utc) == NULL) {
        buf_printf(out, "%" PRId64, moment.seconds);
        return;
    }
    buf_printf(out, "\"%04d-%02d-%02d", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday);
    if (type->kind != KIND_DATE) {
        buf_printf(out, "T%02d:%02d:%02d", utc.tm_hour, utc.tm_min, utc.tm_sec);
        if (type->kind == KIND_DATETIME64 && moment.nanos >= NS_PER_MS) {
            buf_printf(out, ".%03d", (int)(moment.nanos / NS_PER_MS));
        }
        buf_append_byte(out, 'Z');
    }
    buf_append_byte(out, '"');
}
