/* Turns a payload into rows of the open chunk, a ticket, and what is known at once of each event. */
#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "event/column.h"
#include "event/event_id.h"
#include "event/stream.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/payload/payload_reader.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/payload/stream_choice.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/refusals.h"
#include "pipeline/submission.h"
#include "pipeline/submit_counts.h"
#include "pipeline/submit_private.h"
#include "pipeline/validate/client_clock.h"
#include "pipeline/validate/validate.h"

#include <stdio.h>

#define MERGED_UNWEIGHED ((uint64_t)16 << 20)

_Static_assert(METRICS_PROTOCOL_COUNT == PROTOCOL_COUNT, "every protocol has its value of the label");

/* A message may quote what was sent. */
static struct slice for_log(const struct entry *entry, struct slice message)
{
    const struct payload_shape *shape = entry->payload->shape;
    return shape != NULL && shape->secret ? SLICE("") : message;
}

/* The event is at `at` of `document`; NULL: it is the reader's piece. */
static void note_bad_event(const struct entry *entry, const struct event_error *error,
                           const struct json_document *document, json_at at)
{
    const struct stream *stream = entry->stream;
    bool known = error->column < stream->column_count;
    struct refusal refusal = { entry->payload->protocol, stream->name, known ? stream->columns[error->column].name : "",
                               error->code };
    if (known) {
        metric_add_field(entry->io->cells, stream->index, error->column, error->code, 1);
    }
    struct refused_input input = { .stream = stream,
                                   .events = 1,
                                   .alone = entry->reader->alone,
                                   .sent_ns = client_clock_sent_ns(&entry->context.clock),
                                   .document = document,
                                   .at = at,
                                   .merged = entry->merge != NULL };
    if (document == NULL) {
        input.bytes = entry->reader->piece;
    }
    submit_tell(entry->io, entry->payload, &refusal, &input, for_log(entry, slice_from_string(error->message)));
}

static void add_bad_event(struct entry *entry, const struct event_error *error, const struct json_document *document,
                          json_at at)
{
    submission_add_error(entry->submission, error);
    submit_count_refused(entry->io, entry->payload->protocol, entry->stream->index, error->code, 1);
    note_bad_event(entry, error, document, at);
}

static void RARE refuse_size(struct entry *entry, const struct json_document *document, json_at at)
{
    struct event_error error = { .code = ERROR_EVENT_TOO_LARGE, .column = SIZE_MAX };
    snprintf(error.message, sizeof error.message,
             "the event is larger than the %llu bytes of JSON that max_event of its stream allows",
             (unsigned long long)entry->max_event);
    add_bad_event(entry, &error, document, at);
}

/* Is the event larger than its stream takes? Not asked where the text that it is in is no larger. */
static inline bool is_too_large(const struct entry *entry, const struct json_document *document, json_at at)
{
    bool may_be = entry->merge != NULL ? entry->max_event != UINT64_MAX : entry->reader->parsed.len > entry->max_event;
    return may_be && json_is_larger(document, at, entry->max_event);
}

/* What stands beside the events of a small payload may stand in each of very many rows. Asked before an event, as often as the
 * chunk may have become so much larger. */
static bool RARE outgrows_chunk(struct entry *entry)
{
    entry->merged += payload_merge_bytes(entry->merge);
    if (entry->merged - entry->weighed < MERGED_UNWEIGHED) {
        return false;
    }
    entry->weighed = entry->merged;
    return chunk_bytes(entry->chunk) > SEGMENT_MAX_CHUNK;
}

/* The event at which the reader stands, with what the request says: a row, or an error of its own. False: memory ran short, or
 * the chunk is too large. */
static bool add_event(struct entry *entry)
{
    struct event_error error;
    struct json_document merged;
    const struct json_document *document = &entry->reader->document;
    json_at at = entry->reader->at;
    if (entry->merge != NULL) {
        if (outgrows_chunk(entry) || !payload_merge_event(entry->merge, document, at, &merged)) {
            return false;
        }
        document = &merged;
        at = JSON_ROOT;
    }
    if (is_too_large(entry, document, at)) {
        refuse_size(entry, document, at);
        return true;
    }
    if (validate_event(entry->io->validator, document, at, &entry->context, entry->chunk, &error)) {
        submission_add_row(entry->submission, validate_id(entry->io->validator, entry->chunk));
        return true;
    }
    if (error.code == ERROR_OUT_OF_MEMORY) {
        return false;
    }
    add_bad_event(entry, &error, document, at);
    return true;
}

static void RARE add_bad_piece(struct entry *entry)
{
    struct event_error error = { .code = entry->reader->error, .column = SIZE_MAX };
    payload_explain(entry->reader, error.message, sizeof error.message);
    add_bad_event(entry, &error, NULL, 0);
}

/* All that the reader finds. False: memory ran short, or the chunk is too large; what was added goes. */
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

/* Of the payload, with what was put into its events. */
static uint64_t payload_bytes(const struct entry *entry)
{
    return entry->reader->text.len + entry->merged;
}

/* Is the chunk to be pushed with this payload? */
static bool fills_chunk(const struct entry *entry)
{
    return entry->chunk->rows >= CHUNK_ROWS || entry->chunk->payload_bytes + payload_bytes(entry) >= CHUNK_BYTES;
}

/* Behind the last event. A chunk that grew too large did so by its last payload: that is refused, not those before it. */
static enum error finish_rows(struct entry *entry)
{
    enum error error = validate_finish(entry->io->validator, &entry->context, entry->chunk);
    if (error != OK) {
        return error;
    }
    return fills_chunk(entry) ? pipeline_io_seal(entry->chunk) : OK;
}

