/* Turns `upsert:` of a stream into its key and its column of versions, or into what stands against it. */
#include "event/stream_private.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/stream.h"

#include <stdlib.h>

struct field_options *upsert_own_version(const struct stream_options *options)
{
    struct field_options *field = calloc(1, sizeof *field);
    if (field != NULL) {
        *field = (struct field_options){
            .line = options->line,
            .file = options->file,
            .name = options->upsert.version,
            .type = "DateTime64(6)",
            .fill = FILL_RECEIVED_AT,
            .max_past_ns = -1,
            .max_future_ns = -1,
            .comment = "when the gateway took this state; the latest counts",
        };
    }
    return field;
}

static bool refuse(const struct stream *stream, struct buf *problems, const char *why)
{
    buf_printf(problems, "%d: %s: %s\n", stream->options->line, stream->name, why);
    return false;
}

static bool can_be_version(const struct column_spec *spec)
{
    const struct type *type = &spec->type;
    bool fine = type->kind == KIND_UINT64 || (type->kind == KIND_DATETIME64 && (type->scale == 6 || type->scale == 9));
    return fine && type->shape == SHAPE_SCALAR && spec->fill == FILL_RECEIVED_AT;
}

static bool find_version(struct stream *stream, struct buf *problems)
{
    const char *name = stream->options->upsert.version;
    for (size_t i = 0; i < stream->column_count; i++) {
        if (strcmp(stream->columns[i].name, name) == 0) {
            stream->version_column = (int)i;
        }
    }
    ASSERT_AT_MOST(0, stream->version_column); /* one was added if no field is it */
    return can_be_version(&stream->columns[stream->version_column]) ||
           refuse(stream, problems,
                  "upsert.version must be a field of type DateTime64(6), DateTime64(9) or UInt64 with fill: "
                  "received_at (or none: then a column is added), so that no two updates are equally old");
}

static bool require_key(struct stream *stream, struct buf *problems)
{
    for (size_t i = 0; i < stream->key_count; i++) {
        struct column_spec *spec = &stream->columns[stream->key_columns[i]];
        if (spec->has_default || spec->default_now) {
            buf_printf(problems, "%d: %s: is part of upsert.key and needs no default: an event must have it\n",
                       spec->options->line, spec->name);
            return false;
        }
        spec->required = spec->fill == FILL_NONE;
    }
    return true;
}

bool upsert_compile(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    if (options->dedup_key.count != 0 || options->order_by.count != 0) {
        return refuse(stream, problems,
                      "upsert takes no dedup_key and no order_by: a state is what its key and all its values are, and "
                      "the table is sorted by upsert.key");
    }
    if (stream->key_required != stream->key_count) {
        return refuse(stream, problems, "upsert.key has an optional field (\"?\"); an event must have its whole key");
    }
    if (stream->columns[stream->event_id_column].options->from.count != 0) {
        return refuse(
            stream, problems,
            "upsert takes no id of the client (`from` beside fill: event_id): the id tells the key, and which "
            "state of it");
    }
    bool fine = find_version(stream, problems);
    return require_key(stream, problems) && fine;
}
