/* What the files that turn an event into a row share (validate.c, parallel.c, event_error.c). Private to validate/. */
#pragma once

#include "event/chunk.h"
#include "event/column.h"
#include "pipeline/validate/field_value.h"
#include "pipeline/validate/fill.h"
#include "pipeline/validate/identity.h"
#include "pipeline/validate/scan.h"
#include "pipeline/validate/validate.h"

/* The arrays have room for the largest stream: events of any stream allocate nothing here. */
struct validator {
    const struct validate_plans *plans;
    const struct validate_plan *plan; /* of the stream whose event came last */
    size_t cleared;                   /* bytes of places.bits with places.passed behind them, by the plan */
    struct places places;             /* of the event */
    struct places elements;           /* of one element of an array */
    uint64_t *written;                /* columns whose row was begun: to be undone on error */
    struct event_id id;               /* of the event taken last, if the stream's clients give ids */
    bool id_given;                    /* by its client */
    bool short_of_memory;             /* an append failed */
    bool found_unknown;               /* the event has a key that no field reads */
    struct identity identity;
    struct field_scratch scratch;
    struct fill_cache fills;
    struct validate_changes changes;
};

static inline void validator_clear(const struct validator *validator, struct places *places)
{
    memset(places->bits, 0, validator->cleared);
}

static inline struct column *validator_begin(struct validator *validator, struct chunk *chunk, size_t index)
{
    validator->written[index / 64] |= UINT64_C(1) << (index % 64);
    column_begin(&chunk->columns[index], chunk->rows);
    return &chunk->columns[index];
}

static inline void validator_end(struct validator *validator, struct column *column)
{
    validator->short_of_memory = !column_end(column) || validator->short_of_memory;
}

static inline bool validator_has_written(const struct validator *validator, size_t index)
{
    return (validator->written[index / 64] >> (index % 64) & 1) != 0;
}

/* event_error.c. Describes an error: the field as the client knows it, and the message that begins with it. */
enum error RARE event_error(struct event_error *error, enum error code, struct slice field, const char *message);

/* The same of a column, by the path of that rank. */
enum error RARE event_error_of_column(struct event_error *error, enum error code, const struct stream *stream,
                                      size_t column, int rank, const char *message);

/* The same for want of memory. */
enum error RARE event_error_of_memory(struct event_error *error);

/* parallel.c. The column `first` was found in an array of the event: appends all columns that take one value per element of
 * the same array, so that they stay parallel. */
MUST_CHECK enum error parallel_append(struct validator *validator, const struct json_document *document, size_t first,
                                      struct chunk *chunk, struct event_error *error);
