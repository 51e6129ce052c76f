/* Turns the text of a number into its extent, and says what holds it. */
#include "pipeline/json/json_number.h"

#include <math.h>

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

bool json_number_fits(struct slice number)
{
    uint64_t natural;
    int64_t integer;
    bool whole = true;
    for (size_t i = 0; whole && i < number.len; i++) {
        whole = number.data[i] != '.' && (number.data[i] | 0x20) != 'e';
    }
    return whole ? slice_to_u64(number, &natural) || slice_to_i64(number, &integer)
                 : isfinite(json_number_double(number));
}
