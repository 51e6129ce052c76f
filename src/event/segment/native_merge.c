/* Makes one block of many: the same bytes in another order, column after column.
 *
 * Only the first block is read as one is. The others must have its columns, so each is walked by what the first has
 * taught: a column's name and type are compared as bytes, and its values are skipped. */
#include "event/segment/native.h"

#include "base/assert.h"
#include "event/column.h"
#include "event/stream.h"

#include <stdlib.h>

/* A batch of single events has blocks of a few rows: their values are copied together, as pieces they would be too many. Blocks
 * that are larger than this, as the first is, stay where they are. */
#define LARGEST_COPIED 32768

/* What a column has of each block, in the order of the wire. */
enum part { PART_OFFSETS, PART_NULLS, PART_KEYS, PART_DATA, PARTS };

struct merged_column {
    struct slice head; /* name and type, as they stand in the first block */
    struct buf marked; /* what stands in the merged block instead, if it is marked as JSON; else empty */
    bool has_offsets, has_nulls, has_keys;
    uint8_t width;           /* of a value; 0: strings */
    struct buf parts[PARTS]; /* the values of all blocks, or where they are: struct slice, one of each block */
    uint64_t items;
};

/* Ahead of the values of a JSON column in the Native format: they are texts. */
#define JSON_AS_TEXT UINT64_C(1)

struct native_merger {
    const struct stream *json_stream; /* NULL: no column is marked */
    struct native_block block;        /* the first */
    struct merged_column *columns;
    size_t room; /* columns there are */
    size_t column_count;
    bool copies; /* `parts` are values */
    uint64_t rows;
    struct buf counts; /* of columns and rows, as they stand in front of a block */
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
        buf_release(&merger->columns[i].marked);
    }
    free(merger->columns);
    buf_release(&merger->counts);
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

/* `at` is where the column's name and type begin. */
static void learn_column(struct merged_column *merged, const struct native_column *column, const char *at)
{
    ASSERT(at < column->wire_name.data);
    const struct type *type = &column->type;
    merged->head = slice_make(at, (size_t)(column->wire_name.data + column->wire_name.len - at));
    merged->has_keys = type->shape == SHAPE_MAP;
    merged->has_offsets = merged->has_keys || type->shape == SHAPE_ARRAY;
    merged->has_nulls = type->shape == SHAPE_NULLABLE || (type->shape == SHAPE_ARRAY && type->nullable_items);
    merged->width = merged->has_keys ? 0 : type->width;
    merged->items = 0;
    for (size_t part = 0; part < PARTS; part++) {
        buf_clear(&merged->parts[part]);
    }
}

void native_merger_mark_json(struct native_merger *merger, const struct stream *stream)
{
    merger->json_stream = stream;
}

/* Is the column at `index` one of the stream's JSON fields? They stand in the order of the stream, if its configuration has not
 * changed since. */
static bool is_json(const struct stream *stream, size_t index, struct slice name)
{
    for (size_t i = 0; stream != NULL && i < stream->column_count; i++) {
        const struct column_spec *column = &stream->columns[(index + i) % stream->column_count];
        if (slice_equal(slice_from_string(column->name), name)) {
            return column->type.kind == KIND_JSON;
        }
    }
    return false;
}

/* The head with JSON for the String in the type; if there is none, it was no JSON field when it was written. */
static void mark_column(struct merged_column *merged, const struct native_column *column)
{
    struct slice string = SLICE("String"), json = SLICE("JSON"), type = column->wire_name;
    const char *at = memmem(type.data, type.len, string.data, string.len);
    if (at != NULL) {
        size_t before = (size_t)(at - type.data);
        buf_append_varint(&merged->marked, column->name.len);
        buf_append_slice(&merged->marked, column->name);
        buf_append_varint(&merged->marked, type.len - string.len + json.len);
        buf_append_slice(&merged->marked, slice_make(type.data, before));
        buf_append_slice(&merged->marked, json);
        buf_append_slice(&merged->marked, slice_after(type, before + string.len));
        buf_append_u64(&merged->marked, JSON_AS_TEXT);
    }
}

/* Takes the first block's columns for those of all. */
static enum error start(struct native_merger *merger, struct slice blocks)
{
    struct slice rest = blocks;
    const struct native_block *block = &merger->block;
    size_t counts = 0;
    uint64_t number;
    if (!native_read(&merger->block, &rest)) {
        return block->out_of_memory ? ERROR_OUT_OF_MEMORY : ERROR_BAD_COMPRESSION;
    }
    if (!make_columns(merger, block->column_count)) {
        return ERROR_OUT_OF_MEMORY;
    }
    /* NOLINTNEXTLINE(misc-redundant-expression): two numbers, one behind the other */
    if (!slice_read_varint(blocks, &counts, &number) || !slice_read_varint(blocks, &counts, &number)) {
        return ERROR_BAD_COMPRESSION;
    }
    const char *at = blocks.data + counts;
    for (size_t i = 0; i < block->column_count; i++) {
        learn_column(&merger->columns[i], &block->columns[i], at);
        buf_clear(&merger->columns[i].marked);
        if (is_json(merger->json_stream, i, block->columns[i].name)) {
            mark_column(&merger->columns[i], &block->columns[i]);
        }
        at = block->columns[i].data.data + block->columns[i].data.len;
    }
    merger->column_count = block->column_count;
    merger->rows = 0;
    merger->copies = blocks.len - rest.len <= LARGEST_COPIED;
    return OK;
}

