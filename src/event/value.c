/* Turns scalars into the wire bytes of a column. */
#include "event/value.h"

#include "base/clock.h"
#include "event/decimal.h"
#include "event/event_id.h"
#include "event/time_parse.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define QUOTED 48

void value_quote(struct slice text, size_t max, char *out, size_t size)
{
    size_t len = text.len < max ? text.len : max;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) {
        len--;
    }
    snprintf(out, size, "%.*s%s", (int)len, text.data, len < text.len ? "…" : "");
}

void value_format(char *out, size_t size, const char *format, va_list arguments)
{
    int len = vsnprintf(out, size, format, arguments);
    if (len >= 0 && (size_t)len < size) {
        return;
    }
    size_t end = size - 1;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    end -= end > 0 && (unsigned char)out[end - 1] >= 0xC0;
    out[end] = '\0';
}

/* "found" as the message shows it. */
static void show(const struct value *value, char out[QUOTED + 16])
{
    char text[QUOTED + 8];
    switch (value->type) {
    case VALUE_TEXT:
        value_quote(value->text, QUOTED, text, sizeof text);
        snprintf(out, QUOTED + 16, "\"%s\"", text);
        break;
    case VALUE_INT: snprintf(out, QUOTED + 16, "%" PRId64, value->integer); break;
    case VALUE_UINT: snprintf(out, QUOTED + 16, "%" PRIu64, value->unsigned_integer); break;
    case VALUE_DOUBLE: snprintf(out, QUOTED + 16, "%.17g", value->number); break;
    case VALUE_BOOL: snprintf(out, QUOTED + 16, "%s", value->integer ? "true" : "false"); break;
    }
}

/* Words the message: "<found> <why>". */
static enum error RARE PRINTF_LIKE(4, 5)
    fail(enum error error, const struct value *value, struct value_context *context, const char *why, ...)
{
    char found[QUOTED + 16], reason[160], whole[QUOTED + 16 + 160];
    va_list arguments;
    va_start(arguments, why);
    value_format(reason, sizeof reason, why, arguments);
    va_end(arguments);
    show(value, found);
    int len = snprintf(whole, sizeof whole, "%s %s", found, reason);
    size_t written = len < (int)sizeof whole ? (size_t)len : sizeof whole - 1;
    value_quote(slice_make(whole, written), sizeof context->message - 4, context->message, sizeof context->message);
    return error;
}

static enum error RARE wrong_type(const struct column_spec *spec, const struct value *value,
                                  struct value_context *context, const char *allowed)
{
    return fail(ERROR_WRONG_TYPE, value, context, "is not %s, as %s needs", allowed, spec->type.name);
}

static void append_string(struct buf *out, struct slice text)
{
    if (!buf_reserve(out, text.len + 10)) {
        return;
    }
    if (text.len < 0x80) {
        out->data[out->len++] = (char)text.len;
    } else {
        buf_append_varint(out, text.len);
    }
    if (text.len != 0) {
        memcpy(out->data + out->len, text.data, text.len);
        out->len += text.len;
    }
}

static bool is_one_of(const struct slice *allowed, size_t count, struct slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(allowed[i], text)) {
            return true;
        }
    }
    return false;
}

/* Says which texts are allowed, as many as fit; of the first one as much as fits. */
static enum error RARE not_allowed(const struct column_spec *spec, const struct value *value,
                                   struct value_context *context)
{
    char list[112];
    value_quote(spec->one_of[0], sizeof list - 9, list, sizeof list);
    size_t len = strlen(list);
    for (size_t i = 1; i < spec->one_of_count; i++) {
        struct slice name = spec->one_of[i];
        if (len + name.len + 9 >= sizeof list) {
            snprintf(list + len, sizeof list - len, ", …");
            break;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, ", %.*s", (int)name.len, name.data);
    }
    return fail(ERROR_NOT_ALLOWED, value, context, "is not one of %s", list);
}

static enum error string_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                               struct buf *out)
{
    if (value->type != VALUE_TEXT) {
        return wrong_type(spec, value, context, "a string");
    }
    if (value->text.len > spec->max_length) {
        return fail(ERROR_TOO_LONG, value, context, "is %zu bytes long; at most %" PRIu64 " are allowed",
                    value->text.len, spec->max_length);
    }
    if (spec->one_of_count != 0 && !is_one_of(spec->one_of, spec->one_of_count, value->text)) {
        return not_allowed(spec, value, context);
    }
    append_string(out, value->text);
    return OK;
}

