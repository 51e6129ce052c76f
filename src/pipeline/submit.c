/* Turns a payload into rows of the open chunk, a ticket, and what is known at once of each event. */
#include "base/metrics/metrics.h"
#include "config/options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/refusals.h"
#include "pipeline/refused_runs.h"
#include "pipeline/submit_private.h"

#include <stdio.h>

_Static_assert(METRICS_PROTOCOL_COUNT == PROTOCOL_COUNT, "every protocol has its value of the label");

void submission_release(struct submission *submission)
{
    buf_release(&submission->detail);
    buf_release(&submission->ids);
    buf_release(&submission->errors);
    buf_release(&submission->refused);
}

static void clear(struct submission *submission)
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
}

static void count_refused(struct pipeline_io *io, enum protocol protocol, size_t stream, enum error error,
                          int64_t events)
{
    bool dropped = error_info(error)->fate == FATE_DROPPED;
    metric_add_refusal(io->cells, dropped ? METRIC_EVENTS_DROPPED : METRIC_EVENTS_REJECTED, protocol, stream, error,
                       events);
}

static void count_payload(struct pipeline_io *io, enum protocol protocol, const struct stream *stream, enum error error)
{
    size_t index = stream != NULL ? stream->index : io->stream_count; /* the latter stands for "no stream" */
    metric_add_event(io->cells, METRIC_EVENTS_RECEIVED, protocol, index, 1);
    count_refused(io, protocol, index, error, 1);
}

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    struct refusal refusal = { protocol, stream != NULL ? stream->name : "", "", error };
    count_payload(io, protocol, stream, error);
    refusals_note(io->refusals, &refusal, 1, SLICE(""));
}

void submit_refuse(struct submit *submit, enum error error)
{
    submit->submission->error = error;
    count_payload(submit->io, submit->payload->protocol, submit->stream, error);
}

static struct slice code_of(enum error error)
{
    return slice_from_string(error_info(error)->code);
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
    buf_append_json_string(out, code_of(error->code));
    buf_append_string(out, ",\"message\":");
    buf_append_json_string(out, slice_from_string(error->message));
    buf_append_byte(out, '}');
}

static void note_bad_event(const struct submit *submit, const struct event_error *error)
{
    const struct stream *stream = submit->stream;
    bool known = error->column < stream->column_count;
    struct refusal refusal = { submit->payload->protocol, stream->name,
                               known ? stream->columns[error->column].name : "", error->code };
    if (known) {
        metric_add_field(submit->io->cells, stream->index, error->column, error->code, 1);
    }
    refusals_note(submit->io->refusals, &refusal, 1, slice_from_string(error->message));
}

void submit_bad_event(struct submit *submit, const struct event_error *error)
{
    static const struct event_id none;
    struct submission *submission = submit->submission;
    append_error(submission, error);
    refused_runs_add(&submission->refused, submission->events, error->code);
    submission->first_error = submission->rejected == 0 ? error->code : submission->first_error;
    submission->rejected++;
    submission->events++;
    buf_append(&submission->ids, &none, sizeof none);
    count_refused(submit->io, submit->payload->protocol, submit->stream->index, error->code, 1);
    note_bad_event(submit, error);
}

bool submit_open_ticket(struct submit *submit)
{
    const struct payload *payload = submit->payload;
    struct chunk *chunk = pipeline_io_take_chunk(submit->io, submit->stream);
    if (chunk == NULL) {
        submit_refuse(submit, ERROR_OUT_OF_MEMORY);
        return false;
    }
    struct ticket *last = chunk->ticket_count != 0 ? &chunk->tickets[chunk->ticket_count - 1] : NULL;
    bool share = payload->silent && last != NULL && last->silent && last->protocol == payload->protocol;
    struct ticket *ticket = share ? last : chunk_add_ticket(chunk);
    if (ticket == NULL) {
        submit_refuse(submit, ERROR_OUT_OF_MEMORY);
        return false;
    }
    if (!share) {
        ticket->token = payload->token;
        ticket->protocol = payload->protocol;
        ticket->wait_stored = payload->wait_stored;
        ticket->silent = payload->silent;
    }
    submit->chunk = chunk;
    submit->ticket = ticket;
    submit->first_row = chunk->rows;
    uint64_t most = submit->stream->options->max_event_bytes;
    submit->max_event = most != 0 ? most : UINT64_MAX;
    return true;
}

static void RARE refuse_size(struct submit *submit)
{
    struct event_error error = { .code = ERROR_EVENT_TOO_LARGE, .column = SIZE_MAX };
    snprintf(error.message, sizeof error.message,
             "the event is larger than the %llu bytes of JSON that max_event of its stream allows",
             (unsigned long long)submit->max_event);
    submit_bad_event(submit, &error);
}

bool submit_event(struct submit *submit, const struct json_document *document, json_at at)
{
    struct event_error error;
    struct submission *submission = submit->submission;
    if (submit->text_bytes > submit->max_event && json_is_larger(document, at, submit->max_event)) {
        refuse_size(submit);
        return true;
    }
    if (validate_event(submit->io->validator, document, at, &submit->context, submit->chunk, &error)) {
        buf_append(&submission->ids, &submit->chunk->ids[submit->chunk->rows - 1], sizeof(struct event_id));
        submission->events++;
        return true;
    }
    if (error.code == ERROR_OUT_OF_MEMORY) {
        return false;
    }
    submit_bad_event(submit, &error);
    return true;
}

