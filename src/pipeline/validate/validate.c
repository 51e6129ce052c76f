/* Turns one JSON object into one row of a chunk. */
#include "pipeline/validate/validate.h"

#include "pipeline/validate/client_clock.h"
#include "pipeline/validate/field_value.h"
#include "pipeline/validate/fill.h"
#include "pipeline/validate/identity.h"
#include "pipeline/validate/scan.h"

#include <stdio.h>
#include <stdlib.h>

/* What follows from the stream, made again when another stream's event comes. */
struct plan {
    const struct stream *stream;
    size_t words; /* of a bitmap of columns */
    size_t nodes; /* of a tree of paths: those with a number */
    uint64_t *required;
    size_t *fills; /* columns that are filled for a whole payload: not event_id */
    size_t fill_count;
    size_t *nows; /* times that default to "now" */
    size_t now_count;
};

struct validator {
    struct plan plan;
    size_t capacity;        /* columns that the arrays below have room for */
    size_t node_capacity;   /* the same for nodes */
    struct places places;   /* of the event */
    struct places elements; /* of one element of an array */
    uint64_t *written;      /* columns whose row was begun: to be undone on error */
    bool short_of_memory;   /* an append failed */
    struct identity identity;
    struct field_scratch scratch;
    struct fill_cache fills;
    struct time_changes changes;
};

struct validator *validator_new(void)
{
    struct validator *validator = calloc(1, sizeof *validator);
    if (validator != NULL) {
        identity_init(&validator->identity);
    }
    return validator;
}

static void free_arrays(struct validator *validator)
{
    free(validator->plan.required);
    free(validator->plan.fills);
    free(validator->plan.nows);
    free(validator->places.places);
    free(validator->places.bits);
    free(validator->elements.places);
    free(validator->elements.bits);
    free(validator->written);
    validator->plan = (struct plan){ 0 };
    validator->places = validator->elements = (struct places){ 0 };
    validator->written = NULL;
    validator->capacity = 0;
}

void validator_free(struct validator *validator)
{
    if (validator == NULL) {
        return;
    }
    free_arrays(validator);
    identity_release(&validator->identity);
    field_scratch_release(&validator->scratch);
    fill_cache_release(&validator->fills);
    free(validator);
}

/* `bits` and `passed` are one piece of memory, so that both are cleared at once. */
static bool make_places(struct places *places, size_t columns, size_t nodes)
{
    size_t words = columns / 64 + 1;
    places->places = calloc(columns + 1, sizeof *places->places);
    places->bits = calloc(1, words * sizeof *places->bits + nodes * sizeof *places->passed);
    if (places->places == NULL || places->bits == NULL) {
        return false;
    }
    places->passed = (json_at *)(void *)(places->bits + words);
    return true;
}

static bool make_room(struct validator *validator, size_t columns, size_t nodes)
{
    size_t words = columns / 64 + 1;
    if (columns <= validator->capacity && nodes <= validator->node_capacity && validator->capacity != 0) {
        return true;
    }
    free_arrays(validator);
    validator->plan.required = calloc(words, sizeof(uint64_t));
    validator->plan.fills = calloc(columns + 1, sizeof(size_t));
    validator->plan.nows = calloc(columns + 1, sizeof(size_t));
    validator->written = calloc(words, sizeof(uint64_t));
    bool whole = validator->plan.required != NULL && validator->plan.fills != NULL && validator->plan.nows != NULL &&
                 validator->written != NULL && make_places(&validator->places, columns, nodes) &&
                 make_places(&validator->elements, columns, nodes);
    if (!whole) {
        free_arrays(validator);
        return false;
    }
    validator->capacity = columns;
    validator->node_capacity = nodes;
    return true;
}

