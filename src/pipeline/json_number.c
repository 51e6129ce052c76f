/* Turns the text of a number into its extent and its size. */
#include "pipeline/json_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static size_t skip_digits(struct slice text, size_t at)
{
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at;
}

static size_t fault(const char **reason, const char *text)
{
    *reason = text;
    return 0;
}

size_t json_number_length(struct slice text, const char **reason)
{
    size_t first = text.data[0] == '-', at = skip_digits(text, first), from;
    if (at == first || (at > first + 1 && text.data[first] == '0')) {
        return fault(reason, at == first ? "a value that is not JSON" : "a number with leading zeros");
    }
    if (at < text.len && text.data[at] == '.') {
        from = at + 1;
        at = skip_digits(text, from);
        if (at == from) {
            return fault(reason, "a number without digits behind its point");
        }
    }
    if (at < text.len && (text.data[at] | 0x20) == 'e') {
        from = at + 1;
        from += from < text.len && (text.data[from] == '+' || text.data[from] == '-');
        at = skip_digits(text, from);
        if (at == from) {
            return fault(reason, "a number without digits in its exponent");
        }
    }
    return at;
}

/* Is it finite? Its first 40 significant digits decide. */
static bool double_fits(struct slice number)
{
    char text[80] = "0.";
    size_t len = 2, i = number.data[0] == '-';
    long point = 0, exponent = 0;
    bool fraction = false, started = false;
    for (; i < number.len && (number.data[i] | 0x20) != 'e'; i++) {
        if (number.data[i] == '.') {
            fraction = true;
            continue;
        }
        started = started || number.data[i] != '0';
        point += started && !fraction ? 1 : !started && fraction ? -1 : 0;
        if (started && len < 42) {
            text[len++] = number.data[i];
        }
    }
    bool negative = i + 1 < number.len && number.data[i + 1] == '-';
    for (i += 1; i < number.len; i++) {
        bool digit = number.data[i] >= '0' && number.data[i] <= '9';
        exponent = digit && exponent < 100000000 ? exponent * 10 + (number.data[i] - '0') : exponent;
    }
    snprintf(text + len, sizeof text - len, "e%ld", point + (negative ? -exponent : exponent));
    return !started || isfinite(strtod(text, NULL));
}

bool json_number_fits(struct slice number)
{
    uint64_t natural;
    int64_t integer;
    bool whole = true;
    for (size_t i = 0; whole && i < number.len; i++) {
        whole = number.data[i] != '.' && (number.data[i] | 0x20) != 'e';
    }
    return whole ? slice_to_u64(number, &natural) || slice_to_i64(number, &integer) : double_fits(number);
}

double json_number_double(struct slice number)
{
    return strtod(number.data, NULL);
}
