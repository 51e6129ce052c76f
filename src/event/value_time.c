/* Turns times, a client's or the gateway's own, into the wire bytes of Date, DateTime and DateTime64. */
#include "base/clock.h"
#include "config/options/stream_options.h"
#include "config/yaml/scalar.h"
#include "event/column.h"
#include "event/time/time_parse.h"
#include "event/value_private.h"

#include <inttypes.h>
#include <math.h>

#define SECONDS_PER_DAY INT64_C(86400)
#define CLAMPED_AT_MOST_NS (24 * 3600 * NS_PER_SECOND)

/* As text, a Unix time has nine digits at least since 1973; fewer are rather a year, or a date such as 20240101. */
static bool is_short_number(struct slice text)
{
    int64_t number;
    return text.len < 9 && slice_to_i64(text, &number);
}

static bool to_moment(const struct value *value, struct moment *moment)
{
    switch (value->type) {
    case VALUE_INT: *moment = moment_from_integer(value->integer); return true;
    case VALUE_DOUBLE: return moment_from_double(value->number, moment);
    case VALUE_TEXT: return !is_short_number(value->text) && moment_from_text(value->text, moment);
    default: return false;
    }
}

/* What a type of times holds, in seconds since 1970. */
struct time_range {
    int64_t first, last;
    int32_t last_nanos; /* behind the last second */
    const char *text;
};

/* By kind. */
static const struct time_range ranges[] = {
    [KIND_DATE] = { 0, (UINT16_MAX + 1) * SECONDS_PER_DAY - 1, 999999999, "1970-01-01 to 2149-06-06" },
    [KIND_DATETIME] = { 0, UINT32_MAX, 999999999, "1970-01-01 00:00:00 to 2106-02-07 06:28:15" },
    [KIND_DATETIME64] = { INT64_C(-2208988800), INT64_C(10413791999), 999999999, "1900-01-01 to 2299-12-31" },
};

static const struct time_range *range_of(const struct type *type)
{
    static const struct time_range nanoseconds = { INT64_C(-2208988800), INT64_MAX / NS_PER_SECOND,
                                                   INT64_MAX % NS_PER_SECOND, "1900-01-01 to 2262-04-11" };
    return type->scale == 9 ? &nanoseconds : &ranges[type->kind];
}

static bool is_within(struct moment moment, const struct time_range *range)
{
    return moment.seconds >= range->first && moment.seconds <= range->last &&
           (moment.seconds < range->last || moment.nanos <= range->last_nanos);
}

static const int32_t nanos_per_tick[] = { 1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1 };

/* Appends what the type holds of a moment in its range: its floor. */
static void append_moment(const struct type *type, struct moment moment, struct buf *out)
{
    int64_t ticks = moment.seconds;
    if (type->kind == KIND_DATE) {
        ticks /= SECONDS_PER_DAY;
    } else if (type->kind == KIND_DATETIME64) {
        int32_t nanos = nanos_per_tick[type->scale];
        ticks = ticks * (NS_PER_SECOND / nanos) + moment.nanos / nanos;
    }
    buf_append(out, &ticks, type->width); /* little-endian: the low bytes come first */
}

int64_t value_load_ticks(const struct type *type, const char *wire)
{
    int64_t ticks = 0;
    memcpy(&ticks, wire, type->width);
    return ticks;
}

int64_t value_tick_ns(const struct type *type)
{
    switch (type->kind) {
    case KIND_DATE: return SECONDS_PER_DAY * NS_PER_SECOND;
    case KIND_DATETIME64: return nanos_per_tick[type->scale];
    default: return NS_PER_SECOND;
    }
}

/* False: the column does not hold the time that it becomes. */
static bool RARE move(const struct column_spec *spec, struct value_context *context)
{
    int64_t moved_ns;
    if (context->time_ns > context->clock.until_ns) {
        return true;
    }
    if (__builtin_add_overflow(context->time_ns, context->clock.shift_ns, &moved_ns) ||
        !is_within(moment_from_ns(moved_ns), range_of(&spec->type))) {
        return false;
    }
    context->time_ns = moved_ns;
    context->time_fate = TIME_MOVED;
    return true;
}

/* A clock that is a day ahead is wrong; beyond that it is rather the event. */
static bool RARE clamp(const struct column_spec *spec, struct value_context *context, int64_t ahead_ns)
{
    if (!spec->clamps_late || ahead_ns - spec->max_future_ns > CLAMPED_AT_MOST_NS) {
        return false;
    }
    context->time_ns = value_nearest_time(&spec->type, context->received_wall_ns);
    context->time_fate = TIME_CLAMPED;
    return true;
}

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    [UNIT_ANY] = { "", 0 },
    [UNIT_SECONDS] = { "seconds", NS_PER_SECOND },
    [UNIT_MILLISECONDS] = { "milliseconds", NS_PER_MS },
    [UNIT_MICROSECONDS] = { "microseconds", NS_PER_US },
    [UNIT_NANOSECONDS] = { "nanoseconds", 1 },
};

/* A whole number; a fraction of zero is none. */
static bool whole_number(const struct column_spec *spec, const struct value *value, int64_t *number)
{
    if (spec->lenient && value->type == VALUE_TEXT) {
        return slice_to_i64(value->text, number);
    }
    if (value->type == VALUE_INT) {
        *number = value->integer;
        return true;
    }
    bool whole = value->type == VALUE_DOUBLE && rint(value->number) == value->number && fabs(value->number) < 0x1p53;
    *number = whole ? (int64_t)value->number : 0;
    return whole;
}

