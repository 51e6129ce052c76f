/* Turns the options of a stream into the schema that checks and stores its events. */
#include "event/stream.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/field.h"
#include "event/path.h"
#include "event/stream_private.h"
#include "event/value.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_SHOWN 20
#define OWN_COLUMNS 2 /* event_id, and the version of updates */

static const struct slice stream_member = { "stream", 6 };
static const struct slice sent_at_member = { "sent_at", 7 };

static const struct field_options own_event_id = {
    .name = "event_id",
    .type = "UUID",
    .fill = FILL_EVENT_ID,
    .max_past_ns = -1,
    .max_future_ns = -1,
    .comment = "identity of the event",
};

bool stream_refuse(int line, const char *name, struct buf *problems, const char *why, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, why);
    vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    buf_printf(problems, "%d: %s: %s\n", line, name, text);
    return false;
}

/* The column of this name, or -1. */
int stream_find_column(const struct stream *stream, struct slice name)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        if (slice_equal(slice_from_string(stream->columns[i].name), name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool add_column(struct stream *stream, const struct field_options *field, struct buf *problems)
{
    if (stream_find_column(stream, slice_from_string(field->name)) >= 0) {
        return stream_refuse(field->line, field->name, problems, "is declared twice; every field is one column");
    }
    struct column_spec *spec = &stream->columns[stream->column_count++];
    ASSERT_AT_MOST(stream->column_count, stream->options->field_count + OWN_COLUMNS);
    bool fine = field_compile(spec, field, problems);
    spec->lenient = (field->lenient || stream->options->lenient) && field->fill == FILL_NONE;
    if (field->fill != FILL_EVENT_ID) {
        return fine;
    }
    if (stream->event_id_column >= 0) {
        return stream_refuse(field->line, field->name, problems,
                             "is the second field with fill: event_id; one is allowed");
    }
    stream->event_id_column = (int)stream->column_count - 1;
    return fine;
}

static bool is_upsert(const struct stream *stream)
{
    return stream->options->upsert.key.count != 0;
}

static bool add_own_version(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    if (!is_upsert(stream) || stream_find_column(stream, slice_from_string(options->upsert.version)) >= 0) {
        return true;
    }
    stream->own_version = upsert_own_version(options);
    return stream->own_version == NULL ? stream_refuse(options->line, options->name, problems, "out of memory")
                                       : add_column(stream, stream->own_version, problems);
}

static bool compile_columns(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    bool fine = true;
    stream->columns = calloc(options->field_count + OWN_COLUMNS, sizeof *stream->columns);
    if (stream->columns == NULL) {
        return stream_refuse(options->line, options->name, problems, "out of memory");
    }
    for (size_t i = 0; i < options->field_count; i++) {
        fine = add_column(stream, &options->fields[i], problems) && fine;
    }
    fine = fine && add_own_version(stream, problems);
    if (stream->event_id_column >= 0 || !fine) {
        return fine;
    }
    if (stream_find_column(stream, slice_from_string(own_event_id.name)) >= 0) {
        return stream_refuse(options->line, options->name, problems,
                             "the field event_id must have fill: event_id, or another field must");
    }
    return add_column(stream, &own_event_id, problems);
}

static bool compile_collect(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    if (options->unknown_fields != UNKNOWN_COLLECT) {
        return options->collect_into == NULL ||
               stream_refuse(options->line, options->name, problems, "collect_into needs unknown_fields: collect");
    }
    int column =
        options->collect_into == NULL ? -1 : stream_find_column(stream, slice_from_string(options->collect_into));
    if (column < 0) {
        return stream_refuse(options->line, options->name, problems,
                             "unknown_fields: collect needs collect_into, the name of a field of type JSON or String");
    }
    const struct column_spec *spec = &stream->columns[column];
    bool fits = spec->type.shape == SHAPE_SCALAR && (spec->type.kind == KIND_JSON || spec->type.kind == KIND_STRING);
    if (!fits || spec->fill != FILL_NONE || spec->required || spec->options->from.count != 0 || spec->has_default) {
        return stream_refuse(
            spec->options->line, spec->name, problems,
            "collects unknown fields: it must be of type JSON or String, without from, required, default, fill");
    }
    stream->collect_column = column;
    return true;
}

bool stream_add_path(const struct stream *stream, const struct column_spec *spec, struct slice path, int rank,
                     struct path_node *root, struct buf *problems)
{
    struct buf why = { 0 };
    bool fine = true;
    if (memmem(path.data, path.len, "[]", 2) != NULL && spec->type.shape != SHAPE_ARRAY) {
        fine = stream_refuse(spec->options->line, spec->name, problems,
                             "the path \"%.*s\" yields one value per element and needs an Array type, not %s",
                             (int)path.len, path.data, spec->type.name);
    } else if (!path_add(root, path, (int)(spec - stream->columns), rank, &why)) {
        const char *reason = buf_c_string(&why);
        fine =
            stream_refuse(spec->options->line, spec->name, problems, "%s", reason == NULL ? "out of memory" : reason);
    }
    buf_release(&why);
    return fine;
}

static bool add_paths(const struct stream *stream, struct path_node *root, struct buf *problems)
{
    bool fine = true;
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *spec = &stream->columns[i];
        const struct string_list *from = &spec->options->from;
        if (spec->fill != FILL_NONE || (int)i == stream->collect_column) {
            continue;
        }
        for (size_t j = 0; j < from->count; j++) {
            fine = stream_add_path(stream, spec, slice_from_string(from->items[j]), (int)j, root, problems) && fine;
        }
        if (from->count == 0) {
            fine = stream_add_path(stream, spec, slice_from_string(spec->name), 0, root, problems) && fine;
        }
    }
    return fine && identity_add_paths(stream, root, problems);
}

/* "sent_at" leads to the place behind the last column, unless a field is read from there, or from within it. */
static bool add_sent_at(const struct stream *stream, struct path_node *root)
{
    struct buf problem = { 0 };
    bool fine = path_child(root, sent_at_member.data, sent_at_member.len) != NULL ||
                path_add(root, sent_at_member, (int)stream->column_count, 0, &problem);
    buf_release(&problem);
    return fine;
}

/* NULL: one of the paths is at fault, or memory is short. */
static struct path_node *make_paths(const struct stream *stream, bool named, bool sent, struct buf *problems)
{
    struct path_node *root = path_new();
    bool room = root != NULL;
    bool fine = room && add_paths(stream, root, problems);
    room = room && (!named || path_ignore(root, stream_member)) && (!sent || add_sent_at(stream, root));
    if (!room) {
        fine = stream_refuse(stream->options->line, stream->name, problems, "out of memory");
    }
    if (!fine) {
        path_free(root);
        return NULL;
    }
    return root;
}

static bool compile_paths(struct stream *stream, struct buf *problems)
{
    stream->paths = make_paths(stream, false, false, problems);
    if (stream->paths == NULL) {
        return false;
    }
    stream->reads_request = path_reads_request(stream->paths);
    stream->reads_envelope = path_source_node(stream->paths, PATH_OF_ENVELOPE) != NULL;
    stream->named_paths = make_paths(stream, true, false, problems);
    stream->sent_paths = make_paths(stream, false, true, problems);
    stream->named_sent_paths = make_paths(stream, true, true, problems);
    return stream->named_paths != NULL && stream->sent_paths != NULL && stream->named_sent_paths != NULL;
}

/* "x?": counts if the event has it. Cuts the mark off. */
static bool cut_optional(struct slice *name)
{
    bool optional = name->len != 0 && name->data[name->len - 1] == '?';
    name->len -= optional;
    return optional;
}

static const struct string_list *key_names(const struct stream *stream)
{
    return is_upsert(stream) ? &stream->options->upsert.key : &stream->options->dedup_key;
}

static const char *key_option(const struct stream *stream)
{
    return is_upsert(stream) ? "upsert.key" : "dedup_key";
}

/* The column that one name of the key means; -1 if it cannot be part of a key. */
static int key_column(const struct stream *stream, struct slice name, struct buf *problems)
{
    int column = stream_find_column(stream, name);
    const struct column_spec *spec = column < 0 ? NULL : &stream->columns[column];
    const char *why = spec == NULL              ? "which is not a field"
                      : spec->key_position >= 0 ? "twice"
                      : spec->fill != FILL_NONE && spec->fill != FILL_KEY_NAME
                          ? "which the gateway fills: it says nothing of the event"
                      : column == stream->collect_column ? "which collects unknown fields"
                      : spec->type.shape != SHAPE_SCALAR || spec->type.kind == KIND_JSON
                          ? "which is not a scalar; Nullable, Array, Map and JSON cannot be part of a key"
                          : NULL;
    if (why == NULL) {
        return column;
    }
    (void)stream_refuse(stream->options->line, stream->name, problems, "%s names \"%.*s\", %s", key_option(stream),
                        (int)name.len, name.data, why);
    return -1;
}

static bool add_key_columns(struct stream *stream, bool optional, struct buf *problems)
{
    const struct string_list *names = key_names(stream);
    bool fine = true;
    for (size_t i = 0; i < names->count; i++) {
        struct slice name = slice_from_string(names->items[i]);
        if (cut_optional(&name) != optional) {
            continue;
        }
        int column = key_column(stream, name, problems);
        if (column >= 0 && optional && stream->columns[column].fill == FILL_KEY_NAME) {
            column = -1;
            (void)stream_refuse(stream->options->line, stream->name, problems,
                                "%s names \"%.*s?\", which the gateway always fills; write it without the \"?\"",
                                key_option(stream), (int)name.len, name.data);
        }
        if (column < 0) {
            fine = false;
            continue;
        }
        stream->columns[column].key_position = (int)stream->key_count;
        stream->key_columns[stream->key_count++] = (size_t)column;
        ASSERT_AT_MOST(stream->key_count, names->count);
    }
    return fine;
}

static bool has_field_of_event(const struct stream *stream)
{
    bool has = stream->key_count == 0;
    for (size_t i = 0; i < stream->key_count; i++) {
        has = has || stream->columns[stream->key_columns[i]].fill == FILL_NONE;
    }
    return has;
}

static bool compile_key(struct stream *stream, struct buf *problems)
{
    const struct stream_options *options = stream->options;
    stream->key_columns = calloc(key_names(stream)->count + 1, sizeof *stream->key_columns);
    if (stream->key_columns == NULL) {
        return stream_refuse(options->line, options->name, problems, "out of memory");
    }
    bool fine = add_key_columns(stream, false, problems);
    stream->key_required = stream->key_count;
    fine = add_key_columns(stream, true, problems) && fine;
    if (fine && stream->key_count != 0 && stream->key_required == 0) {
        return stream_refuse(options->line, options->name, problems,
                             "all fields of %s are optional (\"?\"): an event without them would be equal to every "
                             "other; name one that an event must have, without the \"?\"",
                             key_option(stream));
    }
    if (fine && !has_field_of_event(stream)) {
        return stream_refuse(options->line, options->name, problems,
                             "%s names no field of the event itself: all events of one key would be equal",
                             key_option(stream));
    }
    return fine;
}

struct stream *stream_compile(const struct stream_options *options, size_t index, struct buf *problems)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        (void)stream_refuse(options->line, options->name, problems, "out of memory");
        return NULL;
    }
    *stream = (struct stream){
        .name = options->name,
        .table = options->table != NULL ? options->table : options->name,
        .index = index,
        .options = options,
        .has_tenant = options->tenant == TENANT_KEY,
        .event_id_column = -1,
        .time_column = -1,
        .collect_column = -1,
        .partition_column = -1,
        .version_column = -1,
    };
    bool fine = compile_columns(stream, problems);
    if (fine) {
        fine = compile_collect(stream, problems);
        fine = compile_paths(stream, problems) && identity_compile(stream, problems) && fine;
        fine = compile_key(stream, problems) && (!is_upsert(stream) || upsert_compile(stream, problems)) && fine;
        order_find_time(stream);
        fine = order_compile(stream, problems) && fine;
    }
    if (!fine) {
        stream_free(stream);
        return NULL;
    }
    return stream;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL) {
        return;
    }
    for (size_t i = 0; i < stream->column_count; i++) {
        field_release(&stream->columns[i]);
    }
    free(stream->columns);
    free(stream->key_columns);
    free(stream->id_sources);
    path_free(stream->paths);
    path_free(stream->named_paths);
    path_free(stream->sent_paths);
    path_free(stream->named_sent_paths);
    free(stream->order_columns);
    free(stream->own_version);
    free(stream);
}

void stream_describe_unknown(struct stream *const *streams, size_t count, struct slice name, struct buf *out)
{
    size_t shown = count < NAMES_SHOWN ? count : NAMES_SHOWN;
    char quoted[80];
    value_quote(name, 64, quoted, sizeof quoted);
    buf_printf(out, "there is no stream \"%s\"; there %s: ", quoted, count == 1 ? "is" : "are");
    for (size_t i = 0; i < shown; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", streams[i]->name);
    }
    if (shown < count) {
        buf_printf(out, ", and %zu more", count - shown);
    }
}