static void add_piece(const struct native_merger *merger, struct buf *part, struct slice piece)
{
    if (merger->copies) {
        buf_append_slice(part, piece);
    } else if (piece.len != 0) {
        buf_append(part, &piece, sizeof piece);
    }
}

/* `count` values at the front of *rest. */
static bool take_values(struct slice *rest, uint64_t count, uint8_t width, struct slice *values)
{
    size_t len;
    if (width != 0) {
        if (count > rest->len / width) {
            return false;
        }
        len = count * width;
    } else if (!native_skip_strings(*rest, count, &len)) {
        return false;
    }
    *values = slice_make(rest->data, len);
    *rest = slice_after(*rest, len);
    return true;
}

/* Makes the offsets go on where those of the blocks before ended. False: they fall. */
static bool shift_offsets(char *offsets, size_t len, uint64_t before, uint64_t *items)
{
    uint64_t last = 0;
    for (size_t at = 0; at < len; at += sizeof last) {
        uint64_t offset = load_u64(offsets + at);
        if (offset < last) {
            return false;
        }
        last = offset;
        offset += before;
        memcpy(offsets + at, &offset, sizeof offset);
    }
    *items = last;
    return true;
}

static bool add_offsets(const struct native_merger *merger, struct merged_column *column, const struct buf *blocks,
                        struct slice *rest, uint64_t *items)
{
    struct slice offsets;
    if (!take_values(rest, *items, sizeof(uint64_t), &offsets) ||
        !shift_offsets(blocks->data + (offsets.data - blocks->data), offsets.len, column->items, items)) {
        return false;
    }
    add_piece(merger, &column->parts[PART_OFFSETS], offsets);
    return true;
}

/* The column at the front of *rest. False: damaged, or another column than the first block has there. */
static bool add_column(const struct native_merger *merger, struct merged_column *column, const struct buf *blocks,
                       uint64_t rows, struct slice *rest)
{
    struct slice head = column->head;
    struct slice values;
    uint64_t items = rows;
    if (rest->len < head.len || memcmp(rest->data, head.data, head.len) != 0) {
        return false;
    }
    *rest = slice_after(*rest, head.len);
    if (column->has_offsets && !add_offsets(merger, column, blocks, rest, &items)) {
        return false;
    }
    if (column->has_nulls) {
        if (!take_values(rest, items, 1, &values)) {
            return false;
        }
        add_piece(merger, &column->parts[PART_NULLS], values);
    }
    if (column->has_keys) {
        if (!take_values(rest, items, 0, &values)) {
            return false;
        }
        add_piece(merger, &column->parts[PART_KEYS], values);
    }
    if (!take_values(rest, items, column->width, &values)) {
        return false;
    }
    add_piece(merger, &column->parts[PART_DATA], values);
    column->items += items;
    return true;
}

static bool add_block(struct native_merger *merger, const struct buf *blocks, struct slice *rest)
{
    uint64_t count, rows;
    size_t at = 0;
    if (!slice_read_varint(*rest, &at, &count) || !slice_read_varint(*rest, &at, &rows) ||
        count != merger->column_count) {
        return false;
    }
    *rest = slice_after(*rest, at);
    for (size_t i = 0; i < merger->column_count; i++) {
        if (!add_column(merger, &merger->columns[i], blocks, rows, rest)) {
            return false;
        }
    }
    merger->rows += rows;
    return true;
}

/* False: memory is short. */
static bool collect(struct native_merger *merger)
{
    bool failed = false;
    buf_clear(&merger->pieces);
    buf_clear(&merger->counts);
    buf_append_varint(&merger->counts, merger->column_count);
    buf_append_varint(&merger->counts, merger->rows);
    struct slice counts = buf_slice(&merger->counts);
    buf_append(&merger->pieces, &counts, sizeof counts);
    for (size_t i = 0; i < merger->column_count; i++) {
        const struct merged_column *column = &merger->columns[i];
        struct slice head = column->marked.len != 0 ? buf_slice(&column->marked) : column->head;
        failed |= column->marked.failed;
        buf_append(&merger->pieces, &head, sizeof head);
        for (size_t part = 0; part < PARTS; part++) {
            struct slice values = buf_slice(&column->parts[part]);
            failed |= column->parts[part].failed;
            if (!merger->copies) {
                buf_append_slice(&merger->pieces, values);
            } else if (values.len != 0) {
                buf_append(&merger->pieces, &values, sizeof values);
            }
        }
    }
    return !failed && !merger->counts.failed && !merger->pieces.failed;
}

enum error native_merge(struct native_merger *merger, struct buf *blocks, struct gather *merged)
{
    struct slice rest = buf_slice(blocks);
    enum error error = start(merger, rest);
    while (error == OK && rest.len != 0) {
        error = add_block(merger, blocks, &rest) ? OK : ERROR_BAD_COMPRESSION;
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
