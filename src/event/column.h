/* A column: what a field of a stream is (struct column_spec), and its values in a chunk (struct column). */
#pragma once

#include "config/options/field_rules.h"
#include "event/type.h"

struct field_options;

/* Compiled from the options of its field by stream_compile; read by every thread. */
struct column_spec {
    const char *name;
    struct type type;
    const struct field_options *options;
    enum fill fill;
    bool required;
    bool has_default;        /* default_wire is what an absent value becomes; else the type's own default */
    bool default_now;        /* a time that defaults to the time of receipt */
    int64_t default_time_ns; /* wall: a time's default, if it is not "now" */
    struct buf default_wire; /* one scalar in wire encoding */
    bool as_json;            /* what is stored is the JSON of a value: a JSON column, or a String with `json` */
    enum json_text json;     /* of a String */
    bool rules_text;       /* there is something for append_ruled of value.c: each of its rules sets this in field.c */
    unsigned text_changes; /* text_change.h */
    bool not_blank;
    bool lenient;         /* what does not fit becomes the default, unless it is required */
    struct slice *one_of; /* texts allowed, borrowed: options, or the names of an Enum */
    size_t one_of_count;
    uint64_t min_length;   /* bytes of a string */
    uint64_t max_length;   /* bytes of a string; UINT64_MAX: no bound */
    uint64_t max_items;    /* of an array or map; UINT64_MAX: no bound */
    bool has_min, has_max; /* of floats and decimals */
    double min, max;
    int64_t min_integer, max_integer;    /* of integers but UInt64, the type's own range included */
    uint64_t min_unsigned, max_unsigned; /* of UInt64 */
    int64_t max_past_ns, max_future_ns;  /* -1: no bound */
    bool rules_time;                     /* the next three say something */
    enum time_unit unit;
    struct time_bound {
        bool given;
        bool now;
        int64_t wall_ns;
    } earliest, latest;
    bool is_event_time; /* the stream's time_column: sent_at moves it */
    bool clamps_late;   /* late_clock: clamp, and it is the event's time */
    int key_position;   /* in key_columns, -1: not part of it */
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
