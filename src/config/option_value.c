/* Turns the place of an option into what it holds. */
#include "config/option_value.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "config/option_scalar.h"
#include "config/options/string_list.h"
#include "config/yaml/scalar.h"

#include <inttypes.h>

#define MOST_ITEMS_SHOWN 8

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_texts(const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!same_text(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool same_lists(const struct string_list *a, const struct string_list *b)
{
    return a->count == b->count && same_texts(a->items, b->items, a->count);
}

static bool same_pairs(const struct string_pairs *a, const struct string_pairs *b)
{
    return a->count == b->count && same_texts(a->names, b->names, a->count) &&
           same_texts(a->values, b->values, a->count);
}

/* Bytes of what can be copied and compared as it lies there. */
static size_t size_of(const struct option *option)
{
    switch (option->type) {
    case OPTION_BOOL: return sizeof(bool);
    case OPTION_INTEGER:
    case OPTION_SIZE:
    case OPTION_DURATION:
    case OPTION_SHARE: return sizeof(int64_t);
    case OPTION_ENUM: return sizeof(int);
    case OPTION_SET: return sizeof(unsigned);
    case OPTION_STRINGS: return sizeof(struct string_list);
    case OPTION_PAIRS: return sizeof(struct string_pairs);
    case OPTION_STRING:
    case OPTION_NAME:
    case OPTION_LIST: return sizeof(void *);
    case OPTION_GROUP: break;
    }
    ASSERT(option->type != OPTION_GROUP);
    return 0;
}

static const char *text_at(const void *place)
{
    const char *text;
    memcpy(&text, place, sizeof text);
    return text;
}

bool option_value_same(const struct option *option, const void *a, const void *b)
{
    ASSERT(option->type != OPTION_GROUP && option->type != OPTION_LIST);
    switch (option->type) {
    case OPTION_STRING:
    case OPTION_NAME: return same_text(text_at(a), text_at(b));
    case OPTION_STRINGS: return same_lists(a, b);
    case OPTION_PAIRS: return same_pairs(a, b);
    default: return memcmp(a, b, size_of(option)) == 0;
    }
}

void option_value_copy(const struct option *option, void *to, const void *from)
{
    memcpy(to, from, size_of(option));
}

/* In the largest unit of which it is a whole number. */
static void print_size(struct buf *out, int64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < ARRAY_LENGTH(units)) {
        bytes /= 1024;
        unit++;
    }
    buf_printf(out, "%" PRId64 "%s", bytes, bytes == 0 ? "" : units[unit]);
}

static void print_duration(struct buf *out, int64_t duration_ns)
{
    char text[SCALAR_DURATION_SIZE];
    buf_append_string(out, duration_ns < 0 ? "nothing" : scalar_write_duration(duration_ns, text));
}

static void print_text(struct buf *out, const char *text)
{
    if (text == NULL) {
        buf_append_string(out, "nothing");
    } else {
        option_quote(out, slice_from_string(text));
    }
}

/* `values` NULL: a list; else each name with its value. */
static void print_texts(struct buf *out, const char *const *names, const char *const *values, size_t count)
{
    buf_append_byte(out, '[');
    for (size_t i = 0; i < count && i < MOST_ITEMS_SHOWN; i++) {
        buf_append_string(out, i == 0 ? "" : ", ");
        print_text(out, names[i]);
        if (values != NULL) {
            buf_append_string(out, ": ");
            print_text(out, values[i]);
        }
    }
    if (count > MOST_ITEMS_SHOWN) {
        buf_printf(out, ", and %zu more", count - MOST_ITEMS_SHOWN);
    }
    buf_append_byte(out, ']');
}

static void print_set(struct buf *out, const struct option *option, unsigned bits)
{
    bool any = false;
    buf_append_byte(out, '[');
    for (unsigned i = 0; option->names[i] != NULL; i++) {
        if ((bits >> i & 1) != 0) {
            buf_printf(out, "%s%s", any ? ", " : "", option->names[i]);
            any = true;
        }
    }
    buf_append_byte(out, ']');
}

static void print_number(struct buf *out, const struct option *option, const void *place)
{
    int64_t number;
    memcpy(&number, place, sizeof number);
    switch (option->type) {
    case OPTION_SIZE: print_size(out, number); break;
    case OPTION_DURATION: print_duration(out, number); break;
    case OPTION_SHARE: buf_printf(out, "%g", (double)number / SCALAR_SHARE_WHOLE); break;
    default: buf_printf(out, "%" PRId64, number); break;
    }
}

static void print_choice(struct buf *out, const struct option *option, const void *place)
{
    unsigned value;
    memcpy(&value, place, sizeof value);
    if (option->type == OPTION_SET) {
        print_set(out, option, value);
    } else {
        buf_append_string(out, option->names[value]);
    }
}

void option_value_print(struct buf *out, const struct option *option, const void *place)
{
    const struct string_list *list = place;
    const struct string_pairs *pairs = place;
    if (option->secret) {
        buf_append_string(out, "another one");
        return;
    }
    switch (option->type) {
    case OPTION_BOOL: buf_append_string(out, *(const bool *)place ? "true" : "false"); break;
    case OPTION_STRING:
    case OPTION_NAME: print_text(out, text_at(place)); break;
    case OPTION_STRINGS: print_texts(out, list->items, NULL, list->count); break;
    case OPTION_PAIRS: print_texts(out, pairs->names, pairs->values, pairs->count); break;
    case OPTION_ENUM:
    case OPTION_SET: print_choice(out, option, place); break;
    default: print_number(out, option, place); break;
    }
}
