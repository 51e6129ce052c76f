/* Turns the bytes of a payload, and what its request says beside them, into a reader that stands before its first event, and a
 * ticket in the open chunk of its stream. */
#include "pipeline/submit_private.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/stream_options.h"
#include "event/path.h"
#include "event/stream.h"
#include "event/stream_set.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_look.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/payload/payload_reader.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/pipeline_io.h"
#include "pipeline/submit_counts.h"
#include "pipeline/validate/client_clock.h"

/* What stands around events here. */
const struct envelope_names submit_member_names = { .items = { "events", 6 },
                                                    .stream = { "stream", 6 },
                                                    .sent_at = { "sent_at", 7 } };

void submit_refuse(struct entry *entry, enum error error)
{
    entry->submission->error = error;
    submit_count_payload(entry->io, entry->payload->protocol, entry->stream, error);
}

static bool open_ticket(struct entry *entry)
{
    const struct payload *payload = entry->payload;
    struct chunk *chunk = pipeline_io_take_chunk(entry->io, entry->stream);
    if (chunk == NULL) {
        submit_refuse(entry, ERROR_OUT_OF_MEMORY);
        return false;
    }
    struct ticket *last = chunk->ticket_count != 0 ? &chunk->tickets[chunk->ticket_count - 1] : NULL;
    bool share = payload->silent && last != NULL && last->silent && last->protocol == payload->protocol &&
                 last->key == payload->key;
    struct ticket *ticket = share ? last : chunk_add_ticket(chunk);
    if (ticket == NULL) {
        submit_refuse(entry, ERROR_OUT_OF_MEMORY);
        return false;
    }
    if (!share) {
        ticket->token = payload->token;
        ticket->protocol = payload->protocol;
        ticket->wait_stored = payload->wait_stored;
        ticket->silent = payload->silent;
        ticket->key = payload->key;
    }
    if (chunk->rows == 0) {
        chunk->received_ns = payload->again == NULL ? payload->received_wall_ns : clock_wall_ns();
    }
    entry->chunk = chunk;
    entry->ticket = ticket;
    entry->first_row = chunk->rows;
    uint64_t most = entry->stream->options->max_event_bytes;
    entry->max_event = most != 0 ? most : UINT64_MAX;
    return true;
}

/* The payload is for one event, and holds what looks like several: says so, and where they go. */
void submit_hint_at_many(struct entry *entry)
{
    struct buf *detail = &entry->submission->detail;
    bool one = entry->payload->form == PAYLOAD_ONE;
    const char *look = one ? payload_look(entry->reader->text, entry->reader->source->names->items) : NULL;
    if (look != NULL) {
        buf_printf(detail, "%sthe payload is %s, and one event is taken here: use /events/bulk",
                   detail->len == 0 ? "" : "; ", look);
    }
}

/* What the reader found is no payload. */
static void refuse_unread(struct entry *entry, enum error error)
{
    char why[128];
    submit_refuse(entry, error);
    payload_explain(entry->reader, why, sizeof why);
    buf_append_string(&entry->submission->detail, why);
    if (error != ERROR_OUT_OF_MEMORY) {
        submit_hint_at_many(entry);
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
    const struct payload_shape *shape = entry->payload->shape;
    if (shape != NULL && shape->choice != NULL) {
        return submit_choose(entry, shape->choice, name);
    }
    if (name.len == 0 || is_data(entry, submit_member_names.stream)) {
        return true;
    }
    const struct stream *stream = pipeline_stream(entry->io->pipeline, name);
    if (stream == NULL) {
        submit_refuse(entry, ERROR_UNKNOWN_STREAM);
        pipeline_describe_unknown(entry->io->pipeline, name, &entry->submission->detail);
        return false;
    }
    entry->stream = stream;
    entry->context.named_stream = true;
    return true;
}

/* May the key that was shown write what the payload chose? */
static bool may_write(struct entry *entry)
{
    const struct stream_set *streams = entry->payload->streams;
    if (streams == NULL || stream_set_holds(streams, entry->stream->index)) {
        return true;
    }
    submit_refuse(entry, ERROR_STREAM_FORBIDDEN);
    buf_printf(&entry->submission->detail, "the key may not write the stream \"%s\"", entry->stream->name);
    metric_add_index(entry->io->cells, METRIC_KEY_REFUSALS, ERROR_STREAM_FORBIDDEN, 1);
    return false;
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

/* Has the payload, or its request, something to say of each event? */
static inline bool has_values(const struct entry *entry)
{
    const struct payload *payload = entry->payload;
    return payload->values != NULL || (entry->reader->enveloped && !entry->reader->alone &&
                                       (payload->shape != NULL || entry->stream->reads_envelope));
}

/* The reader stands before its first event, with the envelope. */
static enum error RARE begin_merge(struct entry *entry)
{
    const struct payload_reader *reader = entry->reader;
    struct pipeline_io *io = entry->io;
    uint64_t repaired = 0;
    io->merge = io->merge != NULL ? io->merge : payload_merge_new();
    if (io->merge == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    const struct merge_terms terms = {
        .stream = entry->stream,
        .values = entry->payload->values,
        .shape = entry->payload->shape,
        .around = reader->enveloped && !reader->alone ? &reader->document : NULL,
        .repairs = repairs(entry),
    };
    enum error error = payload_merge_begin(io->merge, &terms, &repaired, &entry->submission->detail);
    entry->repaired = repaired;
    entry->merge = error == OK && !payload_merge_is_empty(io->merge) ? io->merge : NULL;
    return error;
}

/* Up to the first event. False: the payload was refused. */
bool submit_open(struct entry *entry, const struct payload_source *source)
{
    struct payload_reader *reader = entry->reader;
    enum error error = payload_open(reader, source, repairs(entry));
    if (error == OK) {
        if (!choose_stream(entry, reader->named) || !may_write(entry)) {
            return false;
        }
        bool data =
            reader->enveloped && source->names == &submit_member_names && is_data(entry, submit_member_names.items);
        error = payload_settle(reader, (struct payload_rules){ .repairs = repairs(entry), .items_are_data = data });
    }
    if (error != OK) {
        refuse_unread(entry, error);
        return false;
    }
    error = has_values(entry) ? begin_merge(entry) : OK;
    if (error != OK) {
        submit_refuse(entry, error);
        return false;
    }
    read_context(entry);
    return open_ticket(entry);
}
