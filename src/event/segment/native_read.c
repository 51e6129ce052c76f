/* Turns the bytes of a Native block into columns: slices that are known to be whole. */
#include "base/assert.h"
#include "event/segment/native.h"

#include <stdlib.h>

/* Far over any table's columns; bounds what a hostile count can make us allocate. */
#define MAX_COLUMNS 10000

struct slice native_values_cut(struct slice values, uint8_t width, struct native_cursor *cursor, uint64_t first,
                               uint64_t end)
{
    ASSERT_AT_MOST(first, end);
    if (width != 0) {
        ASSERT_AT_MOST(end * width, values.len);
        return slice_make(values.data + first * width, (end - first) * width);
    }
    if (first < cursor->index) {
        *cursor = (struct native_cursor){ 0 };
    }
    size_t start = 0;
    for (;; cursor->index++) {
        if (cursor->index == first) {
            start = cursor->at;
        }
        uint64_t len = 0;
        if (cursor->index == end || !slice_read_varint(values, &cursor->at, &len)) {
            return slice_make(values.data + start, cursor->at - start);
        }
        cursor->at += len;
    }
}

bool native_skip_strings(struct slice from, uint64_t count, size_t *len)
{
    const char *at = from.data;
    const char *end = from.data + from.len;
    for (; count != 0 && at != end; count--) {
        /* A column that no event gave is a run of empty strings. */
        while (count > 8 && end - at > 8 && load_u64(at) == 0) {
            at += 8;
            count -= 8;
        }
        uint64_t bytes = (uint8_t)*at;
        size_t used = 1;
        if (bytes > 0x7f) {
            used = 0;
            if (!slice_read_varint(slice_make(at, (size_t)(end - at)), &used, &bytes)) {
                return false;
            }
        }
        at += used;
        if (bytes > (size_t)(end - at)) {
            return false;
        }
        at += bytes;
    }
    *len = (size_t)(at - from.data);
    return count == 0;
}

/* Moves `len` bytes from the front of *from to *taken. */
static bool take(struct slice *from, uint64_t len, struct slice *taken)
{
    if (len > from->len) {
        return false;
    }
    *taken = slice_make(from->data, len);
    *from = slice_after(*from, len);
    return true;
}

static bool take_varint(struct slice *from, uint64_t *value)
{
    size_t at = 0;
    if (!slice_read_varint(*from, &at, value)) {
        return false;
    }
    *from = slice_after(*from, at);
    return true;
}

static bool take_string(struct slice *from, struct slice *taken)
{
    uint64_t len;
    return take_varint(from, &len) && take(from, len, taken);
}

/* `count` values of `width` bytes, or strings. */
static bool take_values(struct slice *from, uint64_t count, uint8_t width, struct slice *taken)
{
    if (width != 0) {
        return count <= from->len / width && take(from, count * width, taken);
    }
    size_t len;
    return native_skip_strings(*from, count, &len) && take(from, len, taken);
}

/* Offsets must not fall; the last one is the count of items. */
static bool take_offsets(struct slice *from, uint64_t rows, struct slice *taken, uint64_t *items)
{
    if (!take_values(from, rows, 8, taken)) {
        return false;
    }
    uint64_t last = 0;
    for (uint64_t row = 0; row < rows; row++) {
        uint64_t offset = load_u64(taken->data + row * 8);
        if (offset < last) {
            return false;
        }
        last = offset;
    }
    *items = last;
    return true;
}

/* The types of consecutive blocks are the same, so what was parsed for the last one is kept. */
static bool read_type(struct native_column *column, bool *out_of_memory)
{
    struct type *type = &column->type;
    if (type->wire_name != NULL && slice_equal(slice_from_string(type->wire_name), column->wire_name)) {
        return true;
    }
    type_release(type);
    *type = (struct type){ 0 };
    return type_parse_wire(type, column->wire_name, out_of_memory);
}

