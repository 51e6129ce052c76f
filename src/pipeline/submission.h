/* What is known at once of the events of a payload (struct submission, pipeline.h), as pipeline_submit tells it. */
#pragma once

#include "event/event_id.h"
#include "pipeline/pipeline.h"

struct event_error;

/* Empties it, and keeps its memory. */
void submission_clear(struct submission *submission);

/* The next event is a row. */
static inline void submission_add_row(struct submission *submission, const struct event_id *id)
{
    buf_append(&submission->ids, id, sizeof *id);
    submission->events++;
}

/* The next event was rejected. */
void submission_add_error(struct submission *submission, const struct event_error *error);
