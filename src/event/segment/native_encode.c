/* Turns the kept rows of a chunk into one Native block, handed to a sink. */
#include "base/assert.h"
#include "event/chunk.h"
#include "event/column.h"
#include "event/segment/native.h"
#include "event/stream.h"

/* Small pieces are gathered, so that a chunk of a few rows does not cost a call of the sink for each name. */
struct gatherer {
    struct native_sink sink;
    size_t used;
    char space[4096];
};

static void gatherer_flush(struct gatherer *out)
{
    if (out->used != 0) {
        out->sink.write(out->sink.context, out->space, out->used);
        out->used = 0;
    }
}

static void put(struct gatherer *out, const void *data, size_t len)
{
    if (len > sizeof out->space - out->used) {
        gatherer_flush(out);
    }
    if (len > sizeof out->space) {
        out->sink.write(out->sink.context, data, len);
    } else if (len != 0) {
        memcpy(out->space + out->used, data, len);
        out->used += len;
    }
}

static void put_varint(struct gatherer *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[len++] = (uint8_t)(value | 0x80);
    }
    bytes[len++] = (uint8_t)value;
    put(out, bytes, len);
}

static void put_string(struct gatherer *out, const char *text)
{
    size_t len = strlen(text);
    put_varint(out, len);
    put(out, text, len);
}

/* Which rows are kept; keep NULL: all. */
struct selection {
    const uint64_t *keep;
    uint32_t rows;
};

/* Kept rows in a row: [first, end). */
struct run {
    uint32_t first;
    uint32_t end;
};

/* The first row from `row` on whose bit is `set`, or rows. */
static uint32_t find_bit(const struct selection *selection, uint32_t row, bool set)
{
    while (row < selection->rows) {
        uint64_t word = selection->keep[row / 64];
        word = (set ? word : ~word) >> (row % 64);
        if (word != 0) {
            row += (uint32_t)__builtin_ctzll(word);
            return row < selection->rows ? row : selection->rows;
        }
        row = (row / 64 + 1) * 64;
    }
    return selection->rows;
}

/* Moves to the run after *run; start with a zeroed one. */
static bool next_run(const struct selection *selection, struct run *run)
{
    if (selection->keep == NULL) {
        run->first = run->end;
        run->end = selection->rows;
    } else {
        run->first = find_bit(selection, run->end, true);
        run->end = find_bit(selection, run->first, false);
    }
    return run->first < run->end;
}

static uint64_t offset_before(const struct column *column, uint32_t row)
{
    return row == 0 ? 0 : load_u64(column->offsets.data + ((size_t)row - 1) * 8);
}

static void put_offsets(struct gatherer *out, const struct column *column, const struct selection *selection)
{
    if (selection->keep == NULL) {
        put(out, column->offsets.data, column->offsets.len);
        return;
    }
    uint64_t total = 0;
    for (struct run run = { 0 }; next_run(selection, &run);) {
        for (uint32_t row = run.first; row < run.end; row++) {
            total += offset_before(column, row + 1) - offset_before(column, row);
            put(out, &total, sizeof total);
        }
    }
}

/* `by_item`: one value for each item of an array or map, else one for each row. */
static void put_values(struct gatherer *out, const struct column *column, const struct buf *values, uint8_t width,
                       bool by_item, const struct selection *selection)
{
    if (selection->keep == NULL) {
        put(out, values->data, values->len);
        return;
    }
    struct native_cursor cursor = { 0 };
    for (struct run run = { 0 }; next_run(selection, &run);) {
        uint64_t first = by_item ? offset_before(column, run.first) : run.first;
        uint64_t end = by_item ? offset_before(column, run.end) : run.end;
        struct slice cut = native_values_cut(buf_slice(values), width, &cursor, first, end);
        put(out, cut.data, cut.len);
    }
}

static void put_column(struct gatherer *out, const struct column *column, const struct selection *selection)
{
    const struct type *type = &column->spec->type;
    ASSERT_EQUAL(column->rows, selection->rows);
    bool by_item = type->shape == SHAPE_ARRAY || type->shape == SHAPE_MAP;
    put_string(out, column->spec->name);
    put_string(out, type->wire_name);
    if (by_item) {
        put_offsets(out, column, selection);
    }
    if (type->shape == SHAPE_NULLABLE || (type->shape == SHAPE_ARRAY && type->nullable_items)) {
        put_values(out, column, &column->nulls, 1, by_item, selection);
    }
    if (type->shape == SHAPE_MAP) {
        put_values(out, column, &column->keys, 0, true, selection);
    }
    put_values(out, column, &column->data, type->shape == SHAPE_MAP ? 0 : type->width, by_item, selection);
}

void native_encode(const struct chunk *chunk, const uint64_t *keep, uint32_t kept, struct native_sink sink)
{
    struct gatherer out;
    out.sink = sink;
    out.used = 0;
    struct selection selection = { .keep = kept == chunk->rows ? NULL : keep, .rows = chunk->rows };
    ASSERT_AT_MOST(kept, chunk->rows);
    ASSERT(kept == chunk->rows || keep != NULL);
    put_varint(&out, chunk->stream->column_count);
    put_varint(&out, kept);
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        put_column(&out, &chunk->columns[i], &selection);
    }
    gatherer_flush(&out);
}
