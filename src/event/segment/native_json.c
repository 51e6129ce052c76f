/* Turns rows of a Native block into JSON for people. */
#include "event/segment/native.h"
#include "event/value.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "event/event_id.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The length of the valid UTF-8 character at the front of `s`, 0 if there is none. */
static size_t character_length(struct slice s)
{
    bool whole;
    size_t length = utf8_take(s, &whole);
    return whole ? length : 0;
}

void native_text_to_json(struct slice text, struct buf *out)
{
    size_t good = 0;
    while (good < text.len) {
        size_t len = character_length(slice_after(text, good));
        if (len == 0) {
            break;
        }
        good += len;
    }
    if (good == text.len) {
        buf_append_json_string(out, text);
        return;
    }
    struct buf mended = { 0 };
    for (size_t at = 0; at < text.len;) {
        size_t len = character_length(slice_after(text, at));
        if (len == 0) {
            buf_append_string(&mended, UTF8_REPLACEMENT);
        } else {
            buf_append(&mended, text.data + at, len);
        }
        at += len == 0 ? 1 : len;
    }
    out->failed |= mended.failed;
    buf_append_json_string(out, buf_slice(&mended));
    buf_release(&mended);
}

/* One varint-prefixed string. */
static void put_text(struct slice value, struct buf *out)
{
    size_t at = 0;
    uint64_t len = 0;
    if (slice_read_varint(value, &at, &len)) {
        native_text_to_json(slice_make(value.data + at, len), out);
    }
}

static uint64_t load_unsigned(const char *at, size_t width)
{
    uint64_t value = 0;
    memcpy(&value, at, width);
    return value;
}

static int64_t load_signed(const char *at, size_t width)
{
    unsigned shift = (unsigned)(64 - width * 8);
    return (int64_t)(load_unsigned(at, width) << shift) >> shift;
}

/* One value; numbers of 64 bits as strings, for a reader's double would round them. */
static void put_signed(const struct type *type, struct slice value, struct buf *out)
{
    buf_printf(out, type->width == 8 ? "\"%lld\"" : "%lld", (long long)load_signed(value.data, type->width));
}

static void put_unsigned(const struct type *type, struct slice value, struct buf *out)
{
    buf_printf(out, type->width == 8 ? "\"%llu\"" : "%llu", (unsigned long long)load_unsigned(value.data, type->width));
}

/* The shortest text that reads back as the same number. */
static void put_number(double value, bool single, struct buf *out)
{
    if (!isfinite(value)) {
        buf_append_string(out, "null");
        return;
    }
    char text[40];
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) {
            break;
        }
    }
    buf_append_string(out, text);
}

static void put_float(const struct type *type, struct slice value, struct buf *out)
{
    float single;
    double number;
    if (type->width == sizeof single) {
        memcpy(&single, value.data, sizeof single);
        put_number((double)single, true, out);
        return;
    }
    memcpy(&number, value.data, sizeof number);
    put_number(number, false, out);
}

static void put_time(int64_t seconds, const char *format, struct buf *out)
{
    char text[64];
    struct tm utc;
    time_t when = (time_t)seconds;
    if (gmtime_r(&when, &utc) == NULL || strftime(text, sizeof text, format, &utc) == 0) {
        buf_printf(out, "%lld", (long long)seconds);
        return;
    }
    buf_append_string(out, text);
}

static void put_date(const struct type *type, struct slice value, struct buf *out)
{
    put_time(value_load_ticks(type, value.data) * 86400, "\"%Y-%m-%d\"", out);
}

static void put_datetime(const struct type *type, struct slice value, struct buf *out)
{
    int64_t ticks = value_load_ticks(type, value.data);
    int64_t unit = NS_PER_SECOND / value_tick_ns(type);
    int64_t fraction = ticks % unit;
    int64_t seconds = ticks / unit;
    if (fraction < 0) {
        fraction += unit;
        seconds--;
    }
    buf_append_byte(out, '"');
    put_time(seconds, "%Y-%m-%d %H:%M:%S", out);
    if (type->scale != 0) {
        buf_printf(out, ".%0*lld", (int)type->scale, (long long)fraction);
    }
    buf_append_byte(out, '"');
}

static void put_uuid(const struct type *type, struct slice value, struct buf *out)
{
    struct event_id stored;
    struct event_id id;
    char text[EVENT_ID_TEXT];
    (void)type;
    memcpy(stored.bytes, value.data, sizeof stored.bytes);
    event_id_to_wire(&stored, id.bytes);
    event_id_format(&id, text);
    buf_append_json_string(out, slice_make(text, sizeof text));
}

static void put_string(const struct type *type, struct slice value, struct buf *out)
{
    (void)type;
    put_text(value, out);
}

typedef void put_scalar(const struct type *type, struct slice value, struct buf *out);

/* By kind. */
static put_scalar *const writers[] = {
#define TYPE(KIND, form, family, width, wire, absent, arguments, low_cardinality, appender, json, ...)                 \
    [KIND_##KIND] = put_##json,
#include "event/types.def"
};

/* Value `index` of the column's data, NULL or not. */
static void put_item(struct native_column *column, uint64_t index, struct buf *out)
{
    uint8_t width = column->type.shape == SHAPE_MAP ? 0 : column->type.width;
    struct slice value = native_values_cut(column->data, width, &column->data_cursor, index, index + 1);
    if (column->nulls.len != 0 && column->nulls.data[index] != 0) {
        buf_append_string(out, "null");
    } else if (column->type.shape == SHAPE_MAP) {
        put_text(value, out);
    } else {
        writers[column->type.kind](&column->type, value, out);
    }
}

void native_value_to_json(struct native_column *column, uint64_t row, struct buf *out)
{
    bool map = column->type.shape == SHAPE_MAP;
    if (!map && column->type.shape != SHAPE_ARRAY) {
        put_item(column, row, out);
        return;
    }
    uint64_t first = row;
    uint64_t end = row + 1;
    native_item_range(column, &first, &end);
    buf_append_byte(out, map ? '{' : '[');
    for (uint64_t item = first; item < end; item++) {
        if (item != first) {
            buf_append_byte(out, ',');
        }
        if (map) {
            put_text(native_values_cut(column->keys, 0, &column->keys_cursor, item, item + 1), out);
            buf_append_byte(out, ':');
        }
        put_item(column, item, out);
    }
    buf_append_byte(out, map ? '}' : ']');
}

void native_row_to_json(struct native_block *block, uint64_t row, struct buf *out)
{
    for (size_t i = 0; i < block->column_count; i++) {
        buf_append_byte(out, i == 0 ? '{' : ',');
        native_text_to_json(block->columns[i].name, out);
        buf_append_byte(out, ':');
        native_value_to_json(&block->columns[i], row, out);
    }
    buf_append_byte(out, '}');
}
