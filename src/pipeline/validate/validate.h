/* Turns one JSON object into one row of a chunk, or into an error that names the field.
 *
 * The object is walked once through the stream's tree of paths, noting where each column's value stands; then each
 * column found is checked and appended. A bad event appends nothing. Nothing is allocated per event but in the chunk's
 * buffers, which keep their memory. */
#pragma once

#include "pipeline/json/json.h"
#include "pipeline/validate/event_context.h"

struct chunk;
struct event_id;
struct stream;
struct validate_plans;
struct validator;

/* One per I/O thread, with room for the largest of the plans' streams; the plans outlive it. NULL if memory is short. */
struct validator *validator_new(const struct validate_plans *plans);
void validator_free(struct validator *validator);

/* Why an event was refused. `message` names the thing, the limit and the cure. */
struct event_error {
    enum error code;
    size_t column; /* of the stream; SIZE_MAX: no configured field is at fault */
    char field[128];
    char message[256];
};

/* Appends the object at `at` as a row with its id, to a chunk of one of the plans' streams. On error the chunk is as before and *error is filled. */
MUST_CHECK bool validate_event(struct validator *validator, const struct json_document *document, json_at at,
                               const struct event_context *context, struct chunk *chunk, struct event_error *error);

/* The events that follow, up to the next call, came before as one thing that is known by this id; NULL: they come for the first
 * time. Those that have no identity of their own get ids that follow from it and from their order. */
void validate_begin_again(struct validator *validator, const struct event_id *again);

/* The id of the event that was taken last, as its row has it; chunk->ids has what the duplicate filter knows it by. */
const struct event_id *validate_id(const struct validator *validator, const struct chunk *chunk);

/* How many of the rows since the last call have another time than was sent, and how many of their values were replaced by
 * defaults. */
struct validate_changes {
    uint32_t moved;
    uint32_t clamped;
    uint32_t defaulted;
};
struct validate_changes validate_take_changes(struct validator *validator);

/* Of the client that sent the last event that was validated; until_ns is 0: it did not say. */
const struct client_clock *validate_clock(const struct validator *validator);

/* To be called for each column of the stream if any was defaulted: how many of its values were. */
uint32_t validate_take_defaulted(struct validator *validator, size_t column);

/* To be called behind the last event of a payload: writes what all of them have in common, such as the client's address,
 * into the rows since the last call. ERROR_OUT_OF_MEMORY, ERROR_PAYLOAD_TOO_LARGE: those rows are to be truncated. */
MUST_CHECK enum error validate_finish(struct validator *validator, const struct event_context *context,
                                      struct chunk *chunk);