static enum error bool_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                             struct buf *out)
{
    bool fine = value->type == VALUE_BOOL || (value->type == VALUE_INT && (value->integer == 0 || value->integer == 1));
    if (!fine) {
        return wrong_type(spec, value, context, "true, false, 0 or 1");
    }
    buf_append_byte(out, (uint8_t)value->integer);
    return OK;
}

bool value_integer_range(enum kind kind, int64_t *low, int64_t *high)
{
    switch (kind) {
    case KIND_INT8: *low = INT8_MIN, *high = INT8_MAX; return true;
    case KIND_INT16: *low = INT16_MIN, *high = INT16_MAX; return true;
    case KIND_INT32: *low = INT32_MIN, *high = INT32_MAX; return true;
    case KIND_INT64: *low = INT64_MIN, *high = INT64_MAX; return true;
    case KIND_UINT8: *low = 0, *high = UINT8_MAX; return true;
    case KIND_UINT16: *low = 0, *high = UINT16_MAX; return true;
    case KIND_UINT32: *low = 0, *high = UINT32_MAX; return true;
    default: return false;
    }
}

/* Beyond it a double is not the only one of its integer any more: what was sent may have been another. */
#define MOST_EXACT 0x1p53

static bool is_wide(const struct column_spec *spec)
{
    return spec->type.kind == KIND_INT64 || spec->type.kind == KIND_UINT64;
}

/* An integral double, or digits as JavaScript sends 64-bit numbers, becomes an integer; else *whole stays as it is. */
static void make_whole(const struct column_spec *spec, struct value *whole)
{
    bool wide = is_wide(spec);
    int64_t integer;
    uint64_t natural;
    if (whole->type == VALUE_TEXT && wide && slice_to_i64(whole->text, &integer)) {
        *whole = (struct value){ .type = VALUE_INT, .integer = integer };
    } else if (whole->type == VALUE_TEXT && wide && slice_to_u64(whole->text, &natural)) {
        *whole = (struct value){ .type = VALUE_UINT, .unsigned_integer = natural };
    } else if (whole->type == VALUE_DOUBLE && rint(whole->number) == whole->number &&
               fabs(whole->number) < MOST_EXACT) {
        *whole = (struct value){ .type = VALUE_INT, .integer = (int64_t)whole->number };
    }
}

static enum error RARE integer_out_of_range(const struct column_spec *spec, const struct value *value,
                                            struct value_context *context)
{
    if (spec->type.kind == KIND_UINT64) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; allowed is %" PRIu64 " to %" PRIu64,
                    spec->min_unsigned, spec->max_unsigned);
    }
    return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; allowed is %" PRId64 " to %" PRId64,
                spec->min_integer, spec->max_integer);
}

static enum error integer_value(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out)
{
    struct value whole = *value;
    make_whole(spec, &whole);
    bool natural = whole.type == VALUE_UINT || (whole.type == VALUE_INT && whole.integer >= 0);
    if (whole.type == VALUE_DOUBLE && fabs(whole.number) >= MOST_EXACT) {
        if (!is_wide(spec) || fabs(whole.number) >= 0x1p64) {
            return integer_out_of_range(spec, value, context);
        }
        return fail(ERROR_OUT_OF_RANGE, value, context,
                    "is beyond 2^53, where a number with a fraction or an exponent loses digits; send all its digits");
    }
    if (whole.type != VALUE_INT && whole.type != VALUE_UINT) {
        return wrong_type(spec, value, context, "a whole number");
    }
    bool fits =
        spec->type.kind == KIND_UINT64
            ? natural && whole.unsigned_integer >= spec->min_unsigned && whole.unsigned_integer <= spec->max_unsigned
            : whole.type == VALUE_INT && whole.integer >= spec->min_integer && whole.integer <= spec->max_integer;
    if (!fits) {
        return integer_out_of_range(spec, value, context);
    }
    buf_append(out, &whole.unsigned_integer, spec->type.width); /* little-endian: the low bytes come first */
    return OK;
}

static enum error float_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                              struct buf *out)
{
    double number = value->type == VALUE_DOUBLE ? value->number
                    : value->type == VALUE_INT  ? (double)value->integer
                                                : (double)value->unsigned_integer;
    float narrow = (float)number;
    if (value->type == VALUE_TEXT || value->type == VALUE_BOOL) {
        return wrong_type(spec, value, context, "a number");
    }
    if (spec->type.kind == KIND_FLOAT32 && isinf(narrow)) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of Float32, which ends at 3.4e38");
    }
    if (spec->has_min && number < spec->min) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is below the minimum of %g", spec->min);
    }
    if (spec->has_max && number > spec->max) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is above the maximum of %g", spec->max);
    }
    if (spec->type.kind == KIND_FLOAT32) {
        buf_append(out, &narrow, sizeof narrow);
    } else {
        buf_append(out, &number, sizeof number);
    }
    return OK;
}

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

