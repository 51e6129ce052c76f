/* Makes one block of many: the same bytes in another order, column after column. */
#include "event/native.h"

#include <stdlib.h>

/* What a column has of each block, in the order of the wire. */
enum part { PART_OFFSETS, PART_NULLS, PART_KEYS, PART_DATA, PARTS };

struct merged_column {
    struct slice name, wire_name; /* in the first block */
    struct buf parts[PARTS];      /* struct slice, one of each block */
    uint64_t items;
    size_t head_end; /* in `heads`, where its name and type end */
};

struct native_merger {
    struct native_block block; /* being read */
    struct merged_column *columns;
    size_t room; /* columns there are */
    size_t column_count;
    uint64_t rows;
    struct buf heads;  /* counts of columns and rows, then names and types */
    struct buf pieces; /* struct slice: the block */
};

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
        for (size_t part = 0; part < PARTS; part++) {
            buf_release(&merger->columns[i].parts[part]);
        }
    }
    free(merger->columns);
    buf_release(&merger->heads);
    buf_release(&merger->pieces);
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

static bool start(struct native_merger *merger)
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
        for (size_t part = 0; part < PARTS; part++) {
            buf_clear(&merged->parts[part]);
        }
    }
    return true;
}

static void add_piece(struct buf *pieces, struct slice piece)
{
    if (piece.len != 0) {
        buf_append(pieces, &piece, sizeof piece);
    }
}

/* Makes the offsets go on where those of the blocks before ended. */
static void shift_offsets(char *offsets, size_t len, uint64_t before)
{
    for (size_t at = 0; before != 0 && at < len; at += sizeof before) {
        uint64_t offset = load_u64(offsets + at) + before;
        memcpy(offsets + at, &offset, sizeof offset);
    }
}

/* The block that was read last, out of `blocks`. False: other columns than the first block's. */
static bool add(struct native_merger *merger, const struct buf *blocks)
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
        uint64_t first = 0;
        uint64_t end = block->rows;
        native_item_range(column, &first, &end);
        if (column->offsets.len != 0) {
            shift_offsets(blocks->data + (column->offsets.data - blocks->data), column->offsets.len, merged->items);
        }
        merged->items += end;
        add_piece(&merged->parts[PART_OFFSETS], column->offsets);
        add_piece(&merged->parts[PART_NULLS], column->nulls);
        add_piece(&merged->parts[PART_KEYS], column->keys);
        add_piece(&merged->parts[PART_DATA], column->data);
    }
    merger->rows += block->rows;
    return true;
}

static void write_heads(struct native_merger *merger)
{
    buf_clear(&merger->heads);
    buf_append_varint(&merger->heads, merger->column_count);
    buf_append_varint(&merger->heads, merger->rows);
    for (size_t i = 0; i < merger->column_count; i++) {
        struct merged_column *column = &merger->columns[i];
        native_write_names(column->name, column->wire_name, &merger->heads);
        column->head_end = merger->heads.len;
    }
}

/* False: memory is short. */
static bool collect(struct native_merger *merger)
{
    bool failed = false;
    size_t head = 0;
    buf_clear(&merger->pieces);
    write_heads(merger);
    for (size_t i = 0; i < merger->column_count; i++) {
        const struct merged_column *column = &merger->columns[i];
        add_piece(&merger->pieces, slice_make(merger->heads.data + head, column->head_end - head));
        head = column->head_end;
        for (size_t part = 0; part < PARTS; part++) {
            failed |= column->parts[part].failed;
            buf_append_slice(&merger->pieces, buf_slice(&column->parts[part]));
        }
    }
    return !failed && !merger->heads.failed && !merger->pieces.failed;
}

/* The block at the front of *rest, which is the first or another of `blocks`. */
static enum error merge_next(struct native_merger *merger, const struct buf *blocks, struct slice *rest)
{
    bool first = rest->data == blocks->data;
    if (!native_read(&merger->block, rest)) {
        return merger->block.out_of_memory ? ERROR_OUT_OF_MEMORY : ERROR_BAD_COMPRESSION;
    }
    if (first && !start(merger)) {
        return ERROR_OUT_OF_MEMORY;
    }
    return add(merger, blocks) ? OK : ERROR_BAD_COMPRESSION;
}

enum error native_merge(struct native_merger *merger, struct buf *blocks, struct gather *merged)
{
    struct slice rest = buf_slice(blocks);
    enum error error = rest.len != 0 ? OK : ERROR_BAD_COMPRESSION;
    while (error == OK && rest.len != 0) {
        error = merge_next(merger, blocks, &rest);
    }
    if (error == OK && !collect(merger)) {
        error = ERROR_OUT_OF_MEMORY;
    }
    if (error != OK) {
        return error;
    }
    *merged = (struct gather){ (const struct slice *)(const void *)merger->pieces.data,
                               merger->pieces.len / sizeof(struct slice), 0 };
    for (size_t i = 0; i < merged->count; i++) {
        merged->bytes += merged->pieces[i].len;
    }
    return OK;
}
