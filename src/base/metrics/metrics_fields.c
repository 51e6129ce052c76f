/* Turns the names of labels into copies, and those of a stream's fields into counts. */
#include "base/metrics/metrics_private.h"

#include "base/assert.h"

#include <stdlib.h>

void metrics_free_names(char **names, size_t count)
{
    for (size_t i = 0; names != NULL && i < count; i++) {
        free(names[i]);
    }
    free(names);
}

bool metrics_copy_names(struct metrics_names names, char ***copies, size_t *count)
{
    *copies = calloc(names.count + 1, sizeof **copies);
    for (size_t i = 0; *copies != NULL && i < names.count; i++) {
        (*copies)[i] = strdup(names.items[i]);
        if ((*copies)[i] == NULL) {
            return false;
        }
        *count = i + 1;
    }
    return *copies != NULL;
}

bool metrics_fields_init(struct metrics_fields *fields, const struct metrics_names *names)
{
    fields->counts = calloc((names->count + 1) * ERROR_COUNT, sizeof *fields->counts);
    return fields->counts != NULL && metrics_copy_names(*names, &fields->names, &fields->count);
}

void metrics_fields_release(struct metrics_fields *fields)
{
    metrics_free_names(fields->names, fields->count);
    free(fields->counts);
}

struct metrics_fields *metrics_fields_new(const struct metrics_names *names)
{
    struct metrics_fields *fields = calloc(1, sizeof *fields);
    if (fields != NULL && !metrics_fields_init(fields, names)) {
        metrics_fields_free(fields);
        return NULL;
    }
    return fields;
}

void metrics_fields_free(struct metrics_fields *fields)
{
    if (fields != NULL) {
        metrics_fields_release(fields);
        free(fields);
    }
}

static void take_over(struct metrics_fields *fields, size_t field, const struct metrics_fields *from)
{
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->names[i], fields->names[field]) == 0) {
            for (size_t reason = 0; reason < ERROR_COUNT; reason++) {
                int64_t count = atomic_load(&from->counts[i * ERROR_COUNT + reason]);
                atomic_store(&fields->counts[field * ERROR_COUNT + reason], count);
            }
        }
    }
}

void metrics_fields_swap(struct metrics *metrics, size_t stream, struct metrics_fields *fields)
{
    ASSERT_BELOW(stream, metrics->stream_count);
    struct metrics_fields old = metrics->fields[stream];
    for (size_t i = 0; i < fields->count; i++) {
        take_over(fields, i, &old);
    }
    metrics->fields[stream] = *fields;
    *fields = old;
}
