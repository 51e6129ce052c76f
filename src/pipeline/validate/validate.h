/* Turns one JSON object into one row of a chunk, or into an error that names the field.
 *
 * The object is walked once through the stream's tree of paths, noting where each column's value stands; then each
 * column found is checked and appended. A bad event appends nothing. Nothing is allocated per event but in the chunk's
 * buffers, which keep their memory. */
#pragma once

#include "event/value.h"
#include "pipeline/json/json.h"

struct chunk;
struct stream;
struct validate_plans;
struct validator;

/* What is constant of each stream, compiled once and read by all threads. streams[i]->index is i; they outlive the plans.
 * NULL if memory is short. */
struct validate_plans *validate_plans_new(struct stream *const *streams, size_t count);
void validate_plans_free(struct validate_plans *plans);

/* One per I/O thread, with room for the largest of the plans' streams; the plans outlive it. NULL if memory is short. */
struct validator *validator_new(const struct validate_plans *plans);
void validator_free(struct validator *validator);

/* What is not in the event itself. */
struct event_context {
    int64_t received_wall_ns;
    struct slice client_ip; /* text; empty if unknown */
    struct slice user_agent;
    struct client_clock clock;
    bool named_stream; /* the member "stream" named the stream: it is no unknown field of the event */
    bool is_payload; /* the event is all of it: a member "sent_at" that is a time tells of the clock, and is no field */
};

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

/* How many of the rows since the last call have another time than was sent. */
struct time_changes {
    uint32_t moved;
    uint32_t clamped;
};
struct time_changes validate_take_changes(struct validator *validator);

/* To be called behind the last event of a payload: writes what all of them have in common, such as the client's address,
 * into the rows since the last call. False: memory ran short, those rows are to be truncated. */
MUST_CHECK bool validate_finish(struct validator *validator, const struct event_context *context, struct chunk *chunk);
