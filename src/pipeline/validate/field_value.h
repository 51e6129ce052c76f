/* Turns a JSON value into a value of a column: scalars, arrays, maps, JSON. Private to validate.c. */
#pragma once

#include "event/value.h"
#include "pipeline/json/json.h"
#include "pipeline/validate/defaulted.h"

struct column;
struct json_document;
struct path_node;

/* Kept from event to event. */
struct field_scratch {
    const struct stream_options *options; /* of the stream: max_keys, max_paths, max_event */
    uint64_t harmless;                    /* a JSON value whose keys times its bytes are no more breaks none of these */
    struct value_context context;         /* its message says why a value was refused */
    struct defaulted defaulted;
    struct buf text;
    struct buf path;
};

void field_scratch_release(struct field_scratch *scratch);

/* To be called before the values of another stream. */
void field_scratch_begin(struct field_scratch *scratch, const struct stream_options *options, uint64_t harmless);

/* What `harmless` is for a stream. */
uint64_t field_harmless(const struct stream_options *options);

/* Appends the value at `at` between column_begin and column_end. Not OK: scratch->context.message says why. */
MUST_CHECK enum error field_append(const struct json_document *document, json_at at, struct column *column,
                                   struct field_scratch *scratch);

/* Appends one item to an array column; at 0 or a JSON null: absent, it becomes NULL or the type's default. */
MUST_CHECK enum error field_append_item(const struct json_document *document, json_at at, struct column *column,
                                        struct field_scratch *scratch);

/* The column has as many items as it may. OK: it is lenient, those that follow are left out. */
enum error RARE field_too_many(const struct column *column, struct field_scratch *scratch);

/* Appends the members of the object that have no path in `known` to the column that collects them. */
MUST_CHECK enum error field_append_unknown(const struct json_document *document, json_at object,
                                           const struct path_node *known, struct column *column,
                                           struct field_scratch *scratch);