/* Is the chunk to be pushed with this payload? */
static bool fills_chunk(const struct submit *submit)
{
    return submit->chunk->rows >= CHUNK_ROWS ||
           submit->chunk->payload_bytes + submit->payload->bytes.len >= CHUNK_BYTES;
}

/* Behind the last event. A chunk that grew too large did so by its last payload: that is refused, not those before it. */
static enum error finish_rows(struct submit *submit)
{
    if (!validate_finish(submit->io->validator, &submit->context, submit->chunk)) {
        return ERROR_OUT_OF_MEMORY;
    }
    return fills_chunk(submit) ? pipeline_io_seal(submit->chunk) : OK;
}

/* Nothing of the payload is kept; what was rejected so far has been counted as that. */
static void fail_whole(struct submit *submit, enum error error)
{
    struct submission *submission = submit->submission;
    enum protocol protocol = submit->payload->protocol;
    int64_t left = (int64_t)submit->events - submission->rejected;
    chunk_truncate(submit->chunk, submit->first_row);
    metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, protocol, submit->stream->index, submit->events);
    count_refused(submit->io, protocol, submit->stream->index, error, left);
    submission->events = submit->events;
    submission->error = error;
    if (error == ERROR_PAYLOAD_TOO_LARGE) {
        buf_printf(
            &submission->detail,
            "the payload's events take more than the %llu bytes that are taken at once; send fewer or smaller ones",
            (unsigned long long)SEGMENT_MAX_CHUNK);
    }
}

static void count_changes(const struct submit *submit, struct time_changes changes)
{
    if ((changes.moved | changes.clamped) != 0) {
        struct metrics_cells *cells = submit->io->cells;
        enum protocol protocol = submit->payload->protocol;
        metric_add_event(cells, METRIC_TIMES_MOVED, protocol, submit->stream->index, changes.moved);
        metric_add_event(cells, METRIC_TIMES_CLAMPED, protocol, submit->stream->index, changes.clamped);
    }
}

static void finish(struct submit *submit)
{
    enum protocol protocol = submit->payload->protocol;
    size_t stream = submit->stream->index;
    uint32_t rows = submit->chunk->rows - submit->first_row;
    struct time_changes changes = validate_take_changes(submit->io->validator);
    if (submit->submission->error == OK) {
        metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, protocol, stream, submit->submission->events);
        count_changes(submit, changes);
    }
    submit->ticket->rows += rows;
    if (submit->ticket->rows == 0) {
        submit->chunk->ticket_count--;
    }
    if (rows == 0) {
        return;
    }
    submit->submission->pending = true;
    metric_add_event(submit->io->cells, METRIC_EVENTS_IN_FLIGHT, protocol, stream, rows);
    if (fills_chunk(submit) && !submit->payload->held) {
        pipeline_io_push(submit->io, stream);
    } else {
        submit->chunk->payload_bytes += submit->payload->bytes.len;
    }
}

/* A payload that may name another stream is refused for want of that one's room by the commit. */
static enum error ask_to_enter(const struct pipeline_io *io, const struct payload *payload)
{
    enum error error = pipeline_admits(io->pipeline);
    return error != OK || payload->pick_stream ? error : pipeline_admits_stream(io->pipeline, payload->stream);
}

/* A byte order mark in front is ignored, as RFC 8259, 8.1, allows: PowerShell writes one into its files. So are blanks
 * around a payload, and NULs: of a C string that is sent with its end, or a buffer of a fixed size. So is the separator of
 * a sequence (RFC 7464) of one text. */
static struct slice without_frame(struct slice bytes)
{
    struct slice mark = SLICE("\xEF\xBB\xBF");
    bytes = json_trim(slice_starts_with(bytes, mark) ? slice_after(bytes, mark.len) : bytes);
    bool alone = bytes.len != 0 && bytes.data[0] == '\x1e' && memchr(bytes.data + 1, '\x1e', bytes.len - 1) == NULL;
    return alone ? json_trim(slice_after(bytes, 1)) : bytes;
}

static void take_payload(struct submit *submit)
{
    enum error error = submit->payload->admitted ? OK : ask_to_enter(submit->io, submit->payload);
    if (error != OK) {
        submit_refuse(submit, error);
        return;
    }
    bool whole = submit_payload(submit);
    if (submit->ticket == NULL) {
        return; /* refused */
    }
    error = whole ? finish_rows(submit) : ERROR_OUT_OF_MEMORY;
    if (error != OK) {
        fail_whole(submit, error);
    }
    finish(submit);
    if (error != OK && submit->chunk->ticket_count == 0) {
        chunk_clear(submit->chunk); /* nobody pushes it: gives back what it has grown by */
    }
}

/* A payload that was refused as a whole, but for the events of it that were rejected before. */
static void note_whole(const struct submit *submit)
{
    const struct submission *submission = submit->submission;
    uint32_t rejected = submission->rejected;
    uint64_t events = submission->events > rejected ? submission->events - rejected : 1;
    struct refusal refusal = { submit->payload->protocol, submit->stream->name, "", submission->error };
    refusals_note(submit->io->refusals, &refusal, events, buf_slice(&submission->detail));
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    struct payload bare = *payload;
    bare.bytes = without_frame(payload->bytes);
    struct submit submit = {
        .io = io,
        .payload = &bare,
        .submission = submission,
        .stream = payload->stream,
        .events = 1,
        .context = { .received_wall_ns = payload->received_wall_ns,
                     .client_ip = payload->client_ip,
                     .user_agent = payload->user_agent },
    };
    clear(submission);
    take_payload(&submit);
    if (submission->error != OK) {
        note_whole(&submit);
    }
}
