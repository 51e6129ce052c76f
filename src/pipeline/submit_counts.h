/* Counts events that were refused, and payloads that were refused whole (pipeline_count_refusal, pipeline.h). Private to pipeline/. */
#pragma once

#include "base/error.h"
#include "event/ticket.h"

#include <stddef.h>
#include <stdint.h>

struct payload;
struct client_clock;
struct pipeline_io;
struct refusal;
struct refused_input;
struct slice;
struct stream;
struct submission;

/* So many events of a stream: received and refused. */
void submit_count_refused(struct pipeline_io *io, enum protocol protocol, size_t stream, enum error error,
                          int64_t events);

/* A payload that could not be read: one event, received and refused. `stream` NULL: none. */
void submit_count_payload(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                          enum error error);

/* Counts a payload that was submitted with a key. */
void submit_count_key(struct pipeline_io *io, uint32_t key, const struct submission *submission);

/* Tells who listens of a refusal whose input is of this payload; `input` has its events and bytes. */
void submit_tell(struct pipeline_io *io, const struct payload *payload, const struct refusal *refusal,
                 struct refused_input *input, struct slice message);

/* What was changed of the values of a payload's events; `taken`: they were, else it is forgotten. */
/* Of a client whose payload told it. */
void submit_count_clock(struct pipeline_io *io, const struct client_clock *clock, int64_t received_wall_ns);
void submit_count_changes(struct pipeline_io *io, enum protocol protocol, const struct stream *stream, bool taken);
