/* Turns an array of the event into the columns that take one value per element of it. */
#include "pipeline/validate/validate_private.h"

#include "event/path.h"
#include "pipeline/validate/validate_plan.h"

#include <stdio.h>

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
                         .reject_unknown = validator->plan->reject_unknown,
                         .defaulted = validator->plan->forgives ? &validator->scratch.defaulted : NULL };
    char *message = validator->scratch.context.message;
    size_t size = sizeof validator->scratch.context.message;
    validator_clear(validator, &validator->elements);
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
    validator->found_unknown = validator->found_unknown || scan.found_unknown;
    for (size_t i = 0; i < node->array_column_count; i++) {
        size_t index = (size_t)node->array_columns[i];
        if (!comes_from(validator, index, array)) {
            continue;
        }
        struct column *column = &chunk->columns[index];
        json_at at = places_has(&validator->elements, index) ? validator->elements.places[index].at : 0;
        *culprit = index;
        if (column->items - column->undo_items == column->spec->max_items) {
            enum error error = field_too_many(column, &validator->scratch);
            if (error != OK) {
                return error;
            }
            continue;
        }
        enum error error = field_append_item(document, at, column, &validator->scratch);
        if (error != OK) {
            return error;
        }
    }
    return OK;
}

enum error parallel_append(struct validator *validator, const struct json_document *document, size_t first,
                           struct chunk *chunk, struct event_error *error)
{
    const struct place array = validator->places.places[first];
    for (size_t i = 0; i < array.array->array_column_count; i++) {
        if (comes_from(validator, (size_t)array.array->array_columns[i], &array)) {
            (void)validator_begin(validator, chunk, (size_t)array.array->array_columns[i]);
        }
    }
    for (json_at m = json_first(array.at); !json_at_end(document, m); m = json_skip(document, m)) {
        size_t culprit = first;
        enum error code = append_element(validator, document, &array, m, chunk, &culprit);
        if (code != OK) {
            return event_error_of_column(error, code, chunk->stream, culprit, validator->places.places[culprit].rank,
                                         validator->scratch.context.message);
        }
    }
    for (size_t i = 0; i < array.array->array_column_count; i++) {
        if (comes_from(validator, (size_t)array.array->array_columns[i], &array)) {
            validator_end(validator, &chunk->columns[array.array->array_columns[i]]);
        }
    }
    return OK;
}
