/* Turns blocks that were read into other blocks: a run of rows, or many blocks as one. */
#include "event/native.h"

#include <stdlib.h>

static void write_names(const struct native_column *column, struct buf *out)
{
    buf_append_varint(out, column->name.len);
    buf_append_slice(out, column->name);
    buf_append_varint(out, column->wire_name.len);
    buf_append_slice(out, column->wire_name);
}

/* The offsets of rows [first, end), as if `before` items came ahead of them. */
static void write_offsets(const struct native_column *column, uint64_t first, uint64_t end, uint64_t before,
                          struct buf *out)
{
    if (column->offsets.len == 0 || !buf_reserve(out, (end - first) * 8)) {
        return;
    }
    uint64_t base = first == 0 ? 0 : load_u64(column->offsets.data + (first - 1) * 8);
    for (uint64_t row = first; row < end; row++) {
        buf_append_u64(out, load_u64(column->offsets.data + row * 8) - base + before);
    }
}

void native_write_rows(struct native_block *block, uint64_t first, uint64_t count, struct buf *out)
{
    buf_append_varint(out, block->column_count);
    buf_append_varint(out, count);
    for (size_t i = 0; i < block->column_count; i++) {
        struct native_column *column = &block->columns[i];
        bool map = column->type.shape == SHAPE_MAP;
        uint64_t from = first;
        uint64_t to = first + count;
        write_names(column, out);
        write_offsets(column, from, to, 0, out);
        native_item_range(column, &from, &to);
        if (column->nulls.len != 0) {
            buf_append(out, column->nulls.data + from, to - from);
        }
        if (map) {
            buf_append_slice(out, native_values_cut(column->keys, 0, &column->keys_cursor, from, to));
        }
        uint8_t width = map ? 0 : column->type.width;
        buf_append_slice(out, native_values_cut(column->data, width, &column->data_cursor, from, to));
    }
}

/* One column of all blocks together. */
struct merged_column {
    struct buf names;
    struct buf offsets;
    struct buf nulls;
    struct buf keys;
    struct buf data;
    uint64_t items;
};

struct merge {
    struct merged_column *columns;
    size_t column_count;
    uint64_t rows;
};

static bool merge_start(struct merge *merge, const struct native_block *block)
{
    merge->columns = calloc(block->column_count, sizeof *merge->columns);
    if (merge->columns == NULL) {
        return false;
    }
    merge->column_count = block->column_count;
    for (size_t i = 0; i < block->column_count; i++) {
        write_names(&block->columns[i], &merge->columns[i].names);
    }
    return true;
}

static bool same_names(const struct native_column *column, const struct buf *names)
{
    struct buf own = { 0 };
    write_names(column, &own);
    bool same = !own.failed && slice_equal(buf_slice(&own), buf_slice(names));
    buf_release(&own);
    return same;
}

/* False: other columns than the first block's. */
static bool merge_add(struct merge *merge, const struct native_block *block)
{
    if (merge->column_count != block->column_count) {
        return false;
    }
    for (size_t i = 0; i < block->column_count; i++) {
        const struct native_column *column = &block->columns[i];
        struct merged_column *merged = &merge->columns[i];
        if (!same_names(column, &merged->names)) {
            return false;
        }
        write_offsets(column, 0, block->rows, merged->items, &merged->offsets);
        buf_append_slice(&merged->nulls, column->nulls);
        buf_append_slice(&merged->keys, column->keys);
        buf_append_slice(&merged->data, column->data);
        uint64_t first = 0;
        uint64_t end = block->rows;
        native_item_range(column, &first, &end);
        merged->items += end;
    }
    merge->rows += block->rows;
    return true;
}

static bool merge_write(struct merge *merge, struct buf *out)
{
    bool failed = false;
    buf_append_varint(out, merge->column_count);
    buf_append_varint(out, merge->rows);
    for (size_t i = 0; i < merge->column_count; i++) {
        struct merged_column *column = &merge->columns[i];
        struct buf *parts[] = { &column->names, &column->offsets, &column->nulls, &column->keys, &column->data };
        for (size_t part = 0; part < ARRAY_LENGTH(parts); part++) {
            failed |= parts[part]->failed;
            buf_append_slice(out, buf_slice(parts[part]));
        }
    }
    return !failed && !out->failed;
}

static void merge_release(struct merge *merge)
{
    for (size_t i = 0; i < merge->column_count; i++) {
        struct merged_column *column = &merge->columns[i];
        buf_release(&column->names);
        buf_release(&column->offsets);
        buf_release(&column->nulls);
        buf_release(&column->keys);
        buf_release(&column->data);
    }
    free(merge->columns);
}

bool native_merge(struct slice bytes, struct buf *out)
{
    struct native_block block = { 0 };
    struct merge merge = { 0 };
    bool whole = bytes.len != 0;
    while (whole && bytes.len != 0) {
        whole = native_read(&block, &bytes) && (merge.columns != NULL || merge_start(&merge, &block)) &&
                merge_add(&merge, &block);
    }
    whole = whole && merge_write(&merge, out);
    merge_release(&merge);
    native_block_release(&block);
    return whole;
}