static bool make_plan(struct validator *validator, const struct stream *stream)
{
    struct plan *plan = &validator->plan;
    if (plan->stream == stream) {
        return true;
    }
    size_t nodes = stream->named_sent_paths->number_count; /* no fewer than the other trees' */
    if (!make_room(validator, stream->column_count, nodes)) {
        return false;
    }
    plan->stream = NULL;
    plan->nodes = nodes;
    plan->words = stream->column_count / 64 + 1;
    plan->fill_count = plan->now_count = 0;
    memset(plan->required, 0, plan->words * sizeof(uint64_t));
    for (size_t i = 0; i < stream->column_count; i++) {
        const struct column_spec *spec = &stream->columns[i];
        if (spec->required) {
            plan->required[i / 64] |= UINT64_C(1) << (i % 64);
        }
        if (spec->fill != FILL_NONE && spec->fill != FILL_EVENT_ID) {
            plan->fills[plan->fill_count++] = i;
        }
        if (spec->default_now) {
            plan->nows[plan->now_count++] = i;
        }
    }
    if (!identity_begin(&validator->identity, stream)) {
        return false;
    }
    plan->stream = stream;
    field_scratch_begin(&validator->scratch, stream->options);
    return true;
}

/* Describes an error: the field as the client knows it, and the message that begins with it. */
static enum error RARE describe(struct event_error *error, enum error code, struct slice field, const char *message)
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

/* The same of a column, by the path of that rank. */
static enum error RARE describe_column(struct event_error *error, enum error code, const struct stream *stream,
                                       size_t column, int rank, const char *message)
{
    (void)describe(error, code, path_of(&stream->columns[column], rank), message);
    error->column = column;
    return code;
}

/* The tree that the event is read by. */
static const struct path_node *paths_of(const struct stream *stream, const struct event_context *context)
{
    if (context->is_payload) {
        return context->named_stream ? stream->named_sent_paths : stream->sent_paths;
    }
    return context->named_stream ? stream->named_paths : stream->paths;
}

/* The event has a member "sent_at". False: it is no time, and a member like any other. */
static bool RARE take_sent_at(struct validator *validator, const struct json_document *document)
{
    size_t behind = validator->plan.stream->column_count;
    int64_t received_ns = validator->scratch.context.received_wall_ns;
    struct client_clock clock = client_clock_read(document, validator->places.places[behind].at, received_ns);
    places_forget(&validator->places, behind);
    validator->scratch.context.clock = clock;
    return clock.until_ns != 0;
}

static void clear(const struct plan *plan, struct places *places)
{
    memset(places->bits, 0, (size_t)((char *)(places->passed + plan->nodes) - (char *)places->bits));
}

static enum error find_values(struct validator *validator, const struct json_document *document, json_at at,
                              const struct path_node *paths, bool *found_unknown, struct event_error *error)
{
    const struct stream *stream = validator->plan.stream;
    struct scan scan = { .document = document,
                         .places = validator->places,
                         .reject_unknown = stream->options->unknown_fields == UNKNOWN_REJECT };
    clear(&validator->plan, &validator->places);
    if (json_type(document, at) != '{') {
        return describe(error, ERROR_NOT_AN_OBJECT, SLICE(""), "an event must be a JSON object");
    }
    if (!scan_event(&scan, paths, at)) {
        char message[64];
        snprintf(message, sizeof message, "must be %s", scan.expected);
        return scan.expected == NULL
                   ? describe(error, ERROR_UNKNOWN_FIELD, scan.culprit, "the stream has no such field")
                   : describe(error, ERROR_WRONG_TYPE, scan.culprit, message);
    }
    *found_unknown = scan.found_unknown;
    for (size_t word = 0; word < validator->plan.words; word++) {
        uint64_t missing = validator->plan.required[word] & ~validator->places.bits[word];
        if (missing != 0) {
            size_t column = word * 64 + (size_t)__builtin_ctzll(missing);
            return describe_column(error, ERROR_MISSING_FIELD, stream, column, 0, "is required and missing");
        }
    }
    return OK;
}