/* Consecutive blocks have the same columns: one comparison of bytes is enough then. */
static bool has_same_head(struct native_column *column, struct slice *bytes)
{
    size_t len = column->head.len;
    if (len == 0 || bytes->len < len || memcmp(bytes->data, column->head.data, len) != 0) {
        return false;
    }
    column->name.data = bytes->data + column->name_at;
    column->wire_name.data = bytes->data + (len - column->wire_name.len);
    *bytes = slice_after(*bytes, len);
    return true;
}

static bool read_head(struct native_column *column, struct slice *bytes, bool *out_of_memory)
{
    const char *start = bytes->data;
    buf_clear(&column->head);
    if (!take_string(bytes, &column->name) || !take_string(bytes, &column->wire_name) ||
        !read_type(column, out_of_memory)) {
        return false;
    }
    column->name_at = (size_t)(column->name.data - start);
    ASSERT_AT_MOST(column->name.data + column->name.len - start, bytes->data - start);
    buf_append(&column->head, start, (size_t)(bytes->data - start));
    if (column->head.failed) {
        buf_clear(&column->head); /* it is read again, then */
    }
    return true;
}

static bool read_column(struct native_column *column, uint64_t rows, struct slice *bytes, bool *out_of_memory)
{
    if (!has_same_head(column, bytes) && !read_head(column, bytes, out_of_memory)) {
        return false;
    }
    const struct type *type = &column->type;
    bool map = type->shape == SHAPE_MAP;
    uint64_t items = rows;
    column->offsets = column->nulls = column->keys = (struct slice){ 0 };
    column->keys_cursor = column->data_cursor = (struct native_cursor){ 0 };
    if ((map || type->shape == SHAPE_ARRAY) && !take_offsets(bytes, rows, &column->offsets, &items)) {
        return false;
    }
    bool nullable = type->shape == SHAPE_NULLABLE || (type->shape == SHAPE_ARRAY && type->nullable_items);
    if (nullable && !take_values(bytes, items, 1, &column->nulls)) {
        return false;
    }
    if (map && !take_values(bytes, items, 0, &column->keys)) {
        return false;
    }
    return take_values(bytes, items, map ? 0 : type->width, &column->data);
}

static bool reserve_columns(struct native_block *block, uint64_t count)
{
    if (count <= block->column_capacity) {
        return true;
    }
    struct native_column *columns = realloc(block->columns, count * sizeof *columns);
    if (columns == NULL) {
        block->out_of_memory = true;
        return false;
    }
    memset(columns + block->column_capacity, 0, (count - block->column_capacity) * sizeof *columns);
    block->columns = columns;
    block->column_capacity = count;
    ASSERT_AT_MOST(count, MAX_COLUMNS);
    return true;
}

bool native_read(struct native_block *block, struct slice *bytes)
{
    struct slice rest = *bytes;
    uint64_t count;
    uint64_t rows;
    block->rows = 0;
    block->column_count = 0;
    block->out_of_memory = false;
    /* A column takes at least two bytes, for two empty strings. */
    if (!take_varint(&rest, &count) || !take_varint(&rest, &rows) || count == 0 || count > MAX_COLUMNS ||
        count > rest.len / 2 || !reserve_columns(block, count)) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!read_column(&block->columns[i], rows, &rest, &block->out_of_memory)) {
            return false;
        }
    }
    block->rows = rows;
    block->column_count = count;
    *bytes = rest;
    return true;
}

void native_block_release(struct native_block *block)
{
    for (size_t i = 0; i < block->column_capacity; i++) {
        type_release(&block->columns[i].type);
        buf_release(&block->columns[i].head);
    }
    free(block->columns);
    *block = (struct native_block){ 0 };
}

const struct native_column *native_find(const struct native_block *block, struct slice name)
{
    for (size_t i = 0; i < block->column_count; i++) {
        if (slice_equal(block->columns[i].name, name)) {
            return &block->columns[i];
        }
    }
    return NULL;
}

void native_item_range(const struct native_column *column, uint64_t *first, uint64_t *end)
{
    if (column->type.shape != SHAPE_ARRAY && column->type.shape != SHAPE_MAP) {
        return;
    }
    *first = *first == 0 ? 0 : load_u64(column->offsets.data + (*first - 1) * 8);
    *end = *end == 0 ? 0 : load_u64(column->offsets.data + (*end - 1) * 8);
}
