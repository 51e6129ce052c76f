/* Puts what a request says beside its events into each of them: the values of request_values.h, and the members of an
 * envelope that payload_shape.h names. The merged event is a document of its own, which whoever reads it cannot tell from one that
 * was parsed: so values may be required, part of an id, collected, or unknown, as members are.
 *
 *   payload_merge_new … payload_merge_begin → payload_merge_event for each
 *
 * What an event has itself counts unless the value wins; null is nothing. Objects are merged member by member, other values stand
 * for each other. Events cost nothing but their own copy; a payload without values does not come here. */
#pragma once

#include "pipeline/json/json.h"

struct payload_merge;
struct payload_shape;
struct request_values;
struct stream;

/* One per thread that submits, made at the first need. NULL: memory is short. */
struct payload_merge *payload_merge_new(void);
void payload_merge_free(struct payload_merge *merge);

/* Gives back the memory that large events needed. */
void payload_merge_shed(struct payload_merge *merge);

struct merge_terms {
    const struct stream *stream;         /* of all events */
    const struct request_values *values; /* NULL: none */
    const struct payload_shape *shape;   /* NULL: no envelope */
    const struct json_document *around;  /* the envelope, at its root; NULL: the events have none */
    bool repairs;                        /* a text that is no UTF-8 is repaired, else refused */
};

/* What the terms borrow stays until the last event. Not OK: the payload is refused, *detail says why. *repaired: texts. */
MUST_CHECK enum error payload_merge_begin(struct payload_merge *merge, const struct merge_terms *terms,
                                          uint64_t *repaired, struct buf *detail);

/* Is there nothing to put into an event? */
bool payload_merge_is_empty(const struct payload_merge *merge);

/* The most bytes by which an event becomes larger. */
uint64_t payload_merge_bytes(const struct payload_merge *merge);

/* The event at `at` with the values, at JSON_ROOT of *merged, valid until the next; what is no object stays as it is. False:
 * memory is short. */
MUST_CHECK bool payload_merge_event(struct payload_merge *merge, const struct json_document *document, json_at at,
                                    struct json_document *merged);
