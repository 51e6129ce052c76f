/* Turns texts of a request into names and values. */
#include "proto/values/urlencoded.h"

static struct slice or_empty(struct slice text)
{
    return text.data != NULL ? text : SLICE("");
}

bool urlencoded_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice pair;
    while (slice_split(rest, '&', &pair)) {
        if (pair.len != 0) {
            *value = pair;
            (void)slice_split(value, '=', name);
            *value = or_empty(*value);
            return true;
        }
    }
    return false;
}

void urlencoded_decode(struct slice text, bool plus, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%' && text.len - i > 2) {
            int high = hex_digit(text.data[i + 1]), low = hex_digit(text.data[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        } else if (c == '+' && plus) {
            c = ' ';
        }
        buf_append_byte(out, (uint8_t)c);
    }
}

static struct slice without_quotes(struct slice value)
{
    bool quoted = value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"';
    return quoted ? slice_make(value.data + 1, value.len - 2) : value;
}

bool cookies_next(struct slice *rest, struct slice *name, struct slice *value)
{
    struct slice pair;
    while (slice_split(rest, ';', &pair)) {
        *value = pair;
        if (slice_split(value, '=', name) && value->data != NULL) {
            *name = slice_trim(*name);
            *value = without_quotes(slice_trim(*value));
            return true;
        }
    }
    return false;
}

bool path_pairs_next(struct slice *rest, struct slice *name, struct slice *value)
{
    while (slice_split(rest, '/', name)) {
        if (!slice_split(rest, '/', value)) {
            *value = SLICE("");
        }
        if (name->len != 0) {
            return true;
        }
    }
    return false;
}
