/* Turns blocks that were read into other blocks: a run of rows, or many blocks as one. */
#include "event/native.h"

#include <stdlib.h>

static void write_names(struct slice name, struct slice wire_name, struct buf *out)
{
    buf_append_varint(out, name.len);
    buf_append_slice(out, name);
    buf_append_varint(out, wire_name.len);
    buf_append_slice(out, wire_name);
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
        write_names(column->name, column->wire_name, out);
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
    struct slice name, wire_name; /* in the first block */
    struct buf offsets;
    struct buf nulls;
    struct buf keys;
    struct buf data;
    uint64_t items;
};

struct native_merger {
    struct native_block block; /* being read */
    struct merged_column *columns;
    size_t room; /* columns there are */
    size_t column_count;
    uint64_t rows;
};

#define COLUMN_KEPT ((size_t)64 << 20)

struct native_merger *native_merger_new(void)
{
    return calloc(1, sizeof(struct native_merger));
}

void native_merger_free(struct native_merger *merger)
{
    if (merger == NULL) {
        return;
    }
    for (size_t i = 0; i < merger->room; i++) {
        buf_release(&merger->columns[i].offsets);
        buf_release(&merger->columns[i].nulls);
        buf_release(&merger->columns[i].keys);
        buf_release(&merger->columns[i].data);
    }
    free(merger->columns);
    native_block_release(&merger->block);
    free(merger);
}

static bool make_columns(struct native_merger *merger, size_t count)
{
    if (count <= merger->room) {
        return true;
    }
    struct merged_column *columns = realloc(merger->columns, count * sizeof *columns);
    if (columns == NULL) {
        return false;
    }
    memset(columns + merger->room, 0, (count - merger->room) * sizeof *columns);
    merger->columns = columns;
    merger->room = count;
    return true;
}

static bool merge_start(struct native_merger *merger)
{
    const struct native_block *block = &merger->block;
    if (!make_columns(merger, block->column_count)) {
        return false;
    }
    merger->column_count = block->column_count;
    merger->rows = 0;
    for (size_t i = 0; i < block->column_count; i++) {
        struct merged_column *merged = &merger->columns[i];
        merged->name = block->columns[i].name;
        merged->wire_name = block->columns[i].wire_name;
        merged->items = 0;
        buf_clear(&merged->offsets);
        buf_clear(&merged->nulls);
        buf_clear(&merged->keys);
        buf_clear(&merged->data);
    }
    return true;
}

/* False: other columns than the first block's. */
static bool merge_add(struct native_merger *merger)
{
    const struct native_block *block = &merger->block;
    if (merger->column_count != block->column_count) {
        return false;
    }
    for (size_t i = 0; i < block->column_count; i++) {
        const struct native_column *column = &block->columns[i];
        struct merged_column *merged = &merger->columns[i];
        if (!slice_equal(column->name, merged->name) || !slice_equal(column->wire_name, merged->wire_name)) {
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
    merger->rows += block->rows;
    return true;
}

static bool merge_write(const struct native_merger *merger, struct buf *out)
{
    bool failed = false;
    buf_append_varint(out, merger->column_count);
    buf_append_varint(out, merger->rows);
    for (size_t i = 0; i < merger->column_count; i++) {
        const struct merged_column *column = &merger->columns[i];
        const struct buf *parts[] = { &column->offsets, &column->nulls, &column->keys, &column->data };
        write_names(column->name, column->wire_name, out);
        for (size_t part = 0; part < ARRAY_LENGTH(parts); part++) {
            failed |= parts[part]->failed;
            buf_append_slice(out, buf_slice(parts[part]));
        }
    }
    return !failed && !out->failed;
}

bool native_merge(struct native_merger *merger, struct slice bytes, struct buf *out)
{
    bool started = false;
    bool whole = bytes.len != 0;
    while (whole && bytes.len != 0) {
        whole = native_read(&merger->block, &bytes) && (started || merge_start(merger)) && merge_add(merger);
        started = true;
    }
    whole = whole && merge_write(merger, out);
    for (size_t i = 0; i < merger->room; i++) {
        buf_shed(&merger->columns[i].data, COLUMN_KEPT);
    }
    return whole;
}
