/* Turns one JSON object into one row of a chunk. */
#include "pipeline/validate/validate_private.h"

#include "base/assert.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/validate/client_clock.h"
#include "pipeline/validate/client_id.h"
#include "pipeline/validate/identity.h"
#include "pipeline/validate/validate_plan.h"

#include <stdio.h>
#include <stdlib.h>

/* `bits` and `passed` are one piece of memory, so that both are cleared at once. */
static bool make_places(struct places *places, const struct validate_plans *plans)
{
    places->places = calloc(plans->most.columns + 1, sizeof *places->places);
    places->bits = calloc(1, plans->most.words * sizeof *places->bits + plans->most.nodes * sizeof *places->passed);
    return places->places != NULL && places->bits != NULL;
}

static void release_places(struct places *places)
{
    free(places->places);
    free(places->bits);
}

struct validator *validator_new(const struct validate_plans *plans)
{
    struct validator *validator = calloc(1, sizeof *validator);
    if (validator == NULL) {
        return NULL;
    }
    static const struct validate_plan of_no_stream;
    validator->plans = plans;
    validator->plan = &of_no_stream;
    validator->written = calloc(plans->most.words, sizeof *validator->written);
    bool whole = validator->written != NULL && defaulted_init(&validator->scratch.defaulted, plans->most.columns) &&
                 make_places(&validator->places, plans) && make_places(&validator->elements, plans);
    validator->fills.generator = &validator->identity.generator;
    if (!identity_init(&validator->identity, plans->most.key_prefix) || !whole) {
        validator_free(validator);
        return NULL;
    }
    return validator;
}

void validator_free(struct validator *validator)
{
    if (validator == NULL) {
        return;
    }
    release_places(&validator->places);
    release_places(&validator->elements);
    free(validator->written);
    identity_release(&validator->identity);
    field_scratch_release(&validator->scratch);
    fill_cache_release(&validator->fills);
    free(validator);
}

/* The events that follow are of another stream. */
static void RARE change_stream(struct validator *validator, const struct stream *stream)
{
    ASSERT_BELOW(stream->index, validator->plans->count);
    const struct validate_plan *plan = &validator->plans->plans[stream->index];
    ASSERT(plan->stream == stream);
    ASSERT_AT_MOST(plan->words, validator->plans->most.words);
    ASSERT_AT_MOST(plan->nodes, validator->plans->most.nodes);
    validator->plan = plan;
    validator->places.passed = (json_at *)(void *)(validator->places.bits + plan->words);
    validator->elements.passed = (json_at *)(void *)(validator->elements.bits + plan->words);
    validator->cleared = plan->words * sizeof *validator->places.bits + plan->nodes * sizeof *validator->places.passed;
    identity_begin(&validator->identity, buf_slice(&plan->key_prefix));
    field_scratch_begin(&validator->scratch, stream->options, plan->harmless);
    validator->scratch.defaulted.columns = stream->columns;
    validator->scratch.defaulted.words = plan->words;
}

static inline void follow(struct validator *validator, const struct stream *stream)
{
    if (validator->plan->stream != stream) {
        change_stream(validator, stream);
    }
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
    size_t behind = validator->plan->stream->column_count;
    int64_t received_ns = validator->scratch.context.received_wall_ns;
    struct client_clock clock = client_clock_read(document, validator->places.places[behind].at, received_ns);
    places_forget(&validator->places, behind);
    validator->scratch.context.clock = clock;
    return clock.until_ns != 0;
}

static enum error find_values(struct validator *validator, const struct json_document *document, json_at at,
                              const struct path_node *paths, struct event_error *error)
{
    const struct stream *stream = validator->plan->stream;
    struct scan scan = { .document = document,
                         .places = validator->places,
                         .reject_unknown = validator->plan->reject_unknown,
                         .defaulted = validator->plan->forgives ? &validator->scratch.defaulted : NULL };
    validator_clear(validator, &validator->places);
    if (json_type(document, at) != '{') {
        return event_error(error, ERROR_NOT_AN_OBJECT, SLICE(""), "an event must be a JSON object");
    }
    if (!scan_event(&scan, paths, at)) {
        char message[64];
        snprintf(message, sizeof message, "must be %s", scan.expected);
        return scan.expected == NULL
                   ? event_error(error, ERROR_UNKNOWN_FIELD, scan.culprit, "the stream has no such field")
                   : event_error(error, ERROR_WRONG_TYPE, scan.culprit, message);
    }
    validator->found_unknown = scan.found_unknown;
    for (size_t word = 0; word < validator->plan->words; word++) {
        uint64_t missing = validator->plan->required[word] & ~validator->places.bits[word];
        if (missing != 0) {
            size_t column = word * 64 + (size_t)__builtin_ctzll(missing);
            return event_error_of_column(error, ERROR_MISSING_FIELD, stream, column, 0, "is required and missing");
        }
    }
    return OK;
}

