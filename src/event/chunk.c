/* Turns the values of many events into columns in Native wire encoding. */
#include "event/chunk.h"
#include "base/assert.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "event/ticket.h"
#include "event/type.h"

#include <stdlib.h>

/* A buffer that has grown over this is given back when its chunk is cleared. */
#define KEEP_BYTES ((size_t)4 << 20)

struct chunk *chunk_new(const struct stream *stream)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->stream = stream;
    chunk->columns = calloc(stream->column_count + 1, sizeof *chunk->columns);
    if (chunk->columns == NULL) {
        free(chunk);
        return NULL;
    }
    for (size_t i = 0; i < stream->column_count; i++) {
        chunk->columns[i].spec = &stream->columns[i];
    }
    chunk_clear(chunk);
    return chunk;
}

void chunk_free(struct chunk *chunk)
{
    if (chunk == NULL) {
        return;
    }
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        buf_release(&chunk->columns[i].data);
        buf_release(&chunk->columns[i].offsets);
        buf_release(&chunk->columns[i].nulls);
        buf_release(&chunk->columns[i].keys);
    }
    free(chunk->columns);
    free(chunk->ids);
    free(chunk->tickets);
    free(chunk);
}

static void clear_buf(struct buf *b)
{
    if (b->cap > KEEP_BYTES) {
        buf_release(b);
    } else {
        buf_clear(b);
    }
}

void chunk_clear(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        struct column *column = &chunk->columns[i];
        clear_buf(&column->data);
        clear_buf(&column->offsets);
        clear_buf(&column->nulls);
        clear_buf(&column->keys);
        column->rows = column->undo_rows = 0;
        column->items = column->undo_items = 0;
        column->undo_data = column->undo_nulls = column->undo_keys = 0;
    }
    if (chunk->row_capacity * sizeof *chunk->ids > KEEP_BYTES) {
        free(chunk->ids);
        chunk->ids = NULL;
        chunk->row_capacity = 0;
    }
    chunk->rows = 0;
    chunk->ticket_count = 0;
    chunk->payload_bytes = chunk->queued_bytes = 0;
    chunk->min_time_ns = INT64_MAX;
    chunk->max_time_ns = INT64_MIN;
}

void chunk_shed(struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        struct column *column = &chunk->columns[i];
        buf_shed(&column->data, KEEP_BYTES);
        buf_shed(&column->offsets, KEEP_BYTES);
        buf_shed(&column->nulls, KEEP_BYTES);
        buf_shed(&column->keys, KEEP_BYTES);
    }
}

/* Doubles an array; false if memory is short, the array is then as before. */
static bool grow(void **array, uint32_t *capacity, size_t size, uint32_t first)
{
    uint32_t wanted = *capacity == 0 ? first : *capacity * 2;
    void *grown = wanted > *capacity ? realloc(*array, wanted * size) : NULL;
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

bool chunk_reserve_row(struct chunk *chunk)
{
    return chunk->rows < chunk->row_capacity ||
           grow((void **)&chunk->ids, &chunk->row_capacity, sizeof *chunk->ids, 256);
}

struct ticket *chunk_add_ticket(struct chunk *chunk)
{
    if (chunk->ticket_count == chunk->ticket_capacity &&
        !grow((void **)&chunk->tickets, &chunk->ticket_capacity, sizeof *chunk->tickets, 32)) {
        return NULL;
    }
    ASSERT_BELOW(chunk->ticket_count, chunk->ticket_capacity);
    struct ticket *ticket = &chunk->tickets[chunk->ticket_count++];
    *ticket = (struct ticket){ .first_row = chunk->rows };
    return ticket;
}

size_t chunk_bytes(const struct chunk *chunk)
{
    size_t sum = 0;
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        const struct column *column = &chunk->columns[i];
        sum += column->data.len + column->offsets.len + column->nulls.len + column->keys.len;
    }
    return sum;
}

/* `count` copies of the same value, each pass as many as there are so far. */
static void append_copies(struct buf *b, struct slice value, uint32_t count)
{
    size_t bytes = value.len * count, done = value.len;
    if (bytes == 0 || !buf_reserve(b, bytes)) {
        return;
    }
    char *at = b->data + b->len;
    memcpy(at, value.data, value.len);
    while (done < bytes) {
        size_t more = done < bytes - done ? done : bytes - done;
        memcpy(at + done, at, more);
        done += more;
    }
    b->len += bytes;
}

void column_pad(struct column *column, uint32_t rows)
{
    if (column->rows >= rows) {
        return;
    }
    const struct column_spec *spec = column->spec;
    uint32_t missing = rows - column->rows;
    size_t data = column->data.len, offsets = column->offsets.len, nulls = column->nulls.len;
    switch (spec->type.shape) {
    case SHAPE_NULLABLE:
        buf_append_fill(&column->nulls, spec->has_default ? 0 : 1, missing);
        append_copies(&column->data, column_default(spec), missing);
        break;
    case SHAPE_SCALAR: append_copies(&column->data, column_default(spec), missing); break;
    case SHAPE_ARRAY:
    case SHAPE_MAP: append_copies(&column->offsets, slice_make(&column->items, sizeof column->items), missing); break;
    }
    if (column->data.failed || column->nulls.failed || column->offsets.failed) {
        column->data.len = data; /* one may have grown where the other failed */
        column->offsets.len = offsets;
        column->nulls.len = nulls;
        return;
    }
    column->rows = rows;
}

