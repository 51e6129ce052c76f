/* Turns the text of a number into a canonical decimal. */
#include "event/decimal.h"

#define MAX_DIGITS DECIMAL_MAX_PRECISION
#define MAX_EXPONENT 10000

/* value = 0.d1d2d3… × 10^point, without leading or trailing zeros */
struct digits {
    char digit[MAX_DIGITS];
    size_t count;
    size_t zeros; /* zeros held back: they count only if a digit follows */
    long point;
    bool negative;
    bool overflow;
};

static bool is_digit(struct slice text, size_t at)
{
    return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

static void put(struct digits *digits, char digit)
{
    if (digit == '0') {
        digits->zeros += digits->count != 0;
        return;
    }
    if (digits->count + digits->zeros >= MAX_DIGITS) {
        digits->overflow = true;
        return;
    }
    memset(digits->digit + digits->count, '0', digits->zeros);
    digits->count += digits->zeros;
    digits->zeros = 0;
    digits->digit[digits->count++] = digit;
}

/* The digits before and behind the point. */
static bool read_mantissa(struct slice text, size_t *at, struct digits *digits)
{
    size_t from = *at;
    for (; is_digit(text, *at); ++*at) {
        put(digits, text.data[*at]);
        digits->point += digits->count != 0;
    }
    if (*at == from) {
        return false;
    }
    if (*at < text.len && text.data[*at] == '.') {
        if (!is_digit(text, ++*at)) {
            return false;
        }
        for (; is_digit(text, *at); ++*at) {
            put(digits, text.data[*at]);
            digits->point -= digits->count == 0;
        }
    }
    return true;
}

static bool read_exponent(struct slice text, size_t *at, struct digits *digits)
{
    long exponent = 0;
    if (*at == text.len) {
        return true;
    }
    if ((text.data[*at] | 0x20) != 'e') {
        return false;
    }
    ++*at;
    bool negative = *at < text.len && text.data[*at] == '-';
    *at += *at < text.len && (text.data[*at] == '-' || text.data[*at] == '+');
    size_t from = *at;
    for (; is_digit(text, *at); ++*at) {
        exponent = exponent > MAX_EXPONENT ? exponent : exponent * 10 + (text.data[*at] - '0');
    }
    digits->point += negative ? -exponent : exponent;
    return *at > from && *at == text.len;
}

static size_t write(const struct digits *digits, char *out)
{
    size_t len = 0;
    if (digits->negative) {
        out[len++] = '-';
    }
    if (digits->point <= 0) {
        out[len++] = '0';
    }
    for (long i = 0; i < digits->point; i++) {
        out[len++] = (size_t)i < digits->count ? digits->digit[i] : '0';
    }
    if ((long)digits->count > digits->point) {
        out[len++] = '.';
        for (long i = digits->point; i < (long)digits->count; i++) {
            out[len++] = i < 0 ? '0' : digits->digit[i];
        }
    }
    return len;
}

static bool read_number(struct slice text, struct digits *digits)
{
    *digits = (struct digits){ .negative = text.len != 0 && text.data[0] == '-' };
    size_t at = digits->negative;
    return read_mantissa(text, &at, digits) && read_exponent(text, &at, digits);
}

bool decimal_is_number(struct slice text)
{
    struct digits digits;
    return read_number(text, &digits);
}

enum decimal_verdict decimal_format(struct slice text, unsigned precision, unsigned scale, char out[DECIMAL_TEXT_MAX],
                                    size_t *len)
{
    struct digits digits;
    if (!read_number(text, &digits)) {
        return DECIMAL_NOT_A_NUMBER;
    }
    if (digits.count == 0) {
        out[0] = '0';
        *len = 1;
        return DECIMAL_FINE;
    }
    if (digits.point > (long)(precision - scale)) {
        return DECIMAL_TOO_LARGE;
    }
    if (digits.overflow || (long)digits.count - digits.point > (long)scale) {
        return DECIMAL_TOO_FINE;
    }
    *len = write(&digits, out);
    return DECIMAL_FINE;
}