/* *paths: the tree that found them, and knows what is unknown. */
static enum error find_all(struct validator *validator, const struct json_document *document, json_at at,
                           const struct event_context *context, const struct path_node **paths,
                           struct event_error *error)
{
    const struct stream *stream = validator->plan->stream;
    *paths = paths_of(stream, context);
    for (;;) {
        enum error code = find_values(validator, document, at, *paths, error);
        if (code != OK || !places_has(&validator->places, stream->column_count) || take_sent_at(validator, document)) {
            return code;
        }
        *paths = context->named_stream ? stream->named_paths : stream->paths;
    }
}

/* The value of a column does not fit. True: the column is lenient, and the event has no value for it. */
static bool RARE forgive(struct validator *validator, struct column *column, size_t index, enum error error)
{
    if (!defaulted_may(column->spec, error)) {
        return false;
    }
    column_undo(column);
    places_forget(&validator->places, index);
    defaulted_note(&validator->scratch.defaulted, column->spec);
    if (column->spec->is_event_time) {
        validator->scratch.context.time_fate = TIME_AS_SENT;
    }
    return true;
}

static enum error append_one(struct validator *validator, const struct json_document *document, size_t index,
                             struct chunk *chunk, struct event_error *error)
{
    const struct place *place = &validator->places.places[index];
    if (place->array != NULL) {
        return validator_has_written(validator, index) ? OK : parallel_append(validator, document, index, chunk, error);
    }
    struct column *column = validator_begin(validator, chunk, index);
    enum error code = field_append(document, place->at, column, &validator->scratch);
    if (code == OK) {
        validator_end(validator, column);
        return OK;
    }
    return forgive(validator, column, index, code)
               ? OK
               : event_error_of_column(error, code, chunk->stream, index, place->rank,
                                       validator->scratch.context.message);
}

/* The moment of the stream's time column widens the chunk's span: verification counts rows within it. */
static int64_t event_time(const struct validator *validator, size_t index, int64_t appended_ns, int64_t received_ns)
{
    const struct column_spec *spec = &validator->plan->stream->columns[index];
    if (places_has(&validator->places, index)) {
        return appended_ns;
    }
    bool receipt = spec->default_now || spec->fill == FILL_RECEIVED_AT;
    return receipt ? value_nearest_time(&spec->type, received_ns) : spec->default_time_ns;
}