/* The number was read as its size says: if that is another unit, the client means another one, or the field does. */
static enum error check_unit(const struct column_spec *spec, const struct value *value, struct value_context *context)
{
    int64_t number;
    const char *name = units[spec->unit].name;
    if (!whole_number(spec, value, &number)) {
        return value_fail(ERROR_WRONG_TYPE, value, context, "is no whole number of %s since 1970, as the field needs",
                          name);
    }
    int64_t per_second = moment_units_per_second(number);
    if (number != 0 && NS_PER_SECOND / per_second != units[spec->unit].ns) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is by its size no number of %s since 1970; send those",
                          name);
    }
    return OK;
}

static int64_t bound_of(const struct time_bound *bound, const struct value_context *context)
{
    return bound->now ? context->received_wall_ns : bound->wall_ns;
}

/* Of a column with rules_time. */
static enum error RARE check_rules(const struct column_spec *spec, const struct value *value,
                                   struct value_context *context)
{
    enum error error = spec->unit != UNIT_ANY ? check_unit(spec, value, context) : OK;
    if (error != OK) {
        return error;
    }
    if (spec->earliest.given && context->time_ns < bound_of(&spec->earliest, context)) {
        return value_fail(ERROR_TIME_TOO_OLD, value, context, "lies before min (%s)", spec->options->min);
    }
    if (spec->latest.given && context->time_ns > bound_of(&spec->latest, context)) {
        return value_fail(ERROR_TIME_TOO_NEW, value, context, "lies behind max (%s)", spec->options->max);
    }
    return OK;
}

bool value_read_bound(enum time_unit unit, const char *literal, int64_t *wall_ns)
{
    struct slice text = slice_from_string(literal);
    struct moment moment;
    int64_t number;
    bool numeric = slice_to_i64(text, &number);
    if (numeric && unit != UNIT_ANY) {
        return !__builtin_mul_overflow(number, units[unit].ns, wall_ns);
    }
    if (!numeric && !moment_from_text(text, &moment)) {
        return false;
    }
    *wall_ns = moment_to_ns(numeric ? moment_from_integer(number) : moment);
    return true;
}

static enum error check_age(const struct column_spec *spec, const struct value *value, struct value_context *context)
{
    int64_t ahead;
    char bound[SCALAR_DURATION_SIZE];
    if (__builtin_sub_overflow(context->time_ns, context->received_wall_ns, &ahead)) {
        ahead = context->time_ns < 0 ? -INT64_MAX : INT64_MAX;
    }
    if (spec->max_past_ns >= 0 && ahead < -spec->max_past_ns) {
        return value_fail(ERROR_TIME_TOO_OLD, value, context, "lies further back than max_past (%s)",
                          scalar_write_duration(spec->max_past_ns, bound));
    }
    if (spec->max_future_ns >= 0 && ahead > spec->max_future_ns && !clamp(spec, context, ahead)) {
        return value_fail(ERROR_TIME_TOO_NEW, value, context,
                          "lies further ahead than max_future (%s); if the client's clock may be wrong, send sent_at",
                          scalar_write_duration(spec->max_future_ns, bound));
    }
    return spec->rules_time ? check_rules(spec, value, context) : OK;
}

bool value_read_time(const struct value *value, int64_t *wall_ns)
{
    struct moment moment;
    if (!to_moment(value, &moment)) {
        return false;
    }
    *wall_ns = moment_to_ns(moment);
    return true;
}

enum error value_append_moment(const struct column_spec *spec, const struct value *value, struct value_context *context,
                               struct buf *out)
{
    struct moment moment;
    if (value->type == VALUE_BOOL) {
        return value_wrong_type(spec, value, context, "a time");
    }
    if (value->type == VALUE_UINT || (value->type == VALUE_DOUBLE && !moment_from_double(value->number, &moment))) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of every time");
    }
    if (!to_moment(value, &moment)) {
        return value_fail(ERROR_INVALID_VALUE, value, context,
                          "is no time that is taken, or ambiguous; send RFC 3339 (2024-11-22T12:00:00Z), an HTTP date, "
                          "or seconds to nanoseconds since 1970");
    }
    const struct time_range *range = range_of(&spec->type);
    if (!is_within(moment, range)) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; %s holds %s", spec->type.name,
                          range->text);
    }
    append_moment(&spec->type, moment, out);
    context->time_ns = moment_to_ns(moment);
    if (context->clock.shift_ns != 0 && spec->is_event_time && !move(spec, context)) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range once sent_at has moved it; %s holds %s",
                          spec->type.name, range->text);
    }
    return check_age(spec, value, context);
}

int64_t value_nearest_time(const struct type *type, int64_t wall_ns)
{
    const struct time_range *range = range_of(type);
    struct moment moment = moment_from_ns(wall_ns);
    if (is_within(moment, range)) {
        return wall_ns;
    }
    return moment_to_ns((struct moment){ moment.seconds < range->first ? range->first : range->last, 0 });
}

void value_append_time(const struct type *type, int64_t wall_ns, struct buf *out)
{
    append_moment(type, moment_from_ns(value_nearest_time(type, wall_ns)), out);
}
