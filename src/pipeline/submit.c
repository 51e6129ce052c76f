/* Turns a payload into rows of the open chunk, a ticket, and what is known at once of each event. */
#include "event/path.h"
#include "pipeline/pipeline_io.h"

#include <stdio.h>

_Static_assert(METRICS_PROTOCOL_COUNT == PROTOCOL_COUNT, "every protocol has its value of the label");

/* One call of pipeline_submit. */
struct submit {
    struct pipeline_io *io;
    const struct payload *payload;
    struct submission *submission;
    struct chunk *chunk;
    struct event_context context;
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
    pipeline_count_refusal(submit->io, submit->payload->protocol, submit->payload->stream, error);
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
    count_refused(submit->io, submit->payload->protocol, submit->payload->stream->index, error->code, 1);
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

static uint64_t count_lines(struct slice text)
{
    uint64_t lines = 0;
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        lines += !is_blank(line);
    }
    return lines;
}

static void describe_bad_line(struct event_error *error, enum error code, struct slice line, size_t offset)
{
    const char *reason;
    size_t at = json_locate(line, &reason);
    error->code = code;
    error->field[0] = '\0';
    snprintf(error->message, sizeof error->message, "invalid JSON at byte %zu: %s", offset + at, reason);
}

/* NDJSON: a bad line is that event's error, the others are kept. */
static bool take_lines(struct submit *submit)
{
    struct slice rest = submit->payload->bytes, line;
    struct json_document document;
    while (slice_split(&rest, '\n', &line)) {
        if (is_blank(line)) {
            continue;
        }
        enum error code = json_parse(submit->io->parser, line, &document);
        if (code == ERROR_OUT_OF_MEMORY) {
            return false;
        }
        if (code == OK) {
            if (!take_event(submit, &document, JSON_ROOT)) {
                return false;
            }
            continue;
        }
        struct event_error error;
        describe_bad_line(&error, code, line, (size_t)(line.data - submit->payload->bytes.data));
        reject_event(submit, &error);
    }
    return true;
}

/* Lines, if the content type says so, or if the first line is a whole object with more behind it. */
static bool is_lines(const struct submit *submit)
{
    struct slice rest = submit->payload->bytes, line;
    struct json_document document;
    if (submit->payload->form != PAYLOAD_MANY || rest.len == 0 || rest.data[0] != '{') {
        return submit->payload->form == PAYLOAD_LINES;
    }
    return slice_split(&rest, '\n', &line) && rest.len != 0 && !is_blank(rest) &&
           json_parse(submit->io->parser, line, &document) == OK;
}

/* The array that holds the events, or 0 if the root is the one event. */
static json_at find_array(const struct submit *submit, const struct json_document *document)
{
    static const struct slice wrapper = { "events", 6 };
    if (submit->payload->form == PAYLOAD_ONE) {
        return 0;
    }
    if (json_type(document, JSON_ROOT) == '[') {
        return JSON_ROOT;
    }
    if (json_type(document, JSON_ROOT) != '{' ||
        path_child(submit->payload->stream->paths, wrapper.data, wrapper.len) != NULL) {
        return 0;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (slice_equal(json_string(document, m), wrapper) && json_type(document, m + 1) == '[') {
            return m + 1;
        }
    }
    return 0;
}

static uint64_t count_items(const struct json_document *document, json_at array)
{
    uint64_t count = 0;
    for (json_at m = json_first(array); !json_at_end(document, m); m = json_skip(document, m)) {
        count++;
    }
    return count;
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

static bool take_lines_or_refuse(struct submit *submit)
{
    return !check_count(submit, count_lines(submit->payload->bytes)) || take_lines(submit);
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

/* False: memory ran short after some events were taken. */
static bool take_payload(struct submit *submit)
{
    struct json_document document;
    if (is_blank(submit->payload->bytes)) {
        refuse(submit, ERROR_EMPTY_PAYLOAD);
        return true;
    }
    if (is_lines(submit)) {
        return take_lines_or_refuse(submit);
    }
    enum error error = json_parse(submit->io->parser, submit->payload->bytes, &document);
    if (error != OK) {
        refuse_json(submit, error);
        return true;
    }
    json_at array = find_array(submit, &document);
    if (array == 0) {
        return take_event(submit, &document, JSON_ROOT);
    }
    return !check_count(submit, count_items(&document, array)) || take_array(submit, &document, array);
}

/* Nothing of the payload is kept; what was rejected so far has been counted as that. */
static void fail_whole(struct submit *submit, uint32_t first_row)
{
    struct submission *submission = submit->submission;
    const struct payload *payload = submit->payload;
    uint32_t events = submission->events + 1; /* the one that did not fit is not among them yet */
    chunk_truncate(submit->chunk, first_row);
    metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, payload->protocol, payload->stream->index, events);
    count_refused(submit->io, payload->protocol, payload->stream->index, ERROR_OUT_OF_MEMORY,
                  events - submission->rejected);
    submission->error = ERROR_OUT_OF_MEMORY;
}

static void finish(struct submit *submit, struct ticket *ticket)
{
    const struct payload *payload = submit->payload;
    size_t stream = payload->stream->index;
    ticket->rows = submit->chunk->rows - ticket->first_row;
    if (submit->submission->error == OK) {
        metric_add_event(submit->io->cells, METRIC_EVENTS_RECEIVED, payload->protocol, stream,
                         submit->submission->events);
    }
    if (ticket->rows == 0) {
        submit->chunk->ticket_count--;
        return;
    }
    ticket->token = payload->token;
    ticket->protocol = payload->protocol;
    ticket->wait_stored = payload->wait_stored;
    submit->submission->pending = true;
    metric_add_event(submit->io->cells, METRIC_EVENTS_IN_FLIGHT, payload->protocol, stream, ticket->rows);
    if (submit->chunk->rows >= CHUNK_ROWS) {
        pipeline_io_push(submit->io, stream);
    }
}

void pipeline_submit(struct pipeline_io *io, const struct payload *payload, struct submission *submission)
{
    struct submit submit = {
        .io = io,
        .payload = payload,
        .submission = submission,
        .context = { payload->received_wall_ns, payload->client_ip, payload->user_agent },
    };
    clear(submission);
    enum error admitted = pipeline_admits(io->pipeline);
    if (admitted != OK) {
        refuse(&submit, admitted);
        return;
    }
    submit.chunk = pipeline_io_take_chunk(io, payload->stream);
    struct ticket *ticket = submit.chunk == NULL ? NULL : chunk_add_ticket(submit.chunk);
    if (ticket == NULL) {
        refuse(&submit, ERROR_OUT_OF_MEMORY);
        return;
    }
    if (!take_payload(&submit)) {
        fail_whole(&submit, ticket->first_row);
    }
    finish(&submit, ticket);
}
