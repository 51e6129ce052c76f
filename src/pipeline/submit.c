/* Turns a payload into rows of the open chunk, a ticket, and what is known at once of each event. */
#include "base/metrics/metrics.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/path.h"
#include "event/stream.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_look.h"
#include "pipeline/payload/payload_reader.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/refusals.h"
#include "pipeline/submission.h"
#include "pipeline/validate/client_clock.h"
#include "pipeline/validate/validate.h"

#include <stdio.h>

_Static_assert(METRICS_PROTOCOL_COUNT == PROTOCOL_COUNT, "every protocol has its value of the label");

/* What stands around events here. */
static const struct envelope_names member_names = { .items = { "events", 6 },
                                                    .stream = { "stream", 6 },
                                                    .sent_at = { "sent_at", 7 } };

/* A payload on its way into the open chunk of its stream. */
struct entry {
    struct pipeline_io *io;
    const struct payload *payload;
    struct submission *submission;
    const struct stream *stream; /* the payload's, or the one that it named */
    struct chunk *chunk;
    struct ticket *ticket; /* NULL until the payload is known to hold events, and their stream */
    uint32_t first_row;
    uint64_t max_event; /* bytes; of the stream that the ticket is of */
    struct event_context context;
    struct payload_reader *reader;
};

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

static void refuse(struct entry *entry, enum error error)
{
    entry->submission->error = error;
    count_payload(entry->io, entry->payload->protocol, entry->stream, error);
}

static void note_bad_event(const struct entry *entry, const struct event_error *error)
{
    const struct stream *stream = entry->stream;
    bool known = error->column < stream->column_count;
    struct refusal refusal = { entry->payload->protocol, stream->name, known ? stream->columns[error->column].name : "",
                               error->code };
    if (known) {
        metric_add_field(entry->io->cells, stream->index, error->column, error->code, 1);
    }
    refusals_note(entry->io->refusals, &refusal, 1, slice_from_string(error->message));
}

static void add_bad_event(struct entry *entry, const struct event_error *error)
{
    submission_add_error(entry->submission, error);
    count_refused(entry->io, entry->payload->protocol, entry->stream->index, error->code, 1);
    note_bad_event(entry, error);
}

static bool open_ticket(struct entry *entry)
{
    const struct payload *payload = entry->payload;
    struct chunk *chunk = pipeline_io_take_chunk(entry->io, entry->stream);
    if (chunk == NULL) {
        refuse(entry, ERROR_OUT_OF_MEMORY);
        return false;
    }
    struct ticket *last = chunk->ticket_count != 0 ? &chunk->tickets[chunk->ticket_count - 1] : NULL;
    bool share = payload->silent && last != NULL && last->silent && last->protocol == payload->protocol;
    struct ticket *ticket = share ? last : chunk_add_ticket(chunk);
    if (ticket == NULL) {
        refuse(entry, ERROR_OUT_OF_MEMORY);
        return false;
    }
    if (!share) {
        ticket->token = payload->token;
        ticket->protocol = payload->protocol;
        ticket->wait_stored = payload->wait_stored;
        ticket->silent = payload->silent;
    }
    entry->chunk = chunk;
    entry->ticket = ticket;
    entry->first_row = chunk->rows;
    uint64_t most = entry->stream->options->max_event_bytes;
    entry->max_event = most != 0 ? most : UINT64_MAX;
    return true;
}

static void RARE refuse_size(struct entry *entry)
{
    struct event_error error = { .code = ERROR_EVENT_TOO_LARGE, .column = SIZE_MAX };
    snprintf(error.message, sizeof error.message,
             "the event is larger than the %llu bytes of JSON that max_event of its stream allows",
             (unsigned long long)entry->max_event);
    add_bad_event(entry, &error);
}

/* The event at which the reader stands: a row, or an error of its own. False: memory ran short. */
static bool add_event(struct entry *entry)
{
    struct event_error error;
    const struct payload_reader *reader = entry->reader;
    if (reader->parsed.len > entry->max_event && json_is_larger(&reader->document, reader->at, entry->max_event)) {
        refuse_size(entry);
        return true;
    }
    if (validate_event(entry->io->validator, &reader->document, reader->at, &entry->context, entry->chunk, &error)) {
        submission_add_row(entry->submission, &entry->chunk->ids[entry->chunk->rows - 1]);
        return true;
    }
    if (error.code == ERROR_OUT_OF_MEMORY) {
        return false;
    }
    add_bad_event(entry, &error);
    return true;
}

