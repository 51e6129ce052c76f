/* Turns a payload into rows of the open chunk, a ticket, and what is known at once of each event. */
#include "event/path.h"
#include "pipeline/json_items.h"
#include "pipeline/pipeline_io.h"

#include <stdio.h>

_Static_assert(METRICS_PROTOCOL_COUNT == PROTOCOL_COUNT, "every protocol has its value of the label");

static const struct slice stream_member = { "stream", 6 };
static const struct slice events_member = { "events", 6 };

/* One call of pipeline_submit. */
struct submit {
    struct pipeline_io *io;
    const struct payload *payload;
    struct submission *submission;
    const struct stream *stream; /* the payload's, or the one that it named */
    struct chunk *chunk;
    struct ticket *ticket; /* NULL until the payload is known to hold events, and their stream */
    uint32_t first_row;
    struct event_context context;
    struct json_document document; /* of the payload, or of the line parsed last */
    const char *parsed_line;       /* which line that was */
};

void submission_release(struct submission *submission)
{
    buf_release(&submission->detail);
    buf_release(&submission->ids);
    buf_release(&submission->errors);
}

static void clear(struct submission *submission)
{
    buf_clear(&submission->detail);
    buf_clear(&submission->ids);
    buf_clear(&submission->errors);
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

void pipeline_count_refusal(struct pipeline_io *io, enum protocol protocol, const struct stream *stream,
                            enum error error)
{
    size_t index = stream != NULL ? stream->index : io->stream_count; /* the latter stands for "no stream" */
    metric_add_event(io->cells, METRIC_EVENTS_RECEIVED, protocol, index, 1);
    count_refused(io, protocol, index, error, 1);
}

/* The payload as a whole. */
static void refuse(struct submit *submit, enum error error)
{
    submit->submission->error = error;
    pipeline_count_refusal(submit->io, submit->payload->protocol, submit->stream, error);
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

static void reject_event(struct submit *submit, const struct event_error *error)
{
    static const struct event_id none;
    struct submission *submission = submit->submission;
    append_error(submission, error);
    submission->first_error = submission->rejected == 0 ? error->code : submission->first_error;
    submission->rejected++;
    submission->events++;
    buf_append(&submission->ids, &none, sizeof none);
    count_refused(submit->io, submit->payload->protocol, submit->stream->index, error->code, 1);
}

/* A ticket for the rows to come. If memory is short, the payload is refused. */
static bool open_ticket(struct submit *submit)
{
    const struct payload *payload = submit->payload;
    struct chunk *chunk = pipeline_io_take_chunk(submit->io, submit->stream);
    if (chunk == NULL) {
        refuse(submit, ERROR_OUT_OF_MEMORY);
        return false;
    }
    struct ticket *last = chunk->ticket_count != 0 ? &chunk->tickets[chunk->ticket_count - 1] : NULL;
    bool share = payload->silent && last != NULL && last->silent && last->protocol == payload->protocol;
    struct ticket *ticket = share ? last : chunk_add_ticket(chunk);
    if (ticket == NULL) {
        refuse(submit, ERROR_OUT_OF_MEMORY);
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
    return true;
}

/* False: memory ran short; the payload fails as a whole. */
static bool take_event(struct submit *submit, const struct json_document *document, json_at at)
{
    struct event_error error;
    struct submission *submission = submit->submission;
    if (validate_event(submit->io->validator, document, at, &submit->context, submit->chunk, &error)) {
        buf_append(&submission->ids, &submit->chunk->ids[submit->chunk->rows - 1], sizeof(struct event_id));
        submission->events++;
        return true;
    }
    if (error.code == ERROR_OUT_OF_MEMORY) {
        submission->events++;
        return false;
    }
    reject_event(submit, &error);
    return true;
}

static bool take_array(struct submit *submit, const struct json_document *document, json_at array)
{
    for (json_at m = json_first(array); !json_at_end(document, m); m = json_skip(document, m)) {
        if (!take_event(submit, document, m)) {
            return false;
        }
    }
    return true;
}

static bool is_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r' && text.data[i] != '\n') {
            return false;
        }
    }
    return true;
}

/* Takes the first line that is not blank from *rest. */
static bool take_line(struct slice *rest, struct slice *line)
{
    while (slice_split(rest, '\n', line)) {
        if (!is_blank(*line)) {
            return true;
        }
    }
    return false;
}

/* Cuts the first event's text off *rest; false: none is left. */
typedef bool take_piece(struct slice *rest, struct slice *piece);

static uint64_t count_pieces(struct slice rest, take_piece *take)
{
    uint64_t pieces = 0;
    struct slice piece;
    while (take(&rest, &piece)) {
        pieces++;
    }
    return pieces;
}

