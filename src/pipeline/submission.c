/* Turns the events of a payload into what its client is told of them. */
#include "pipeline/submission.h"

#include "pipeline/refused_runs.h"
#include "pipeline/validate/validate.h"

void submission_release(struct submission *submission)
{
    buf_release(&submission->detail);
    buf_release(&submission->ids);
    buf_release(&submission->errors);
    buf_release(&submission->refused);
}

void submission_clear(struct submission *submission)
{
    buf_clear(&submission->detail);
    buf_clear(&submission->ids);
    buf_clear(&submission->errors);
    buf_clear(&submission->refused);
    submission->error = OK;
    submission->first_error = OK;
    submission->events = 0;
    submission->rejected = 0;
    submission->pending = false;
    submission->ids_of_clients = false;
}

static void append_error(struct submission *submission, const struct event_error *error)
{
    struct buf *out = &submission->errors;
    if (submission->rejected >= SUBMISSION_MAX_ERRORS) {
        return;
    }
    buf_printf(out, "%s{\"index\":%u,\"field\":", out->len == 0 ? "" : ",", submission->events);
    buf_append_json_string(out, slice_from_string(error->field));
    buf_append_string(out, ",\"code\":");
    buf_append_json_string(out, slice_from_string(error_info(error->code)->code));
    buf_append_string(out, ",\"message\":");
    buf_append_json_string(out, slice_from_string(error->message));
    buf_append_byte(out, '}');
}

static void note_first(struct submission *submission, const struct event_error *error)
{
    struct first_refused *first = &submission->first;
    _Static_assert(sizeof first->field == sizeof error->field && sizeof first->message == sizeof error->message,
                   "they hold what an error does");
    submission->first_error = error->code;
    first->index = submission->events;
    memcpy(first->field, error->field, sizeof first->field);
    memcpy(first->message, error->message, sizeof first->message);
}

void submission_add_error(struct submission *submission, const struct event_error *error)
{
    static const struct event_id none;
    append_error(submission, error);
    refused_runs_add(&submission->refused, submission->events, error->code);
    if (submission->rejected == 0) {
        note_first(submission, error);
    }
    submission->rejected++;
    submission->events++;
    buf_append(&submission->ids, &none, sizeof none);
}