static enum error append_found(struct validator *validator, const struct json_document *document, struct chunk *chunk,
                               int64_t *time_ns, struct event_error *error)
{
    for (size_t word = 0; word < validator->plan->words; word++) {
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
    const struct validate_plan *plan = validator->plan;
    for (size_t i = 0; i < plan->now_count; i++) {
        if (!places_has(&validator->places, plan->nows[i])) {
            struct column *column = validator_begin(validator, chunk, plan->nows[i]);
            fill_append(column, context, &validator->fills);
            validator_end(validator, column);
        }
    }
}

static void append_id(struct validator *validator, struct chunk *chunk, int64_t wall_ns)
{
    uint8_t wire[16];
    const struct stream *stream = chunk->stream;
    struct event_id id = identity_of(&validator->identity, &validator->places, chunk, wall_ns);
    chunk->ids[chunk->rows] = stream->id_source_count == 0 ? id : client_id_settle(validator, id, stream);
    if (stream->event_id_column >= 0) {
        struct column *column = validator_begin(validator, chunk, (size_t)stream->event_id_column);
        event_id_to_wire(stream->id_source_count == 0 ? &id : &validator->id, wire);
        buf_append(&column->data, wire, sizeof wire);
        validator_end(validator, column);
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

const struct client_clock *validate_clock(const struct validator *validator)
{
    return &validator->scratch.context.clock;
}

struct validate_changes validate_take_changes(struct validator *validator)
{
    struct validate_changes changes = validator->changes;
    changes.defaulted = validator->scratch.defaulted.count;
    validator->changes = (struct validate_changes){ 0 };
    validator->scratch.defaulted.count = 0;
    return changes;
}

uint32_t validate_take_defaulted(struct validator *validator, size_t column)
{
    uint32_t count = validator->scratch.defaulted.counts[column];
    validator->scratch.defaulted.counts[column] = 0;
    return count;
}

static bool undo(struct validator *validator, struct chunk *chunk)
{
    for (size_t word = 0; word < validator->plan->words; word++) {
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
    struct column *column = validator_begin(validator, chunk, (size_t)chunk->stream->collect_column);
    enum error code = field_append_unknown(document, at, paths, column, &validator->scratch);
    if (code != OK && forgive(validator, column, (size_t)chunk->stream->collect_column, code)) {
        return OK;
    }
    if (code != OK) {
        (void)event_error(error, code, slice_from_string(column->spec->name), validator->scratch.context.message);
        error->column = (size_t)chunk->stream->collect_column;
        return code;
    }
    validator_end(validator, column);
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
    int64_t time_ns = 0;
    const struct path_node *paths;
    follow(validator, chunk->stream);
    if (!chunk_reserve_row(chunk)) {
        (void)event_error_of_memory(error);
        return false;
    }
    validator->scratch.context.received_wall_ns = context->received_wall_ns;
    validator->scratch.context.clock = context->clock;
    validator->scratch.context.time_fate = TIME_AS_SENT;
    validator->short_of_memory = false;
    defaulted_begin(&validator->scratch.defaulted);
    memset(validator->written, 0, validator->plan->words * sizeof(uint64_t));
    if (find_all(validator, document, at, context, &paths, error) != OK) {
        return false;
    }
    if (chunk->stream->id_source_count != 0) {
        client_id_take(validator, document, chunk->stream);
    }
    if (append_found(validator, document, chunk, &time_ns, error) != OK) {
        return undo(validator, chunk);
    }
    if (validator->found_unknown && chunk->stream->collect_column >= 0 &&
        append_unknown(validator, document, at, paths, chunk, error) != OK) {
        return undo(validator, chunk);
    }
    append_nows(validator, context, chunk);
    if (chunk->stream->has_tenant) {
        identity_tenant(&validator->identity, context->request == NULL ? SLICE("") : context->request->key_name);
    }
    append_id(validator, chunk, context->received_wall_ns);
    if (validator->short_of_memory || validator->identity.key.failed) {
        (void)event_error_of_memory(error);
        return undo(validator, chunk);
    }
    if (validator->scratch.context.time_fate != TIME_AS_SENT) {
        change_time(validator, chunk, time_ns);
    }
    if (validator->scratch.defaulted.any) {
        defaulted_count(&validator->scratch.defaulted);
    }
    note_time(validator, chunk, time_ns, context->received_wall_ns);
    chunk->rows++;
    return true;
}

/* One value for all rows that lack it; a long one of very many is refused before it takes their memory. */
static enum error fill_rows(struct validator *validator, const struct event_context *context, struct column *column,
                            uint32_t rows, uint64_t *filled)
{
    size_t before = column->data.len;
    uint32_t missing = rows - column->rows;
    column_begin(column, column->rows);
    fill_append(column, context, &validator->fills);
    *filled += (uint64_t)(column->data.len - before) * missing;
    if (!column_end(column)) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (*filled > SEGMENT_MAX_CHUNK) {
        return ERROR_PAYLOAD_TOO_LARGE;
    }
    return column_repeat(column, rows) ? OK : ERROR_OUT_OF_MEMORY;
}

enum error validate_finish(struct validator *validator, const struct event_context *context, struct chunk *chunk)
{
    enum error error = OK;
    uint64_t filled = 0;
    follow(validator, chunk->stream);
    for (size_t i = 0; error == OK && i < validator->plan->fill_count; i++) {
        struct column *column = &chunk->columns[validator->plan->fills[i]];
        if (column->rows < chunk->rows) {
            error = fill_rows(validator, context, column, chunk->rows, &filled);
        }
    }
    return error;
}

void validate_begin_again(struct validator *validator, const struct event_id *again)
{
    identity_again(&validator->identity, again);
}