static void describe_bad_piece(struct event_error *error, enum error code, struct slice piece, size_t offset)
{
    const char *reason;
    size_t at = json_locate(piece, &reason);
    error->code = code;
    error->field[0] = '\0';
    snprintf(error->message, sizeof error->message, "invalid JSON at byte %zu: %s", offset + at, reason);
}

/* A bad piece is that event's error, the others are kept. False: memory ran short. */
static bool take_good_pieces(struct submit *submit, struct slice rest, take_piece *take)
{
    struct slice piece;
    while (take(&rest, &piece)) {
        bool parsed = submit->parsed_line == piece.data;
        enum error code = parsed ? OK : json_parse(submit->io->parser, piece, &submit->document);
        if (code == ERROR_OUT_OF_MEMORY) {
            submit->submission->events++;
            return false;
        }
        if (code == OK) {
            if (!take_event(submit, &submit->document, JSON_ROOT)) {
                return false;
            }
            continue;
        }
        struct event_error error;
        describe_bad_piece(&error, code, piece, (size_t)(piece.data - submit->payload->bytes.data));
        reject_event(submit, &error);
    }
    return true;
}

static bool is_object(struct submit *submit, struct slice line)
{
    return slice_trim(line).data[0] == '{' && json_parse(submit->io->parser, line, &submit->document) == OK;
}

/* Lines, if the content type says so, or if the first line is a whole object with more behind it. */
static bool is_lines(struct submit *submit)
{
    struct slice rest = submit->payload->bytes, line;
    if (submit->payload->form != PAYLOAD_MANY || rest.data[0] == '[') {
        return submit->payload->form == PAYLOAD_LINES;
    }
    if (!take_line(&rest, &line) || is_blank(rest) || !is_object(submit, line)) {
        return false;
    }
    submit->parsed_line = line.data;
    return true;
}

/* An array that is no JSON for the sake of some of its items; *items are all of them. */
static bool is_items_after_all(struct submit *submit, struct slice *items)
{
    if (submit->payload->form != PAYLOAD_MANY || !json_items(submit->payload->bytes, items)) {
        return false;
    }
    struct slice rest = *items, item;
    while (json_items_take(&rest, &item)) {
        if (json_parse(submit->io->parser, item, &submit->document) == OK) {
            return true;
        }
    }
    return false;
}

/* What is no JSON as a whole may be lines of which the first is bad: the second then is a whole object. Not after a '[',
 * where an item of an array may stand on a line of its own. */
static bool is_lines_after_all(struct submit *submit)
{
    struct slice rest = submit->payload->bytes, line;
    return submit->payload->form == PAYLOAD_MANY && take_line(&rest, &line) && slice_trim(line).data[0] != '[' &&
           take_line(&rest, &line) && is_object(submit, line);
}

/* What the members around the events say: which stream, and where the events are. */
struct envelope {
    struct slice stream; /* empty: none is named */
    json_at events;      /* an array; 0: the root is the one event */
};

/* One walk for both, as every datagram pays for it. Of equal names of streams the last counts, of arrays the first. */
static struct envelope read_envelope(const struct payload *payload, const struct json_document *document)
{
    struct envelope envelope = { .stream = { "", 0 } };
    bool many = payload->form != PAYLOAD_ONE;
    char root = json_type(document, JSON_ROOT);
    if (root == '[') {
        envelope.events = many ? JSON_ROOT : 0;
    }
    if (root != '{' || !(many || payload->pick_stream)) {
        return envelope;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        char type = json_type(document, m + 1);
        if (type == '"' && payload->pick_stream && slice_equal(json_string(document, m), stream_member)) {
            envelope.stream = json_string(document, m + 1);
        } else if (type == '[' && many && envelope.events == 0 &&
                   slice_equal(json_string(document, m), events_member)) {
            envelope.events = m + 1;
        }
    }
    return envelope;
}

/* Is the number of events one that is taken? If not, the payload is refused. */
static bool check_count(struct submit *submit, uint64_t events)
{
    if (events == 0) {
        refuse(submit, ERROR_EMPTY_PAYLOAD);
    } else if (events > submit->io->max_events) {
        refuse(submit, ERROR_TOO_MANY_EVENTS);
        buf_printf(&submit->submission->detail, "the payload holds %llu events; at most %llu are taken at once",
                   (unsigned long long)events, (unsigned long long)submit->io->max_events);
    }
    return submit->submission->error == OK;
}

static void refuse_json(struct submit *submit, enum error error)
{
    const char *reason;
    refuse(submit, error);
    if (error != ERROR_OUT_OF_MEMORY) {
        size_t at = json_locate(submit->payload->bytes, &reason);
        buf_printf(&submit->submission->detail, "invalid JSON at byte %zu: %s", at, reason);
    }
}

