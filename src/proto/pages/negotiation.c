/* Turns a list of preferences into the weight of one choice. */
#include "proto/pages/negotiation.h"

#include "base/assert.h"

#define MOST 1000u

/* "0", "1", "0.5", "0.123": three digits behind the point at most. */
static unsigned read_weight(struct slice text)
{
    if (text.len == 0 || text.data[0] != '0') {
        return MOST;
    }
    unsigned weight = 0, digit = MOST / 10;
    for (size_t i = 2; i < text.len && digit != 0; i++, digit /= 10) {
        if (text.data[1] != '.' || text.data[i] < '0' || text.data[i] > '9') {
            return MOST;
        }
        weight += (unsigned)(text.data[i] - '0') * digit;
    }
    ASSERT_BELOW(weight, MOST);
    return weight;
}

/* Of what stands behind an item's name: ";version=1.0.0;q=0.5". */
static unsigned weight_of(struct slice parameters)
{
    struct slice parameter;
    while (slice_split(&parameters, ';', &parameter)) {
        parameter = slice_trim(parameter);
        if (parameter.len >= 2 && slice_equal_nocase(slice_make(parameter.data, 2), SLICE("q="))) {
            return read_weight(slice_after(parameter, 2));
        }
    }
    return MOST;
}

unsigned negotiation_weight(struct slice field, struct slice name, struct slice any, unsigned unsaid)
{
    struct slice item, word;
    unsigned of_any = unsaid;
    bool any_said = false;
    while (slice_split(&field, ',', &item)) {
        struct slice parameters = item;
        if (!slice_split(&parameters, ';', &word) || (word = slice_trim(word)).len == 0) {
            continue;
        }
        if (slice_equal_nocase(word, name)) {
            return weight_of(parameters);
        }
        if (!any_said && slice_equal(word, any)) {
            any_said = true;
            of_any = weight_of(parameters);
        }
    }
    return of_any;
}
