/* Turns `from` beside `fill: event_id` into the places where an event's own id may stand. */
#include "event/column.h"
#include "event/path.h"
#include "event/stream.h"
#include "event/stream_private.h"

#include "config/options/stream_options.h"

#include <stdlib.h>

static const struct column_spec *id_spec(const struct stream *stream)
{
    return &stream->columns[stream->event_id_column];
}

/* The end of another field's path that is the same; NULL: there is none. */
static const struct path_node *same_path(const struct stream *stream, const struct path_node *root, struct slice path)
{
    bool plain = memmem(path.data, path.len, "[]", 2) == NULL && path.data[0] != '@';
    const struct path_node *node = plain ? path_find(root, path) : NULL;
    return node != NULL && node->column >= 0 && node->column != stream->event_id_column ? node : NULL;
}

static bool add_one(const struct stream *stream, struct slice path, int rank, struct path_node *root,
                    struct buf *problems)
{
    const struct path_node *other = path.len == 0 ? NULL : same_path(stream, root, path);
    if (other == NULL) {
        return stream_add_path(stream, id_spec(stream), path, rank, root, problems);
    }
    return other->rank == 0 ||
           stream_refuse(
               id_spec(stream)->options->line, id_spec(stream)->name, problems,
               "the path \"%.*s\" is the field %s's second choice or a later one, and not always looked at; put "
               "it first there",
               (int)path.len, path.data, stream->columns[other->column].name);
}

bool identity_add_paths(const struct stream *stream, struct path_node *root, struct buf *problems)
{
    const struct string_list *from = &id_spec(stream)->options->from;
    bool fine = true;
    for (size_t i = 0; i < from->count; i++) {
        fine = add_one(stream, slice_from_string(from->items[i]), (int)i, root, problems) && fine;
    }
    return fine;
}

static bool tenant_fits(const struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    const char *why =
        options->upsert.key.count != 0
            ? "tenant: key is for events that stay. Here rows are replaced by upsert.key: name a field with "
              "fill: key_name there"
        : id_spec(stream)->options->from.count != 0
            ? "tenant: key does not go with `from` of fill: event_id, as a client's own id names no tenant: "
              "give it a field of its own, and name that in dedup_key"
        : options->dedup_key.count == 0 ? "tenant: key needs a dedup_key: without one no event has the id of another"
                                        : NULL;
    return why == NULL || stream_refuse(options->line, options->name, problems, "%s", why);
}

bool identity_compile(struct stream *stream, struct buf *problems)
{
    const struct field_options *options = id_spec(stream)->options;
    if (stream->has_tenant && !tenant_fits(stream, problems)) {
        return false;
    }
    if (options->from.count == 0) {
        return true;
    }
    if (stream->options->upsert.key.count != 0) {
        return stream_refuse(options->line, options->name, problems,
                             "from: the id of an event that replaces a row is made of its key (upsert)");
    }
    stream->id_sources = calloc(options->from.count, sizeof *stream->id_sources);
    if (stream->id_sources == NULL) {
        return stream_refuse(options->line, options->name, problems, "out of memory");
    }
    for (size_t i = 0; i < options->from.count; i++) {
        const struct path_node *other = same_path(stream, stream->paths, slice_from_string(options->from.items[i]));
        stream->id_sources[stream->id_source_count++] =
            other != NULL ? (struct id_source){ (size_t)other->column, other->rank }
                          : (struct id_source){ (size_t)stream->event_id_column, (int)i };
    }
    return true;
}
