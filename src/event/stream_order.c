/* Turns the keys of a stream into the order of its table, and finds the time that its events are of. */
#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"
#include "event/stream_private.h"

#include <stdlib.h>

static bool is_time(const struct column_spec *spec)
{
    return spec->type.shape == SHAPE_SCALAR && kind_is_time(spec->type.kind);
}

void order_find_time(struct stream *stream)
{
    for (size_t i = 0; i < stream->key_required && stream->time_column < 0; i++) {
        stream->time_column = is_time(&stream->columns[stream->key_columns[i]]) ? (int)stream->key_columns[i] : -1;
    }
    for (size_t i = 0; i < stream->column_count && stream->time_column < 0; i++) {
        stream->time_column = is_time(&stream->columns[i]) && (int)i != stream->version_column ? (int)i : -1;
    }
    if (stream->time_column >= 0) {
        struct column_spec *spec = &stream->columns[stream->time_column];
        spec->is_event_time = true;
        spec->clamps_late = stream->options->late_clock == LATE_CLOCK_CLAMP;
    }
}

/* The next column of ORDER BY; the first time among them gives the partition. */
static void order_next(struct stream *stream, size_t column)
{
    ASSERT_BELOW(column, stream->column_count);
    stream->order_columns[stream->order_count++] = column;
    if (stream->partition_column < 0 && is_time(&stream->columns[column])) {
        stream->partition_column = (int)column;
    }
}

/* Does the column have the same value whenever the same event comes? */
static bool comes_with_event(const struct stream *stream, size_t column)
{
    const struct column_spec *spec = &stream->columns[column];
    return (int)column == stream->event_id_column || (spec->fill == FILL_NONE && !spec->default_now);
}

/* The column that order_by names at `i`; -1 if it cannot stand there: what follows from the dedup key alone must decide
 * a row's place, or the table would not collapse duplicates. */
static int order_column(const struct stream *stream, size_t i, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    const char *name = options->order_by.items[i];
    int column = stream_find_column(stream, slice_from_string(name));
    const struct column_spec *spec = column < 0 ? NULL : &stream->columns[column];
    const char *why = spec == NULL ? "which is not a field"
                      : spec->type.shape != SHAPE_SCALAR || spec->type.kind == KIND_JSON
                          ? "which is not a scalar; Nullable, Array, Map and JSON cannot be part of a key"
                      : stream->key_count != 0 && spec->key_position < 0 && column != stream->event_id_column
                          ? "which is not part of the dedup_key: the table could not collapse duplicates"
                      : stream->id_source_count != 0 && !comes_with_event(stream, (size_t)column)
                          ? "which the event does not say, but the time of receipt or the gateway: the table could not "
                            "collapse events whose clients give them ids"
                      : spec->key_position >= (int)stream->key_required && spec->default_now
                          ? "an optional field whose default is the time of receipt: the table could not collapse "
                            "duplicates"
                          : NULL;
    if (why == NULL) {
        return column;
    }
    (void)stream_refuse(options->line, options->name, problems, "order_by names \"%s\", %s", name, why);
    return -1;
}

bool order_compile(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    stream->order_columns = calloc(options->order_by.count + stream->key_count + 2, sizeof *stream->order_columns);
    if (stream->order_columns == NULL) {
        return stream_refuse(options->line, options->name, problems, "out of memory");
    }
    bool fine = true;
    for (size_t i = 0; i < options->order_by.count; i++) {
        int column = order_column(stream, i, problems);
        fine = fine && column >= 0;
        if (column >= 0 && column != stream->event_id_column) {
            order_next(stream, (size_t)column);
        }
    }
    for (size_t i = 0; i < stream->key_required && options->order_by.count == 0; i++) {
        order_next(stream, stream->key_columns[i]);
    }
    bool by_time = options->order_by.count == 0 && stream->key_count == 0 && stream->time_column >= 0;
    if (by_time && (stream->id_source_count == 0 || comes_with_event(stream, (size_t)stream->time_column))) {
        order_next(stream, (size_t)stream->time_column);
    }
    if (options->upsert.key.count == 0) {
        order_next(stream, (size_t)stream->event_id_column);
    }
    ASSERT_AT_MOST(stream->order_count, options->order_by.count + stream->key_count + 2);
    stream->partition_by = options->partition_by;
    return fine;
}