/* *paths: the tree that found them, and knows what is unknown. */
static enum error find_all(struct validator *validator, const struct json_document *document, json_at at,
                           const struct event_context *context, const struct path_node **paths, bool *found_unknown,
                           struct event_error *error)
{
    const struct stream *stream = validator->plan.stream;
    *paths = paths_of(stream, context);
    for (;;) {
        enum error code = find_values(validator, document, at, *paths, found_unknown, error);
        if (code != OK || !places_has(&validator->places, stream->column_count) || take_sent_at(validator, document)) {
            return code;
        }
        *paths = context->named_stream ? stream->named_paths : stream->paths;
    }
}

static struct column *begin(struct validator *validator, struct chunk *chunk, size_t index)
{
    validator->written[index / 64] |= UINT64_C(1) << (index % 64);
    column_begin(&chunk->columns[index], chunk->rows);
    return &chunk->columns[index];
}

static void end(struct validator *validator, struct column *column)
{
    validator->short_of_memory = !column_end(column) || validator->short_of_memory;
}

static bool is_written(const struct validator *validator, size_t index)
{
    return (validator->written[index / 64] >> (index % 64) & 1) != 0;
}

static bool comes_from(const struct validator *validator, size_t column, const struct place *array)
{
    return places_has(&validator->places, column) && validator->places.places[column].at == array->at &&
           validator->places.places[column].array == array->array;
}

/* One value per column from one element of an array; *culprit becomes the column at fault if it is not the element. */
static enum error append_element(struct validator *validator, const struct json_document *document,
                                 const struct place *array, json_at element, struct chunk *chunk, size_t *culprit)
{
    const struct path_node *node = array->array;
    struct scan scan = { .document = document,
                         .places = validator->elements,
                         .reject_unknown = validator->plan.stream->options->unknown_fields == UNKNOWN_REJECT };
    char *message = validator->scratch.context.message;
    size_t size = sizeof validator->scratch.context.message;
    clear(&validator->plan, &validator->elements);
    if (!scan_element(&scan, node->array, element)) {
        char key[64];
        value_quote(scan.culprit, 48, key, sizeof key);
        if (scan.expected == NULL) {
            snprintf(message, size, "an item has the key \"%s\", which the stream does not have", key);
        } else if (scan.culprit.len == 0) {
            snprintf(message, size, "an item is not an object");
        } else {
            snprintf(message, size, "\"%s\" in an item is not an object", key);
        }
        return scan.expected == NULL ? ERROR_UNKNOWN_FIELD : ERROR_WRONG_TYPE;
    }
    for (size_t i = 0; i < node->array_column_count; i++) {
        size_t index = (size_t)node->array_columns[i];
        if (!comes_from(validator, index, array)) {
            continue;
        }
        struct column *column = &chunk->columns[index];
        json_at at = places_has(&validator->elements, index) ? validator->elements.places[index].at : 0;
        *culprit = index;
        if (column->items - column->undo_items == column->spec->max_items) {
            snprintf(message, size, "has more items than the %llu allowed",
                     (unsigned long long)column->spec->max_items);
            return ERROR_TOO_LONG;
        }
        enum error error = field_append_item(document, at, column, &validator->scratch);
        if (error != OK) {
            return error;
        }
    }
    return OK;
}

/* All columns that take one value per element of the same array, so that they stay parallel. */
static enum error append_parallel(struct validator *validator, const struct json_document *document, size_t first,
                                  struct chunk *chunk, struct event_error *error)
{
    const struct place array = validator->places.places[first];
    for (size_t i = 0; i < array.array->array_column_count; i++) {
        if (comes_from(validator, (size_t)array.array->array_columns[i], &array)) {
            (void)begin(validator, chunk, (size_t)array.array->array_columns[i]);
        }
    }
    for (json_at m = json_first(array.at); !json_at_end(document, m); m = json_skip(document, m)) {
        size_t culprit = first;
        enum error code = append_element(validator, document, &array, m, chunk, &culprit);
        if (code != OK) {
            return describe_column(error, code, chunk->stream, culprit, validator->places.places[culprit].rank,
                                   validator->scratch.context.message);
        }
    }
    for (size_t i = 0; i < array.array->array_column_count; i++) {
        if (comes_from(validator, (size_t)array.array->array_columns[i], &array)) {
            end(validator, &chunk->columns[array.array->array_columns[i]]);
        }
    }
    return OK;
}

