/* Turns rows of a block that was read into a block of their own. */
#include "event/segment/native.h"

void native_write_names(struct slice name, struct slice wire_name, struct buf *out)
{
    buf_append_varint(out, name.len);
    buf_append_slice(out, name);
    buf_append_varint(out, wire_name.len);
    buf_append_slice(out, wire_name);
}

/* The offsets of rows [first, end), as if none came ahead of them. */
static void write_offsets(const struct native_column *column, uint64_t first, uint64_t end, struct buf *out)
{
    if (column->offsets.len == 0 || !buf_reserve(out, (end - first) * 8)) {
        return;
    }
    uint64_t base = first == 0 ? 0 : load_u64(column->offsets.data + (first - 1) * 8);
    for (uint64_t row = first; row < end; row++) {
        buf_append_u64(out, load_u64(column->offsets.data + row * 8) - base);
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
        native_write_names(column->name, column->wire_name, out);
        write_offsets(column, from, to, out);
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
