/* Turns the reason why an event is refused into what its client is told. */
#include "pipeline/validate/validate_private.h"

#include "config/options/stream_options.h"
#include "event/stream.h"

#include <stdio.h>

enum error event_error(struct event_error *error, enum error code, struct slice field, const char *message)
{
    char text[sizeof error->field + sizeof error->message + 8];
    error->code = code;
    error->column = SIZE_MAX;
    value_quote(field, sizeof error->field - 8, error->field, sizeof error->field);
    int len = snprintf(text, sizeof text, "%s%s%s", error->field, error->field[0] != '\0' ? ": " : "", message);
    size_t written = len < (int)sizeof text ? (size_t)len : sizeof text - 1;
    value_quote(slice_make(text, written), sizeof error->message - 8, error->message, sizeof error->message);
    return code;
}

/* The path by which a client names a column. */
static struct slice path_of(const struct column_spec *spec, int rank)
{
    const struct string_list *from = &spec->options->from;
    return slice_from_string(from->count == 0 ? spec->name : from->items[(size_t)rank < from->count ? rank : 0]);
}

enum error event_error_of_column(struct event_error *error, enum error code, const struct stream *stream, size_t column,
                                 int rank, const char *message)
{
    (void)event_error(error, code, path_of(&stream->columns[column], rank), message);
    error->column = column;
    return code;
}

enum error event_error_of_memory(struct event_error *error)
{
    return event_error(error, ERROR_OUT_OF_MEMORY, SLICE(""), error_info(ERROR_OUT_OF_MEMORY)->text);
}
