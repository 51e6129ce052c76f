/* Turns booleans, numbers and the texts of numbers into the wire bytes of numeric columns. */
#include "event/column.h"
#include "event/decimal.h"
#include "event/value_private.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Words of forms and of other languages, in any case. */
static bool read_truth(struct slice text, int64_t *truth)
{
    static const struct {
        struct slice word;
        bool truth;
    } words[] = { { { "true", 4 }, true }, { { "false", 5 }, false }, { { "yes", 3 }, true }, { { "no", 2 }, false },
                  { { "on", 2 }, true },   { { "off", 3 }, false },   { { "1", 1 }, true },   { { "0", 1 }, false } };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (slice_equal_nocase(text, words[i].word)) {
            *truth = words[i].truth;
            return true;
        }
    }
    return false;
}

/* The text of a truth, for a lenient column. */
static bool RARE is_truth(const struct column_spec *spec, const struct value *value, int64_t *truth)
{
    return spec->lenient && value->type == VALUE_TEXT && read_truth(value->text, truth);
}

enum error value_append_bool(const struct column_spec *spec, const struct value *value, struct value_context *context,
                             struct buf *out)
{
    bool fine = value->type == VALUE_BOOL || (value->type == VALUE_INT && (value->integer == 0 || value->integer == 1));
    int64_t truth = value->integer;
    if (!fine && !is_truth(spec, value, &truth)) {
        return value_wrong_type(spec, value, context, "true, false, 0 or 1");
    }
    buf_append_byte(out, (uint8_t)truth);
    return OK;
}

bool value_integer_range(const struct type *type, int64_t *low, int64_t *high)
{
    unsigned bits = type->width * 8u;
    if (kind_family(type->kind) == FAMILY_SIGNED) {
        *high = INT64_MAX >> (64 - bits);
        *low = -*high - 1;
        return true;
    }
    if (kind_family(type->kind) != FAMILY_UNSIGNED || bits == 64) {
        return false;
    }
    *low = 0;
    *high = (INT64_C(1) << bits) - 1;
    return true;
}

/* Beyond it a double is not the only one of its integer any more: what was sent may have been another. */
#define MOST_EXACT 0x1p53

static bool digits_to_integer(struct slice digits, struct value *whole)
{
    int64_t integer;
    uint64_t natural;
    if (slice_to_i64(digits, &integer)) {
        *whole = (struct value){ .type = VALUE_INT, .integer = integer };
        return true;
    }
    if (slice_to_u64(digits, &natural)) {
        *whole = (struct value){ .type = VALUE_UINT, .unsigned_integer = natural };
        return true;
    }
    return false;
}

/* "12", and "12.0" or "1.2e1" as well: the text says every digit. A number too large for 64 bits stays a double. */
static bool text_to_integer(struct slice text, struct value *whole)
{
    char digits[DECIMAL_TEXT_MAX];
    size_t len;
    if (digits_to_integer(text, whole)) {
        return true;
    }
    switch (decimal_format(text, DECIMAL_MAX_PRECISION, 0, digits, &len)) {
    case DECIMAL_FINE: break;
    case DECIMAL_TOO_LARGE: *whole = (struct value){ .type = VALUE_DOUBLE, .number = HUGE_VAL }; return true;
    default: return false;
    }
    if (!digits_to_integer(slice_make(digits, len), whole)) {
        *whole = (struct value){ .type = VALUE_DOUBLE, .number = HUGE_VAL };
    }
    return true;
}

/* A boolean, an integral double, or the text of an integer becomes an integer; else *whole stays as it is. */
static void make_whole(struct value *whole)
{
    switch (whole->type) {
    case VALUE_TEXT: (void)text_to_integer(whole->text, whole); break;
    case VALUE_BOOL: whole->type = VALUE_INT; break;
    case VALUE_DOUBLE:
        if (rint(whole->number) == whole->number && fabs(whole->number) < MOST_EXACT) {
            *whole = (struct value){ .type = VALUE_INT, .integer = (int64_t)whole->number };
        }
        break;
    default: break;
    }
}

static bool is_wide(const struct column_spec *spec)
{
    return spec->type.width == 8;
}