/* Appends what the type holds of a moment: its floor. NULL, or the range that it lies outside of. */
static const char *append_moment(const struct type *type, struct moment moment, struct buf *out)
{
    static const int32_t nanos_per_tick[] = {
        1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1
    };
    int64_t days = moment.seconds / 86400, ticks;
    switch (type->kind) {
    case KIND_DATE:
        if (moment.seconds < 0 || days > UINT16_MAX) {
            return "1970-01-01 to 2149-06-06";
        }
        buf_append(out, &days, type->width);
        return NULL;
    case KIND_DATETIME:
        if (moment.seconds < 0 || moment.seconds > UINT32_MAX) {
            return "1970-01-01 00:00:00 to 2106-02-07 06:28:15";
        }
        buf_append(out, &moment.seconds, type->width);
        return NULL;
    default:
        if (moment.seconds < INT64_C(-2208988800) || moment.seconds >= INT64_C(10413792000)) {
            return "1900-01-01 to 2299-12-31";
        }
        if (__builtin_mul_overflow(moment.seconds, NS_PER_SECOND / nanos_per_tick[type->scale], &ticks) ||
            __builtin_add_overflow(ticks, moment.nanos / nanos_per_tick[type->scale], &ticks)) {
            return "1900-01-01 to 2262-04-11";
        }
        buf_append(out, &ticks, sizeof ticks);
        return NULL;
    }
}

static enum error check_age(const struct column_spec *spec, const struct value *value, struct value_context *context)
{
    int64_t ahead;
    if (__builtin_sub_overflow(context->time_ns, context->received_wall_ns, &ahead)) {
        ahead = context->time_ns < 0 ? -INT64_MAX : INT64_MAX;
    }
    if (spec->max_past_ns >= 0 && ahead < -spec->max_past_ns) {
        return fail(ERROR_TIME_TOO_OLD, value, context, "lies further back than max_past (%" PRId64 " s)",
                    spec->max_past_ns / NS_PER_SECOND);
    }
    if (spec->max_future_ns >= 0 && ahead > spec->max_future_ns) {
        return fail(ERROR_TIME_TOO_NEW, value, context, "lies further ahead than max_future (%" PRId64 " s)",
                    spec->max_future_ns / NS_PER_SECOND);
    }
    return OK;
}

static enum error time_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                             struct buf *out)
{
    struct moment moment;
    if (value->type == VALUE_BOOL) {
        return wrong_type(spec, value, context, "a time");
    }
    if (value->type == VALUE_UINT || (value->type == VALUE_DOUBLE && !moment_from_double(value->number, &moment))) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of every time");
    }
    if (!to_moment(value, &moment)) {
        return fail(ERROR_INVALID_VALUE, value, context,
                    "is no time; write seconds, milliseconds, microseconds or nanoseconds since 1970, or RFC 3339");
    }
    const char *range = append_moment(&spec->type, moment, out);
    if (range != NULL) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; %s holds %s", spec->type.name, range);
    }
    context->time_ns = moment_to_ns(moment);
    return check_age(spec, value, context);
}

void value_append_time(const struct type *type, int64_t wall_ns, struct buf *out)
{
    (void)append_moment(type, moment_from_ns(wall_ns), out);
}

static enum error uuid_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                             struct buf *out)
{
    struct event_id id;
    uint8_t wire[16];
    if (value->type != VALUE_TEXT) {
        return wrong_type(spec, value, context, "a string");
    }
    if (!event_id_parse(&id, value->text)) {
        return fail(ERROR_INVALID_VALUE, value, context,
                    "is no UUID; write it as in 61f0c404-5cb3-11e7-907b-a6006ad3dba0");
    }
    event_id_to_wire(&id, wire);
    buf_append(out, wire, sizeof wire);
    return OK;
}

