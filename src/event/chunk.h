/* A chunk: validated rows of one stream in columns, the unit that flows from an I/O thread to the commit thread and
 * back.
 *
 * One I/O thread fills it and pushes it to the commit queue. The commit thread drops duplicates and notes the fates of
 * the rest. Then the chunk goes back to its I/O thread, which reads the tickets, clears it and fills it again. It has one
 * owner at a time, and needs no allocation once its buffers have grown.
 *
 * Columns are sparse at their ends: a column whose rows < chunk.rows is owed default values, which column_pad writes
 * in bulk. So an absent field costs nothing per event.
 *
 * A column that is filled for a whole payload is owed that payload's values. validate_finish
 * (pipeline/validate/validate.h) writes them into its rows. Until then the chunk takes no event of another payload and is
 * not sealed. It may be truncated to the rows before. */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "event/event_id.h"
#include "event/stream.h"

enum protocol { PROTOCOL_HTTP, PROTOCOL_WS, PROTOCOL_UDP, PROTOCOL_COUNT };

/* Where a completion goes: a connection of an I/O thread by slot and generation, never by pointer; `sequence` is the
 * front end's own number of the request or frame. */
struct token {
    uint32_t slot;
    uint32_t generation;
    uint64_t sequence;
};

/* One payload's rows: [first_row, first_row + rows); of silent payloads that follow each other the rows of all. Filled
 * by the I/O thread but for the last three, which are the commit thread's answer. */
struct ticket {
    struct token token;
    uint32_t first_row;
    uint32_t rows;
    enum protocol protocol;
    bool wait_stored; /* seal the segment, and send a second completion when it is stored */
    bool silent;      /* nobody waits for it; the payloads that follow may share it */
    uint32_t accepted;
    uint32_t duplicate;
    enum error error; /* not OK: none of the rows was accepted, all are dropped */
};

/* Values in Native wire encoding. Invariants:
 *   scalar    `data` holds `rows` values
 *   Nullable  `nulls` holds `rows` bytes, `data` a value for each
 *   Array     `offsets` holds `rows` cumulative UInt64 counts, `data` (and `nulls` for nullable_items) one value per item
 *   Map       `offsets` as Array, `keys` and `data` one string per entry */
struct column {
    const struct column_spec *spec;
    uint32_t rows;
    uint64_t items; /* arrays and maps: the last offset */
    struct buf data;
    struct buf offsets;
    struct buf nulls;
    struct buf keys;
    /* state before the row begun last, for column_undo */
    uint32_t undo_rows;
    uint64_t undo_items;
    size_t undo_data, undo_nulls, undo_keys;
};

struct chunk {
    const struct stream *stream;
    struct column *columns; /* stream->column_count */
    struct event_id *ids;   /* one per row */
    uint32_t rows;
    uint32_t row_capacity;
    struct ticket *tickets;
    uint32_t ticket_count;
    uint32_t ticket_capacity;
    uint64_t payload_bytes;           /* of the payloads that its rows came from: how far it has grown, roughly */
    uint64_t queued_bytes;            /* what the commit queue counts for it */
    int64_t min_time_ns, max_time_ns; /* wall, of the stream's time column; min > max: no row yet */
    struct pipeline_io *returns_to;   /* the I/O thread it goes back to */
    struct chunk *next;               /* in whichever list it is */
};

struct chunk *chunk_new(const struct stream *stream);
void chunk_free(struct chunk *chunk);

/* Empties it and keeps the memory, unless it has grown far over what chunks usually need. */
void chunk_clear(struct chunk *chunk);

/* Gives the memory of its values back where that has grown far over what chunks usually need. The tickets stay; then it
 * is only to be cleared. */
void chunk_shed(struct chunk *chunk);

/* Room for one more row or ticket; false if memory is short. */
MUST_CHECK bool chunk_reserve_row(struct chunk *chunk);
struct ticket *chunk_add_ticket(struct chunk *chunk);

/* Bytes held by the columns' values. */
size_t chunk_bytes(const struct chunk *chunk);

/* The scalar that an absent value of this column becomes. */
static inline struct slice column_default(const struct column_spec *spec)
{
    return buf_slice(spec->has_default ? &spec->default_wire : &spec->type.default_wire);
}

/* Brings a column up to `rows` rows with its default values. If memory runs short it stays as it is, but for `failed`
 * of a buffer. */
void column_pad(struct column *column, uint32_t rows);

/* Begin a row: pads to `row` and notes the state that column_undo returns to. The caller then appends exactly one
 * value (or the items of one array) and calls column_end, which says false if memory ran short: the row is to be undone. */
static inline void column_begin(struct column *column, uint32_t row)
{
    if (column->rows < row) {
        column_pad(column, row);
    }
    column->undo_rows = column->rows;
    column->undo_items = column->items;
    column->undo_data = column->data.len;
    column->undo_nulls = column->nulls.len;
    column->undo_keys = column->keys.len;
}

MUST_CHECK static inline bool column_end(struct column *column)
{
    column->rows = column->undo_rows + 1;
    if (column->spec->type.shape == SHAPE_SCALAR) {
        return !column->data.failed;
    }
    if (column->spec->type.shape != SHAPE_NULLABLE) {
        buf_append_u64(&column->offsets, column->items);
    }
    return !column->data.failed && !column->offsets.failed && !column->nulls.failed && !column->keys.failed;
}

/* The row ended last stands for all up to `rows`; scalars and Nullable. False: memory ran short. */
MUST_CHECK bool column_repeat(struct column *column, uint32_t rows);

/* Forgets the row begun last, ended or not. */
void column_undo(struct column *column);

/* The bytes in `data` of the row begun last (scalars). */
static inline struct slice column_last(const struct column *column)
{
    return slice_make(column->data.data + column->undo_data, column->data.len - column->undo_data);
}

/* Cuts the chunk back to its first `rows` rows (a payload that failed as a whole); what failed since is forgiven. */
void chunk_truncate(struct chunk *chunk, uint32_t rows);

/* Does every column hold as many values as there are rows (of texts at least their lengths)? Of a sealed chunk. No event
 * can make it false, only a fault of the gateway: such rows would be acknowledged, and nobody could read them. */
bool chunk_is_whole(const struct chunk *chunk);

/* Pads every column; false if any buffer failed. After this the chunk is ready for native_encode. */
MUST_CHECK bool chunk_seal(struct chunk *chunk);
