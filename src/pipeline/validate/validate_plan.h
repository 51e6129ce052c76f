/* The plan of a stream: what checking its events needs to know and no event changes, compiled once at the start. Its
 * inside is for validate/ alone. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

struct validate_plan {
    const struct stream *stream;
    size_t words;        /* of a bitmap of the columns and of what stands behind the last */
    size_t nodes;        /* of a tree of paths: those with a number */
    bool reject_unknown; /* unknown_fields: reject */
    bool forgives;       /* lenient: what stands in the way of paths is no error */
    uint64_t *required;  /* bitmap of columns */
    size_t *fills;       /* columns that are filled for a whole payload: not event_id */
    size_t fill_count;
    size_t *nows; /* columns that are filled for each event: times that default to "now", uuid, key_name of an id */
    size_t now_count;
    uint64_t harmless;     /* a JSON value whose keys times its bytes are no more breaks no limit of the stream */
    struct buf key_prefix; /* what is hashed of every event of the stream */
};

/* Invariant: no plan has more than `most` of anything. */
struct validate_plans {
    struct {
        size_t columns, words, nodes, key_prefix;
    } most;
    size_t count;
    struct validate_plan plans[]; /* by stream index */
};

/* Read by all threads. streams[i]->index is i; they outlive the plans.
 * NULL if memory is short. */
struct validate_plans *validate_plans_new(struct stream *const *streams, size_t count);
void validate_plans_free(struct validate_plans *plans);
