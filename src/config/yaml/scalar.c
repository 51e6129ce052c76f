/* Turns the text of a scalar into a number of bytes, of nanoseconds, a truth. */
#include "config/yaml/scalar.h"

#include "base/clock.h"

#include <stdio.h>

struct unit {
    struct slice name;
    int64_t factor;
};

static const struct unit size_units[] = {
    { { "", 0 }, 1 },
    { { "B", 1 }, 1 },
    { { "KB", 2 }, 1000 },
    { { "MB", 2 }, 1000 * 1000 },
    { { "GB", 2 }, 1000 * 1000 * 1000 },
    { { "TB", 2 }, INT64_C(1000) * 1000 * 1000 * 1000 },
    { { "KiB", 3 }, INT64_C(1) << 10 },
    { { "MiB", 3 }, INT64_C(1) << 20 },
    { { "GiB", 3 }, INT64_C(1) << 30 },
    { { "TiB", 3 }, INT64_C(1) << 40 },
};

static const struct unit duration_units[] = {
    { { "ns", 2 }, 1 },
    { { "us", 2 }, NS_PER_US },
    { { "ms", 2 }, NS_PER_MS },
    { { "s", 1 }, NS_PER_SECOND },
    { { "m", 1 }, 60 * NS_PER_SECOND },
    { { "h", 1 }, 3600 * NS_PER_SECOND },
    { { "d", 1 }, 86400 * NS_PER_SECOND },
};

bool scalar_bool(struct slice text, bool *value)
{
    static const struct {
        struct slice name;
        bool value;
    } words[] = {
        { { "true", 4 }, true },   { { "yes", 3 }, true }, { { "on", 2 }, true },
        { { "false", 5 }, false }, { { "no", 2 }, false }, { { "off", 3 }, false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (slice_equal_nocase(text, words[i].name)) {
            *value = words[i].value;
            return true;
        }
    }
    return false;
}

bool scalar_integer(struct slice text, int64_t *value)
{
    return slice_to_i64(text, value);
}

static bool scalar_with_unit(struct slice text, const struct unit *units, size_t count, int64_t *value)
{
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    int64_t number;
    if (!slice_to_i64(slice_make(text.data, digits), &number)) {
        return false;
    }
    struct slice name = slice_trim(slice_after(text, digits));
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(name, units[i].name)) {
            return !__builtin_mul_overflow(number, units[i].factor, value);
        }
    }
    return false;
}

bool scalar_size(struct slice text, int64_t *bytes)
{
    return scalar_with_unit(text, size_units, ARRAY_LENGTH(size_units), bytes);
}

bool scalar_duration(struct slice text, int64_t *ns)
{
    if (slice_equal(text, SLICE("0"))) {
        *ns = 0;
        return true;
    }
    return scalar_with_unit(text, duration_units, ARRAY_LENGTH(duration_units), ns);
}

#define SHARE_PLACES 6

bool scalar_share(struct slice text, int64_t *millionths)
{
    struct slice rest = text, whole, places = { "", 0 };
    uint64_t number, fraction = 0;
    if (!slice_split(&rest, '.', &whole) || !slice_to_u64(whole, &number) || number > INT32_MAX) {
        return false;
    }
    if (rest.data != NULL) {
        places = rest;
        if (places.len > SHARE_PLACES || !slice_to_u64(places, &fraction)) {
            return false;
        }
    }
    for (size_t place = places.len; place < SHARE_PLACES; place++) {
        fraction *= 10;
    }
    *millionths = (int64_t)number * SCALAR_SHARE_WHOLE + (int64_t)fraction;
    return true;
}

char *scalar_write_duration(int64_t ns, char out[SCALAR_DURATION_SIZE])
{
    size_t i = ns == 0 ? 3 : ARRAY_LENGTH(duration_units) - 1; /* 0s */
    while (ns % duration_units[i].factor != 0) {
        i--;
    }
    snprintf(out, SCALAR_DURATION_SIZE, "%lld%s", (long long)(ns / duration_units[i].factor),
             duration_units[i].name.data);
    return out;
}

bool scalar_is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return text.len >= 1 && text.len <= 64;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

enum { NEAR_LENGTH = 40 };

/* Levenshtein's distance, row by row; both at most NEAR_LENGTH long. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t row[NEAR_LENGTH + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a.data[i - 1] != b.data[j - 1]));
            diagonal = above;
        }
    }
    return row[b.len];
}

const char *scalar_nearest(struct slice text, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = text.len <= 5 ? 2 : 3; /* as far away as this is another word */
    if (text.len > NEAR_LENGTH) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct slice candidate = slice_from_string(candidates[i]);
        size_t distance = candidate.len > NEAR_LENGTH ? best : edit_distance(text, candidate);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}