static enum error append_one(struct validator *validator, const struct json_document *document, size_t index,
                             struct chunk *chunk, struct event_error *error)
{
    const struct place *place = &validator->places.places[index];
    if (place->array != NULL) {
        return is_written(validator, index) ? OK : append_parallel(validator, document, index, chunk, error);
    }
    struct column *column = begin(validator, chunk, index);
    enum error code = field_append(document, place->at, column, &validator->scratch);
    if (code != OK) {
        return describe_column(error, code, chunk->stream, index, place->rank, validator->scratch.context.message);
    }
    end(validator, column);
    return OK;
}

/* The moment of the stream's time column widens the chunk's span: verification counts rows within it. */
static int64_t event_time(const struct validator *validator, size_t index, int64_t appended_ns, int64_t received_ns)
{
    const struct column_spec *spec = &validator->plan.stream->columns[index];
    if (places_has(&validator->places, index)) {
        return appended_ns;
    }
    bool receipt = spec->default_now || spec->fill == FILL_RECEIVED_AT;
    return receipt ? value_nearest_time(&spec->type, received_ns) : spec->default_time_ns;
}

static enum error append_found(struct validator *validator, const struct json_document *document, struct chunk *chunk,
                               int64_t *time_ns, struct event_error *error)
{
    for (size_t word = 0; word < validator->plan.words; word++) {
        for (uint64_t bits = validator->places.bits[word]; bits != 0; bits &= bits - 1) {
            size_t index = word * 64 + (size_t)__builtin_ctzll(bits);
            enum error code = append_one(validator, document, index, chunk, error);
            if (code != OK) {
                return code;
            }
            if ((int)index == chunk->stream->time_column) {
                *time_ns = validator->scratch.context.time_ns;
            }
        }
    }
    return OK;
}

static void append_nows(struct validator *validator, const struct event_context *context, struct chunk *chunk)
{
    const struct plan *plan = &validator->plan;
    for (size_t i = 0; i < plan->now_count; i++) {
        if (!places_has(&validator->places, plan->nows[i])) {
            struct column *column = begin(validator, chunk, plan->nows[i]);
            fill_append(column, context, &validator->fills);
            end(validator, column);
        }
    }
}

static void append_id(struct validator *validator, struct chunk *chunk, int64_t wall_ns)
{
    uint8_t wire[16];
    chunk->ids[chunk->rows] = identity_of(&validator->identity, &validator->places, chunk, wall_ns);
    if (chunk->stream->event_id_column >= 0) {
        struct column *column = begin(validator, chunk, (size_t)chunk->stream->event_id_column);
        event_id_to_wire(&chunk->ids[chunk->rows], wire);
        buf_append(&column->data, wire, sizeof wire);
        end(validator, column);
    }
}

/* Behind append_id: the identity is that of the time that was sent. */
static void RARE change_time(struct validator *validator, struct chunk *chunk, int64_t time_ns)
{
    struct column *column = &chunk->columns[chunk->stream->time_column];
    column->data.len = column->undo_data;
    value_append_time(&column->spec->type, time_ns, &column->data); /* of the same width: there is room */
    validator->changes.moved += validator->scratch.context.time_fate == TIME_MOVED;
    validator->changes.clamped += validator->scratch.context.time_fate == TIME_CLAMPED;
}

struct time_changes validate_take_changes(struct validator *validator)
{
    struct time_changes changes = validator->changes;
    validator->changes = (struct time_changes){ 0 };
    return changes;
}