static enum error RARE integer_out_of_range(const struct column_spec *spec, const struct value *value,
                                            struct value_context *context)
{
    if (spec->type.kind == KIND_UINT64) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; allowed is %" PRIu64 " to %" PRIu64,
                          spec->min_unsigned, spec->max_unsigned);
    }
    return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range; allowed is %" PRId64 " to %" PRId64,
                      spec->min_integer, spec->max_integer);
}

static enum error RARE no_integer(const struct column_spec *spec, const struct value *value, const struct value *whole,
                                  struct value_context *context)
{
    if (whole->type != VALUE_DOUBLE || fabs(whole->number) < MOST_EXACT) {
        return value_wrong_type(spec, value, context, "a whole number");
    }
    if (!is_wide(spec) || fabs(whole->number) >= 0x1p64) {
        return integer_out_of_range(spec, value, context);
    }
    return value_fail(
        ERROR_OUT_OF_RANGE, value, context,
        "is beyond 2^53, where a number with a fraction or an exponent loses digits; send all its digits");
}

enum error value_append_integer(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out)
{
    struct value whole = *value;
    make_whole(&whole);
    if (whole.type == VALUE_TEXT && is_truth(spec, value, &whole.integer)) {
        whole.type = VALUE_INT;
    }
    if (whole.type != VALUE_INT && whole.type != VALUE_UINT) {
        return no_integer(spec, value, &whole, context);
    }
    bool natural = whole.type == VALUE_UINT || whole.integer >= 0;
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

/* The double nearest to the number; what is beyond a double's range becomes an infinity. */
static bool text_to_double(struct slice text, double *number)
{
    char copy[512]; /* of digits: more than any program writes of a double */
    if (text.len >= sizeof copy || !decimal_is_number(text)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *number = strtod(copy, NULL);
    return true;
}

enum error value_append_float(const struct column_spec *spec, const struct value *value, struct value_context *context,
                              struct buf *out)
{
    double number = value->type == VALUE_DOUBLE ? value->number
                    : value->type == VALUE_INT  ? (double)value->integer
                                                : (double)value->unsigned_integer;
    if (value->type == VALUE_BOOL || (value->type == VALUE_TEXT && !text_to_double(value->text, &number))) {
        int64_t truth = value->type == VALUE_BOOL ? value->integer : 0;
        if (!spec->lenient || (value->type == VALUE_TEXT && !is_truth(spec, value, &truth))) {
            return value_wrong_type(spec, value, context, "a number");
        }
        number = (double)truth;
    }
    float narrow = (float)number;
    if (spec->type.kind == KIND_FLOAT32 && isinf(narrow)) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of Float32, which ends at 3.4e38");
    }
    if (isinf(number)) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of Float64, which ends at 1.8e308");
    }
    if (spec->has_min && number < spec->min) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is below the minimum of %g", spec->min);
    }
    if (spec->has_max && number > spec->max) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is above the maximum of %g", spec->max);
    }
    if (spec->type.kind == KIND_FLOAT32) {
        buf_append(out, &narrow, sizeof narrow);
    } else {
        buf_append(out, &number, sizeof number);
    }
    return OK;
}

enum error value_append_decimal(const struct column_spec *spec, const struct value *value,
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
        return value_wrong_type(spec, value, context, "a number");
    }
    switch (decimal_format(digits, spec->type.precision, spec->type.scale, text, &len)) {
    case DECIMAL_FINE: break;
    case DECIMAL_NOT_A_NUMBER: return value_fail(ERROR_INVALID_VALUE, value, context, "is no decimal number");
    case DECIMAL_TOO_LARGE:
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is out of range of %s", spec->type.name);
    case DECIMAL_TOO_FINE:
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "has more digits behind the point than %s keeps",
                          spec->type.name);
    }
    text[len] = '\0';
    double number = strtod(text, NULL);
    if ((spec->has_min && number < spec->min) || (spec->has_max && number > spec->max)) {
        return value_fail(ERROR_OUT_OF_RANGE, value, context, "is %s of %g",
                          number < spec->min ? "below the minimum" : "above the maximum",
                          number < spec->min ? spec->min : spec->max);
    }
    value_append_text(out, slice_make(text, len));
    return OK;
}