/* The bytes of `count` values: exactly so many, or of texts one at least for each. */
static bool holds(const struct buf *b, uint8_t width, uint64_t count)
{
    return width != 0 ? b->len == count * width : b->len >= count;
}

static bool column_is_whole(const struct column *column, uint32_t rows)
{
    const struct type *type = &column->spec->type;
    switch (type->shape) {
    case SHAPE_SCALAR: return holds(&column->data, type->width, rows);
    case SHAPE_NULLABLE: return holds(&column->data, type->width, rows) && holds(&column->nulls, 1, rows);
    case SHAPE_ARRAY:
        return holds(&column->offsets, sizeof column->items, rows) &&
               holds(&column->data, type->width, column->items) &&
               (!type->nullable_items || holds(&column->nulls, 1, column->items));
    case SHAPE_MAP:
        return holds(&column->offsets, sizeof column->items, rows) && holds(&column->data, 0, column->items) &&
               holds(&column->keys, 0, column->items);
    }
    return false;
}

bool column_repeat(struct column *column, uint32_t rows)
{
    uint32_t missing = rows - column->rows;
    ASSERT_AT_MOST(column->rows, rows);
    ASSERT(column->spec->type.shape == SHAPE_SCALAR || column->spec->type.shape == SHAPE_NULLABLE);
    if (!buf_reserve(&column->data, column_last(column).len * missing)) {
        return false;
    }
    append_copies(&column->data, column_last(column), missing);
    if (column->spec->type.shape == SHAPE_NULLABLE) {
        buf_append_fill(&column->nulls, (uint8_t)column->nulls.data[column->undo_nulls], missing);
    }
    column->rows = rows;
    return !column->nulls.failed;
}

static void cut(struct buf *b, size_t len)
{
    b->len = b->len < len ? b->len : len;
    b->failed = false;
}

void column_undo(struct column *column)
{
    bool counted = column->spec->type.shape == SHAPE_ARRAY || column->spec->type.shape == SHAPE_MAP;
    ASSERT_AT_MOST(column->undo_rows, column->rows);
    ASSERT_AT_MOST(column->undo_items, column->items);
    column->rows = column->undo_rows;
    column->items = column->undo_items;
    cut(&column->data, column->undo_data);
    cut(&column->nulls, column->undo_nulls);
    cut(&column->keys, column->undo_keys);
    cut(&column->offsets, counted ? column->rows * sizeof(uint64_t) : 0);
}

/* Bytes that the first `count` values take. */
static size_t length_of(const struct buf *b, uint8_t width, uint64_t count)
{
    if (width != 0) {
        return count * width;
    }
    size_t at = 0;
    uint64_t len;
    for (uint64_t i = 0; i < count && slice_read_varint(buf_slice(b), &at, &len); i++) {
        at += len;
    }
    return at;
}

static void truncate_column(struct column *column, uint32_t rows)
{
    const struct type *type = &column->spec->type;
    uint64_t values = rows;
    column->data.failed = column->offsets.failed = column->nulls.failed = column->keys.failed = false;
    if (column->rows <= rows) {
        return;
    }
    if (type->shape == SHAPE_ARRAY || type->shape == SHAPE_MAP) {
        ASSERT_AT_MOST(rows * sizeof(uint64_t), column->offsets.len);
        values = rows == 0 ? 0 : load_u64(column->offsets.data + (rows - 1) * sizeof(uint64_t));
        ASSERT_AT_MOST(values, column->items);
        column->items = values;
        cut(&column->offsets, rows * sizeof(uint64_t));
    }
    cut(&column->keys, length_of(&column->keys, 0, values));
    cut(&column->data, length_of(&column->data, type->width, values));
    cut(&column->nulls, values);
    column->rows = column->undo_rows = rows;
}

void chunk_truncate(struct chunk *chunk, uint32_t rows)
{
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        truncate_column(&chunk->columns[i], rows);
    }
    if (chunk->rows > rows) {
        chunk->rows = rows;
    }
}

bool chunk_seal(struct chunk *chunk)
{
    bool whole = true;
    ASSERT_AT_MOST(chunk->rows, chunk->row_capacity);
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        struct column *column = &chunk->columns[i];
        column_pad(column, chunk->rows);
        whole =
            whole && !column->data.failed && !column->offsets.failed && !column->nulls.failed && !column->keys.failed;
    }
    return whole;
}

bool chunk_is_whole(const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->stream->column_count; i++) {
        if (chunk->columns[i].rows != chunk->rows || !column_is_whole(&chunk->columns[i], chunk->rows)) {
            return false;
        }
    }
    return true;
}
