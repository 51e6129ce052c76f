/* Counts events that were refused, and payloads that were refused whole (pipeline_count_refusal, pipeline.h). Private to pipeline/. */
#pragma once

#include "base/error.h"
#include "event/ticket.h"

#include <stddef.h>
#include <stdint.h>

struct pipeline_io;
struct stream;
struct submission;

/* So many events of a stream, that were counted as received or will be. */
void submit_count_refused(struct pipeline_io *io, enum protocol protocol, size_t stream, enum error error,
                          int64_t events);

/* A payload that could not be read: one event, received and refused. `stream` NULL: none. */
void submit_count_payload(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                          enum error error);

/* Counts a payload that was submitted with a key. */
void submit_count_key(struct pipeline_io *io, uint32_t key, const struct submission *submission);

/* What was changed of the values of a payload's events; `taken`: they were, else it is forgotten. */
void submit_count_changes(struct pipeline_io *io, enum protocol protocol, const struct stream *stream, bool taken);