static enum error why_stopped(const struct entry *entry)
{
    return chunk_bytes(entry->chunk) > SEGMENT_MAX_CHUNK ? ERROR_PAYLOAD_TOO_LARGE : ERROR_OUT_OF_MEMORY;
}

/* Nothing of the payload is kept; what was rejected so far has been counted, as received too. */
static void fail_whole(struct entry *entry, enum error error)
{
    struct submission *submission = entry->submission;
    enum protocol protocol = entry->payload->protocol;
    int64_t left = (int64_t)entry->reader->count - submission->rejected;
    chunk_truncate(entry->chunk, entry->first_row);
    submit_count_refused(entry->io, protocol, entry->stream->index, error, left);
    submission->events = (uint32_t)entry->reader->count;
    submission->error = error;
    if (error == ERROR_BATCH_REFUSED) {
        const struct first_refused *first = &submission->first;
        buf_printf(&submission->detail, "event %u: %s; the route takes all events of a payload or none", first->index,
                   first->message);
    } else if (error == ERROR_PAYLOAD_TOO_LARGE) {
        buf_printf(
            &submission->detail,
            "the payload's events take more than the %llu bytes that are taken at once; send fewer or smaller ones",
            (unsigned long long)SEGMENT_MAX_CHUNK);
    }
}

static void finish(struct entry *entry)
{
    enum protocol protocol = entry->payload->protocol;
    size_t stream = entry->stream->index;
    uint32_t rows = entry->chunk->rows - entry->first_row; /* the others were counted when they were refused */
    bool taken = entry->submission->error == OK;
    ASSERT_EQUAL(rows, taken ? entry->submission->events - entry->submission->rejected : 0);
    entry->submission->ids_of_clients = entry->stream->id_source_count != 0;
    submit_count_changes(entry->io, protocol, entry->stream, taken);
    entry->ticket->rows += rows;
    if (entry->ticket->rows == 0) {
        entry->chunk->ticket_count--;
    }
    if (rows == 0) {
        return;
    }
    const struct client_clock *clock = validate_clock(entry->io->validator);
    if (clock->until_ns != 0) {
        submit_count_clock(entry->io, clock, entry->context.received_wall_ns);
    }
    entry->submission->pending = true;
    metric_count_events(entry->io->cells, protocol, stream,
                        &(struct metric_events){ .received = rows, .in_flight = rows });
    if (fills_chunk(entry) && !entry->payload->held) {
        pipeline_io_push(entry->io, stream);
    } else {
        entry->chunk->payload_bytes += payload_bytes(entry);
    }
}

static void count_repaired(const struct entry *entry)
{
    uint64_t repaired = entry->reader->repaired + entry->repaired;
    if (repaired != 0) {
        metric_add_event(entry->io->cells, METRIC_TEXTS_REPAIRED, entry->payload->protocol, entry->stream->index,
                         (int64_t)repaired);
    }
}

static void take_events(struct entry *entry)
{
    enum error error = add_events(entry) ? finish_rows(entry) : why_stopped(entry);
    const struct payload_shape *shape = entry->payload->shape;
    if (shape != NULL && shape->atomic && error == OK && entry->submission->rejected != 0) {
        error = ERROR_BATCH_REFUSED;
    }
    if (error == OK && entry->reader->alone && entry->submission->rejected != 0) {
        submit_hint_at_many(entry);
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
    if (submit_open(entry, source)) {
        take_events(entry);
    }
    count_repaired(entry);
}

/* A payload that was refused as a whole, but for the events of it that were rejected before. */
static void note_whole(const struct entry *entry)
{
    const struct submission *submission = entry->submission;
    uint32_t rejected = submission->rejected;
    struct refused_input input = { .stream = entry->stream,
                                   .events = submission->events > rejected ? submission->events - rejected : 1,
                                   .whole = true,
                                   .bytes = entry->payload->bytes };
    struct refusal refusal = { entry->payload->protocol, entry->stream->name, "", submission->error };
    submit_tell(entry->io, entry->payload, &refusal, &input, for_log(entry, buf_slice(&submission->detail)));
}

static void RARE follow_shape(const struct payload_shape *shape, struct payload_source *source,
                              struct envelope_names *names)
{
    *names = submit_member_names;
    source->names = names;
    names->items = shape->items.len != 0 ? shape->items : names->items;
    if (shape->choice != NULL) {
        names->stream = shape->choice->member;
        source->picks_stream = true;
    }
    source->allow_empty = shape->allow_empty;
    source->max_events =
        shape->max_events != 0 && shape->max_events < source->max_events ? shape->max_events : source->max_events;
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    struct payload_source source = {
        .bytes = payload->bytes,
        .form = payload->form,
        .picks_stream = payload->pick_stream,
        .names = &submit_member_names,
        .max_events = io->max_events,
        .parser = io->parser,
        .repair = &io->repair,
    };
    struct payload_reader reader;
    struct entry entry = {
        .io = io,
        .payload = payload,
        .submission = submission,
        .stream = pipeline_present(io->pipeline, payload->stream),
        .context = { .received_wall_ns = payload->received_wall_ns,
                     .client_ip = payload->client_ip,
                     .user_agent = payload->user_agent,
                     .request = payload->request },
        .reader = &reader,
    };
    submission_clear(submission);
    if (payload->again != NULL) {
        validate_begin_again(io->validator, payload->again);
    }
    struct envelope_names names;
    if (payload->shape != NULL) {
        follow_shape(payload->shape, &source, &names);
    }
    take_payload(&entry, &source);
    if (submission->error != OK) {
        note_whole(&entry);
    }
    if (payload->key != 0) {
        submit_count_key(io, payload->key, submission);
    }
    if (payload->again != NULL) {
        validate_begin_again(io->validator, NULL);
    }
}
