/* Finds the events of a payload: one, an array, lines, or an array in an envelope; whole, or with pieces that are no JSON. */
#include "event/path.h"
#include "event/stream.h"
#include "pipeline/envelope.h"
#include "pipeline/json/json_items.h"
#include "pipeline/submit_private.h"
#include "pipeline/validate/client_clock.h"

#include <stdio.h>

#define LINES_LOOKED_AT 100 /* for an object, before what is no JSON is refused */

static const struct slice stream_member = { "stream", 6 };
static const struct slice events_member = { "events", 6 };

static bool take_array(struct submit *submit, const struct json_document *document, json_at array)
{
    for (json_at m = json_first(array); !json_at_end(document, m); m = json_skip(document, m)) {
        if (!submit_event(submit, document, m)) {
            return false;
        }
    }
    return true;
}

static bool is_blank(struct slice text)
{
    return json_trim(text).len == 0;
}

/* Takes the first line that is not blank from *rest, without the blanks around it. */
static bool take_line(struct slice *rest, struct slice *line)
{
    while (slice_split(rest, '\n', line)) {
        *line = json_trim(*line);
        if (line->len != 0) {
            return true;
        }
    }
    return false;
}

/* The same of a sequence (RFC 7464): a text that is cut off ends where the next begins. */
static bool take_record(struct slice *rest, struct slice *record)
{
    while (slice_split(rest, '\x1e', record)) {
        *record = json_trim(*record);
        if (record->len != 0) {
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

static bool take_good_pieces(struct submit *submit, struct slice rest, take_piece *take);

/* Objects one behind the other in a line are events each, as long as they are not too many. */
static bool holds_values(struct submit *submit, struct slice line, struct event_error *error)
{
    uint64_t count;
    if (!json_items_values(line, &count)) {
        return false;
    }
    if (submit->events + count - 1 > submit->io->max_events) {
        error->code = ERROR_TOO_MANY_EVENTS;
        snprintf(error->message, sizeof error->message,
                 "the line holds %llu events, which makes more than the %llu that are taken at once",
                 (unsigned long long)count, (unsigned long long)submit->io->max_events);
        return false;
    }
    submit->events += (uint32_t)(count - 1);
    return true;
}

/* What is no JSON: several objects in a line, or an event's error. False: memory ran short. */
static bool take_bad_piece(struct submit *submit, enum error code, struct slice piece, take_piece *take)
{
    struct event_error error = { .code = code, .column = SIZE_MAX };
    if ((take == take_line || take == take_record) && holds_values(submit, piece, &error)) {
        return take_good_pieces(submit, piece, json_items_take_value);
    }
    if (error.code == code) {
        submit_describe_fault(submit, piece, error.message, sizeof error.message);
    }
    submit_bad_event(submit, &error);
    return true;
}

/* A bad piece is that event's error, the others are kept. False: memory ran short. */
static bool take_good_pieces(struct submit *submit, struct slice rest, take_piece *take)
{
    struct slice piece;
    while (take(&rest, &piece)) {
        bool parsed = submit->parsed_line == piece.data;
        enum error code = parsed ? OK : submit_parse_piece(submit, piece);
        if (code == ERROR_OUT_OF_MEMORY) {
            return false;
        }
        if (code == OK) {
            submit_count_repaired(submit);
        }
        bool whole =
            code == OK ? submit_event(submit, &submit->document, JSON_ROOT) : take_bad_piece(submit, code, piece, take);
        if (!whole) {
            return false;
        }
    }
    return true;
}

static bool is_object(struct submit *submit, struct slice line)
{
    return line.data[0] == '{' && submit_parse_piece(submit, line) == OK;
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

/* May it be a line for itself, though a bad one: whole, or cut? What goes on in the next line is none. */
static bool may_be_line(struct slice line)
{
    return json_items_is_closed(line) || (line.data[0] != '[' && memchr("{[,:", line.data[line.len - 1], 4) == NULL);
}

/* What is no JSON as a whole may be lines of which the first are bad. */
static bool is_lines_after_all(struct submit *submit)
{
    struct slice rest = submit->payload->bytes, line;
    if (submit->payload->form != PAYLOAD_MANY) {
        return false;
    }
    for (size_t looked = 0; looked < LINES_LOOKED_AT && take_line(&rest, &line); looked++) {
        if (is_object(submit, line)) {
            return true;
        }
        if (!may_be_line(line)) {
            return false;
        }
    }
    return false;
}

/* Is the number of events one that is taken? If not, the payload is refused. */
static bool check_count(struct submit *submit, uint64_t events)
{
    submit->events = (uint32_t)events;
    if (events == 0) {
        submit_refuse(submit, ERROR_EMPTY_PAYLOAD);
    } else if (events > submit->io->max_events) {
        submit_refuse(submit, ERROR_TOO_MANY_EVENTS);
        buf_printf(&submit->submission->detail, "the payload holds %llu events; at most %llu are taken at once",
                   (unsigned long long)events, (unsigned long long)submit->io->max_events);
    }
    return submit->submission->error == OK;
}

static void refuse_json(struct submit *submit, enum error error)
{
    char fault[128];
    submit_refuse(submit, error);
    if (error != ERROR_OUT_OF_MEMORY) {
        submit_describe_fault(submit, submit->payload->bytes, fault, sizeof fault);
        buf_append_string(&submit->submission->detail, fault);
        submit_hint_at_many(submit);
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
        submit_refuse(submit, ERROR_UNKNOWN_STREAM);
        pipeline_describe_unknown(submit->io->pipeline, name, &submit->submission->detail);
        return false;
    }
    submit->stream = stream;
    submit->context.named_stream = true;
    return true;
}

static struct client_clock clock_of(const struct submit *submit, const struct envelope *envelope)
{
    return client_clock_read(&submit->document, envelope->sent_at, submit->context.received_wall_ns);
}

/* The members beside the events stand around them, not in them. */
static void enter_envelope(struct submit *submit, struct client_clock clock)
{
    submit->context.named_stream = false;
    submit->context.clock = clock;
}

/* False: memory ran short; what was taken so far goes. */
static bool take_document(struct submit *submit, const struct envelope *envelope)
{
    const struct json_document *document = &submit->document;
    json_at array = envelope->events;
    submit_count_repaired(submit);
    if (array == 0 || (array != JSON_ROOT && is_data(submit, events_member))) {
        submit->context.is_payload = true;
        bool whole = !submit_open_ticket(submit) || submit_event(submit, document, JSON_ROOT);
        if (submit->submission->rejected != 0) {
            submit_hint_at_many(submit);
        }
        return whole;
    }
    enter_envelope(submit, clock_of(submit, envelope));
    return !check_count(submit, json_count(document, array)) || !submit_open_ticket(submit) ||
           take_array(submit, document, array);
}

/* False: memory ran short; what was taken so far goes. */
static bool take_lines(struct submit *submit, take_piece *take)
{
    struct slice lines = submit->payload->bytes;
    return !check_count(submit, count_pieces(lines, take)) || !submit_open_ticket(submit) ||
           take_good_pieces(submit, lines, take);
}

static bool has_good_piece(struct submit *submit, struct slice rest, take_piece *take)
{
    struct slice piece;
    while (take(&rest, &piece)) {
        if (submit_parse_piece(submit, piece) == OK) {
            return true;
        }
    }
    return false;
}

/* What is no JSON as a whole may be objects one behind the other: events, as each of them is one; so no envelopes. */
static bool is_values(struct submit *submit, uint64_t *count)
{
    struct slice bytes = submit->payload->bytes, rest = bytes, first, array;
    if (submit->payload->form != PAYLOAD_MANY || !json_items_values(bytes, count) ||
        !json_items_take_value(&rest, &first)) {
        return false;
    }
    bool enveloped = json_items_member(first, events_member, &array) && !is_data(submit, events_member);
    return !enveloped && (*count > submit->io->max_events || has_good_piece(submit, bytes, json_items_take_value));
}

/* An envelope that is no JSON for the sake of some of its events: what stands around them must be. */
static bool parse_around(struct submit *submit, struct slice items)
{
    struct slice bytes = submit->payload->bytes;
    size_t before = (size_t)(items.data - bytes.data);
    struct buf around = { 0 };
    buf_append(&around, bytes.data, before);
    buf_append_slice(&around, slice_after(bytes, before + items.len));
    size_t len = around.len;
    buf_append_fill(&around, 0, JSON_PADDING);
    bool fine = !around.failed && submit_parse_piece(submit, slice_make(around.data, len)) == OK;
    buf_release(&around);
    return fine;
}

/* An array that is no JSON as a whole, though some of its items are. */
struct items {
    struct slice text;   /* of the items */
    uint64_t count;      /* of them, bad ones too */
    bool enveloped;      /* the array is that of an envelope */
    struct slice stream; /* which that names; empty: none */
    uint64_t repaired;   /* texts around them */
    struct client_clock clock;
};

/* More items than are taken are not parsed: no more of them is said than how many they are. */
static bool is_items_after_all(struct submit *submit, struct items *items)
{
    struct slice array = submit->payload->bytes;
    *items = (struct items){ .enveloped = json_items_member(array, events_member, &array), .stream = { "", 0 } };
    if (submit->payload->form != PAYLOAD_MANY || !json_items(array, &items->text, &items->count)) {
        return false;
    }
    if (items->count <= submit->io->max_events && !has_good_piece(submit, items->text, json_items_take)) {
        return false;
    }
    if (!items->enveloped) {
        return true;
    }
    if (!parse_around(submit, items->text)) {
        return false;
    }
    struct envelope envelope = envelope_read(submit->payload, &submit->document);
    items->stream = envelope.stream;
    items->repaired = submit->repaired;
    items->clock = clock_of(submit, &envelope);
    return envelope.events != 0 && json_count(&submit->document, envelope.events) == 0;
}

/* False: memory ran short; what was taken so far goes. */
static bool take_items(struct submit *submit, const struct items *items, enum error error)
{
    if (!choose_stream(submit, items->stream)) {
        return true;
    }
    if (items->enveloped && is_data(submit, events_member)) {
        refuse_json(submit, error); /* one event */
        return true;
    }
    enter_envelope(submit, items->clock);
    submit->repaired = items->repaired;
    submit_count_repaired(submit);
    return !check_count(submit, items->count) || !submit_open_ticket(submit) ||
           take_good_pieces(submit, items->text, json_items_take);
}

/* False: memory ran short; what was taken so far goes. */
static bool take_values(struct submit *submit, uint64_t count)
{
    return !check_count(submit, count) || !submit_open_ticket(submit) ||
           take_good_pieces(submit, submit->payload->bytes, json_items_take_value);
}

/* What is no JSON as a whole: good pieces of it are taken. False: memory ran short; what was taken so far goes. */
static bool take_pieces(struct submit *submit, enum error error)
{
    struct items items;
    uint64_t count;
    if (is_items_after_all(submit, &items)) {
        return take_items(submit, &items, error);
    }
    if (is_lines_after_all(submit)) {
        return take_lines(submit, take_line);
    }
    if (is_values(submit, &count)) {
        return take_values(submit, count);
    }
    refuse_json(submit, error);
    return true;
}

bool submit_payload(struct submit *submit)
{
    struct slice bytes = submit->payload->bytes;
    if (bytes.len == 0) {
        submit_refuse(submit, ERROR_EMPTY_PAYLOAD);
        return true;
    }
    if (bytes.data[0] == '\x1e' && submit->payload->form != PAYLOAD_ONE) {
        return take_lines(submit, take_record);
    }
    if (is_lines(submit)) {
        return take_lines(submit, take_line);
    }
    enum error error = submit_parse(submit, bytes);
    if (error == ERROR_OUT_OF_MEMORY) {
        refuse_json(submit, error);
        return true;
    }
    if (error != OK) {
        return take_pieces(submit, error);
    }
    struct envelope envelope = envelope_read(submit->payload, &submit->document);
    if (!choose_stream(submit, envelope.stream)) {
        return true;
    }
    return submit_takes_text(submit) ? take_document(submit, &envelope) : take_pieces(submit, ERROR_INVALID_JSON);
}