static void RARE add_bad_piece(struct entry *entry)
{
    struct event_error error = { .code = entry->reader->error, .column = SIZE_MAX };
    payload_explain(entry->reader, error.message, sizeof error.message);
    add_bad_event(entry, &error);
}

/* All that the reader finds. False: memory ran short; what was added goes. */
static bool add_events(struct entry *entry)
{
    for (;;) {
        switch (payload_next(entry->reader)) {
        case PAYLOAD_EVENT:
            if (!add_event(entry)) {
                return false;
            }
            break;
        case PAYLOAD_BAD: add_bad_piece(entry); break;
        case PAYLOAD_END: return true;
        case PAYLOAD_FAILED: return false;
        }
    }
}

/* Is the chunk to be pushed with this payload? */
static bool fills_chunk(const struct entry *entry)
{
    return entry->chunk->rows >= CHUNK_ROWS || entry->chunk->payload_bytes + entry->reader->text.len >= CHUNK_BYTES;
}

/* Behind the last event. A chunk that grew too large did so by its last payload: that is refused, not those before it. */
static enum error finish_rows(struct entry *entry)
{
    if (!validate_finish(entry->io->validator, &entry->context, entry->chunk)) {
        return ERROR_OUT_OF_MEMORY;
    }
    return fills_chunk(entry) ? pipeline_io_seal(entry->chunk) : OK;
}

/* Nothing of the payload is kept; what was rejected so far has been counted as that. */
static void fail_whole(struct entry *entry, enum error error)
{
    struct submission *submission = entry->submission;
    enum protocol protocol = entry->payload->protocol;
    int64_t left = (int64_t)entry->reader->count - submission->rejected;
    chunk_truncate(entry->chunk, entry->first_row);
    metric_add_event(entry->io->cells, METRIC_EVENTS_RECEIVED, protocol, entry->stream->index,
                     (int64_t)entry->reader->count);
    count_refused(entry->io, protocol, entry->stream->index, error, left);
    submission->events = (uint32_t)entry->reader->count;
    submission->error = error;
    if (error == ERROR_PAYLOAD_TOO_LARGE) {
        buf_printf(
            &submission->detail,
            "the payload's events take more than the %llu bytes that are taken at once; send fewer or smaller ones",
            (unsigned long long)SEGMENT_MAX_CHUNK);
    }
}

static void count_changes(const struct entry *entry, struct time_changes changes)
{
    if ((changes.moved | changes.clamped) != 0) {
        struct metrics_cells *cells = entry->io->cells;
        enum protocol protocol = entry->payload->protocol;
        metric_add_event(cells, METRIC_TIMES_MOVED, protocol, entry->stream->index, changes.moved);
        metric_add_event(cells, METRIC_TIMES_CLAMPED, protocol, entry->stream->index, changes.clamped);
    }
}

static void finish(struct entry *entry)
{
    enum protocol protocol = entry->payload->protocol;
    size_t stream = entry->stream->index;
    uint32_t rows = entry->chunk->rows - entry->first_row;
    struct time_changes changes = validate_take_changes(entry->io->validator);
    if (entry->submission->error == OK) {
        metric_add_event(entry->io->cells, METRIC_EVENTS_RECEIVED, protocol, stream, entry->submission->events);
        count_changes(entry, changes);
    }
    entry->ticket->rows += rows;
    if (entry->ticket->rows == 0) {
        entry->chunk->ticket_count--;
    }
    if (rows == 0) {
        return;
    }
    entry->submission->pending = true;
    metric_add_event(entry->io->cells, METRIC_EVENTS_IN_FLIGHT, protocol, stream, rows);
    if (fills_chunk(entry) && !entry->payload->held) {
        pipeline_io_push(entry->io, stream);
    } else {
        entry->chunk->payload_bytes += entry->reader->text.len;
    }
}

/* The payload is for one event, and holds what looks like several: says so, and where they go. */
static void hint_at_many(struct entry *entry)
{
    struct buf *detail = &entry->submission->detail;
    bool one = entry->payload->form == PAYLOAD_ONE;
    const char *look = one ? payload_look(entry->reader->text, member_names.items) : NULL;
    if (look != NULL) {
        buf_printf(detail, "%sthe payload is %s, and one event is taken here: use /events/bulk",
                   detail->len == 0 ? "" : "; ", look);
    }
}