static bool undo(struct validator *validator, struct chunk *chunk)
{
    for (size_t word = 0; word < validator->plan.words; word++) {
        for (uint64_t bits = validator->written[word]; bits != 0; bits &= bits - 1) {
            column_undo(&chunk->columns[word * 64 + (size_t)__builtin_ctzll(bits)]);
        }
    }
    validator->identity.key.failed = false;
    return false;
}

static enum error append_unknown(struct validator *validator, const struct json_document *document, json_at at,
                                 const struct path_node *paths, struct chunk *chunk, struct event_error *error)
{
    struct column *column = begin(validator, chunk, (size_t)chunk->stream->collect_column);
    enum error code = field_append_unknown(document, at, paths, column, &validator->scratch);
    if (code != OK) {
        (void)describe(error, code, slice_from_string(column->spec->name), validator->scratch.context.message);
        error->column = (size_t)chunk->stream->collect_column;
        return code;
    }
    end(validator, column);
    return OK;
}

static void note_time(const struct validator *validator, struct chunk *chunk, int64_t time_ns, int64_t received_ns)
{
    if (chunk->stream->time_column < 0) {
        return;
    }
    int64_t ns = event_time(validator, (size_t)chunk->stream->time_column, time_ns, received_ns);
    chunk->min_time_ns = ns < chunk->min_time_ns ? ns : chunk->min_time_ns;
    chunk->max_time_ns = ns > chunk->max_time_ns ? ns : chunk->max_time_ns;
}

bool validate_event(struct validator *validator, const struct json_document *document, json_at at,
                    const struct event_context *context, struct chunk *chunk, struct event_error *error)
{
    bool found_unknown = false;
    int64_t time_ns = 0;
    const struct path_node *paths;
    if (!make_plan(validator, chunk->stream) || !chunk_reserve_row(chunk)) {
        (void)describe(error, ERROR_OUT_OF_MEMORY, SLICE(""), error_info(ERROR_OUT_OF_MEMORY)->text);
        return false;
    }
    validator->scratch.context.received_wall_ns = context->received_wall_ns;
    validator->scratch.context.clock = context->clock;
    validator->scratch.context.time_fate = TIME_AS_SENT;
    validator->short_of_memory = false;
    memset(validator->written, 0, validator->plan.words * sizeof(uint64_t));
    if (find_all(validator, document, at, context, &paths, &found_unknown, error) != OK) {
        return false;
    }
    if (append_found(validator, document, chunk, &time_ns, error) != OK) {
        return undo(validator, chunk);
    }
    if (found_unknown && chunk->stream->collect_column >= 0 &&
        append_unknown(validator, document, at, paths, chunk, error) != OK) {
        return undo(validator, chunk);
    }
    append_nows(validator, context, chunk);
    append_id(validator, chunk, context->received_wall_ns);
    if (validator->short_of_memory || validator->identity.key.failed) {
        (void)describe(error, ERROR_OUT_OF_MEMORY, SLICE(""), error_info(ERROR_OUT_OF_MEMORY)->text);
        return undo(validator, chunk);
    }
    if (validator->scratch.context.time_fate != TIME_AS_SENT) {
        change_time(validator, chunk, time_ns);
    }
    note_time(validator, chunk, time_ns, context->received_wall_ns);
    chunk->rows++;
    return true;
}

bool validate_finish(struct validator *validator, const struct event_context *context, struct chunk *chunk)
{
    bool whole = make_plan(validator, chunk->stream);
    for (size_t i = 0; whole && i < validator->plan.fill_count; i++) {
        struct column *column = &chunk->columns[validator->plan.fills[i]];
        if (column->rows < chunk->rows) {
            column_begin(column, column->rows);
            fill_append(column, context, &validator->fills);
            whole = column_end(column) && column_repeat(column, chunk->rows);
        }
    }
    return whole;
}