static enum error decimal_value(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out)
{
    char integer[24], text[DECIMAL_TEXT_MAX + 1];
    size_t len;
    struct slice digits = value->text;
    if (value->type == VALUE_INT || value->type == VALUE_UINT) {
        int written = value->type == VALUE_INT ? snprintf(integer, sizeof integer, "%" PRId64, value->integer)
                                               : snprintf(integer, sizeof integer, "%" PRIu64, value->unsigned_integer);
        digits = slice_make(integer, (size_t)written);
    } else if (value->type != VALUE_TEXT) {
        return wrong_type(spec, value, context, "a number");
    }
    switch (decimal_format(digits, spec->type.precision, spec->type.scale, text, &len)) {
    case DECIMAL_FINE: break;
    case DECIMAL_NOT_A_NUMBER: return fail(ERROR_INVALID_VALUE, value, context, "is no decimal number");
    case DECIMAL_TOO_LARGE: return fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of %s", spec->type.name);
    case DECIMAL_TOO_FINE:
        return fail(ERROR_OUT_OF_RANGE, value, context, "has more digits behind the point than %s keeps",
                    spec->type.name);
    }
    text[len] = '\0';
    double number = strtod(text, NULL);
    if ((spec->has_min && number < spec->min) || (spec->has_max && number > spec->max)) {
        return fail(ERROR_OUT_OF_RANGE, value, context, "is %s of %g",
                    number < spec->min ? "below the minimum" : "above the maximum",
                    number < spec->min ? spec->min : spec->max);
    }
    append_string(out, slice_make(text, len));
    return OK;
}

/* Addresses are written in their canonical form; an IPv4 address in an IPv6 column as ::ffff:a.b.c.d. */
static enum error address_value(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out)
{
    char text[INET6_ADDRSTRLEN + 8], canonical[INET6_ADDRSTRLEN];
    uint8_t address[16];
    bool wants_6 = spec->type.kind == KIND_IPV6;
    if (value->type != VALUE_TEXT) {
        return wrong_type(spec, value, context, "a string");
    }
    bool fits = value->text.len < INET6_ADDRSTRLEN && memchr(value->text.data, '\0', value->text.len) == NULL;
    bool is_4 = fits && memchr(value->text.data, ':', value->text.len) == NULL;
    snprintf(text, sizeof text, "%s%.*s", is_4 && wants_6 ? "::ffff:" : "", fits ? (int)value->text.len : 0,
             value->text.data);
    int family = wants_6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, address) != 1 || inet_ntop(family, address, canonical, sizeof canonical) == NULL) {
        return fail(ERROR_INVALID_VALUE, value, context, "is no %s address", wants_6 ? "IPv6" : "IPv4");
    }
    append_string(out, slice_from_string(canonical));
    return OK;
}

static enum error no_value(const struct column_spec *spec, const struct value *value, struct value_context *context,
                           struct buf *out)
{
    (void)out;
    return wrong_type(spec, value, context, "an object");
}

typedef enum error append_value(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out);

static append_value *const appenders[] = {
    [KIND_STRING] = string_value,   [KIND_FIXED_STRING] = string_value, [KIND_BOOL] = bool_value,
    [KIND_INT8] = integer_value,    [KIND_INT16] = integer_value,       [KIND_INT32] = integer_value,
    [KIND_INT64] = integer_value,   [KIND_UINT8] = integer_value,       [KIND_UINT16] = integer_value,
    [KIND_UINT32] = integer_value,  [KIND_UINT64] = integer_value,      [KIND_FLOAT32] = float_value,
    [KIND_FLOAT64] = float_value,   [KIND_DATE] = time_value,           [KIND_DATETIME] = time_value,
    [KIND_DATETIME64] = time_value, [KIND_UUID] = uuid_value,           [KIND_ENUM] = string_value,
    [KIND_DECIMAL] = decimal_value, [KIND_IPV4] = address_value,        [KIND_IPV6] = address_value,
    [KIND_JSON] = no_value,
};

enum error value_append(const struct column_spec *spec, const struct value *value, struct value_context *context,
                        struct buf *out)
{
    return appenders[spec->type.kind](spec, value, context, out);
}

bool value_from_literal(const struct type *type, const char *literal, struct value *value)
{
    struct slice text = slice_from_string(literal);
    char *end;
    *value = (struct value){ .type = VALUE_TEXT, .text = text };
    switch (type->kind) {
    case KIND_BOOL:
        *value =
            (struct value){ .type = VALUE_BOOL, .integer = strcmp(literal, "true") == 0 || strcmp(literal, "1") == 0 };
        return value->integer || strcmp(literal, "false") == 0 || strcmp(literal, "0") == 0;
    case KIND_FLOAT32:
    case KIND_FLOAT64:
        *value = (struct value){ .type = VALUE_DOUBLE, .number = strtod(literal, &end) };
        return text.len != 0 && *end == '\0' && isfinite(value->number);
    case KIND_INT8:
    case KIND_INT16:
    case KIND_INT32:
    case KIND_INT64:
    case KIND_UINT8:
    case KIND_UINT16:
    case KIND_UINT32:
    case KIND_UINT64:
        value->type = VALUE_INT;
        if (slice_to_i64(text, &value->integer)) {
            return true;
        }
        value->type = VALUE_UINT;
        return slice_to_u64(text, &value->unsigned_integer);
    default: return true;
    }
}