/* What the reader found is no payload. */
static void refuse_unread(struct entry *entry, enum error error)
{
    char why[128];
    refuse(entry, error);
    payload_explain(entry->reader, why, sizeof why);
    buf_append_string(&entry->submission->detail, why);
    if (error != ERROR_OUT_OF_MEMORY) {
        hint_at_many(entry);
    }
}

static bool repairs(const struct entry *entry)
{
    return entry->stream->options->invalid_text == INVALID_TEXT_REPAIR;
}

/* A member that leads to a field of the stream is data, not envelope. */
static bool is_data(const struct entry *entry, struct slice member)
{
    return path_child(entry->stream->paths, member.data, member.len) != NULL;
}

/* False: there is no stream of the name that the payload gives. */
static bool choose_stream(struct entry *entry, struct slice name)
{
    if (name.len == 0 || is_data(entry, member_names.stream)) {
        return true;
    }
    const struct stream *stream = pipeline_stream(entry->io->pipeline, name);
    if (stream == NULL) {
        refuse(entry, ERROR_UNKNOWN_STREAM);
        pipeline_describe_unknown(entry->io->pipeline, name, &entry->submission->detail);
        return false;
    }
    entry->stream = stream;
    entry->context.named_stream = true;
    return true;
}

/* The members beside several events stand around them, not in them. */
static void read_context(struct entry *entry)
{
    const struct payload_reader *reader = entry->reader;
    struct event_context *context = &entry->context;
    context->is_payload = reader->alone;
    context->named_stream = context->named_stream && reader->alone;
    if (reader->sent_at != 0) {
        context->clock = client_clock_read(&reader->document, reader->sent_at, context->received_wall_ns);
    }
}

/* Up to the first event. False: the payload was refused. */
static bool open_payload(struct entry *entry, const struct payload_source *source)
{
    struct payload_reader *reader = entry->reader;
    enum error error = payload_open(reader, source, repairs(entry));
    if (error == OK) {
        if (!choose_stream(entry, reader->named)) {
            return false;
        }
        bool data = reader->enveloped && is_data(entry, member_names.items);
        error = payload_settle(reader, (struct payload_rules){ .repairs = repairs(entry), .items_are_data = data });
    }
    if (error != OK) {
        refuse_unread(entry, error);
        return false;
    }
    read_context(entry);
    return open_ticket(entry);
}

static void count_repaired(const struct entry *entry)
{
    if (entry->reader->repaired != 0) {
        metric_add_event(entry->io->cells, METRIC_TEXTS_REPAIRED, entry->payload->protocol, entry->stream->index,
                         (int64_t)entry->reader->repaired);
    }
}

static void take_events(struct entry *entry)
{
    enum error error = add_events(entry) ? finish_rows(entry) : ERROR_OUT_OF_MEMORY;
    if (entry->reader->alone && entry->submission->rejected != 0) {
        hint_at_many(entry);
    }
    if (error != OK) {
        fail_whole(entry, error);
    }
    finish(entry);
    if (error != OK && entry->chunk->ticket_count == 0) {
        chunk_clear(entry->chunk); /* nobody pushes it: gives back what it has grown by */
    }
}

static void take_payload(struct entry *entry, const struct payload_source *source)
{
    if (open_payload(entry, source)) {
        take_events(entry);
    }
    count_repaired(entry);
}

/* A payload that was refused as a whole, but for the events of it that were rejected before. */
static void note_whole(const struct entry *entry)
{
    const struct submission *submission = entry->submission;
    uint32_t rejected = submission->rejected;
    uint64_t events = submission->events > rejected ? submission->events - rejected : 1;
    struct refusal refusal = { entry->payload->protocol, entry->stream->name, "", submission->error };
    refusals_note(entry->io->refusals, &refusal, events, buf_slice(&submission->detail));
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    struct payload_source source = {
        .bytes = payload->bytes,
        .form = payload->form,
        .picks_stream = payload->pick_stream,
        .names = &member_names,
        .max_events = io->max_events,
        .parser = io->parser,
        .repair = &io->repair,
    };
    struct payload_reader reader;
    struct entry entry = {
        .io = io,
        .payload = payload,
        .submission = submission,
        .stream = payload->stream,
        .context = { .received_wall_ns = payload->received_wall_ns,
                     .client_ip = payload->client_ip,
                     .user_agent = payload->user_agent },
        .reader = &reader,
    };
    submission_clear(submission);
    take_payload(&entry, &source);
    if (submission->error != OK) {
        note_whole(&entry);
    }
}