/* A member that leads to a field of the stream is data, not envelope. */
static bool is_data(const struct submit *submit, struct slice member)
{
    return path_child(submit->stream->paths, member.data, member.len) != NULL;
}

/* False: there is no stream of the name that the payload gives. */
static bool choose_stream(struct submit *submit, struct slice name)
{
    if (name.len == 0 || is_data(submit, stream_member)) {
        return true;
    }
    const struct stream *stream = pipeline_stream(submit->io->pipeline, name);
    if (stream == NULL) {
        refuse(submit, ERROR_UNKNOWN_STREAM);
        buf_append_string(&submit->submission->detail, "\"stream\" names ");
        buf_append_json_string(&submit->submission->detail, slice_make(name.data, name.len < 64 ? name.len : 64));
        buf_append_string(&submit->submission->detail, ", which is not a stream of this gateway");
        return false;
    }
    submit->stream = stream;
    submit->context.named_stream = true;
    return true;
}

/* False: memory ran short after some events were taken. */
static bool take_document(struct submit *submit, const struct json_document *document)
{
    struct envelope envelope = read_envelope(submit->payload, document);
    json_at array = envelope.events;
    if (!choose_stream(submit, envelope.stream)) {
        return true;
    }
    if (array == 0 || (array != JSON_ROOT && is_data(submit, events_member))) {
        return !open_ticket(submit) || take_event(submit, document, JSON_ROOT);
    }
    submit->context.named_stream = false; /* the name stood around the events, not in them */
    return !check_count(submit, json_count(document, array)) || !open_ticket(submit) ||
           take_array(submit, document, array);
}

/* False: memory ran short after some events were taken. */
static bool take_pieces(struct submit *submit, struct slice pieces, take_piece *take)
{
    return !check_count(submit, count_pieces(pieces, take)) || !open_ticket(submit) ||
           take_good_pieces(submit, pieces, take);
}

/* False: memory ran short after some events were taken. */
static bool take_payload(struct submit *submit)
{
    struct slice bytes = submit->payload->bytes, items;
    if (is_blank(bytes)) {
        refuse(submit, ERROR_EMPTY_PAYLOAD);
        return true;
    }
    if (is_lines(submit)) {
        return take_pieces(submit, bytes, take_line);
    }
    enum error error = json_parse(submit->io->parser, bytes, &submit->document);
    if (error == OK) {
        return take_document(submit, &submit->document);
    }
    if (error != ERROR_OUT_OF_MEMORY && is_lines_after_all(submit)) {
        return take_pieces(submit, bytes, take_line);
    }
    if (error != ERROR_OUT_OF_MEMORY && is_items_after_all(submit, &items)) {
        return take_pieces(submit, items, json_items_take);
    }
    refuse_json(submit, error);
    return true;
}

/* Nothing of the payload is kept; what was rejected so far has been counted as that. */
static void fail_whole(struct submit *submit)
{
    struct submission *submission = submit->submission;
    enum protocol protocol = submit->payload->protocol;
    uint32_t events = submission->events;
    chunk_truncate(submit->chunk, submit->first_row);
    metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, protocol, submit->stream->index, events);
    count_refused(submit->io, protocol, submit->stream->index, ERROR_OUT_OF_MEMORY, events - submission->rejected);
    submission->error = ERROR_OUT_OF_MEMORY;
}

static void finish(struct submit *submit)
{
    enum protocol protocol = submit->payload->protocol;
    size_t stream = submit->stream->index;
    uint32_t rows = submit->chunk->rows - submit->first_row;
    if (submit->submission->error == OK) {
        metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, protocol, stream, submit->submission->events);
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
    if (submit->chunk->rows >= CHUNK_ROWS) {
        pipeline_io_push(submit->io, stream);
    }
}

/* A payload that may name another stream is refused for want of that one's room by the commit. */
static enum error ask_to_enter(const struct pipeline_io *io, const struct payload *payload)
{
    enum error error = pipeline_admits(io->pipeline);
    return error != OK || payload->pick_stream ? error : pipeline_admits_stream(io->pipeline, payload->stream);
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    struct submit submit = {
        .io = io,
        .payload = payload,
        .submission = submission,
        .stream = payload->stream,
        .context = { payload->received_wall_ns, payload->client_ip, payload->user_agent, false },
    };
    clear(submission);
    enum error error = payload->admitted ? OK : ask_to_enter(io, payload);
    if (error != OK) {
        refuse(&submit, error);
        return;
    }
    bool whole = take_payload(&submit);
    if (submit.ticket == NULL) {
        return; /* refused */
    }
    if (!whole || !validate_finish(io->validator, &submit.context, submit.chunk)) {
        fail_whole(&submit);
    }
    finish(&submit);
}
