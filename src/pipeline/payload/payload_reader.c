/* Turns a payload into its events, one at each call. */
#include "pipeline/payload/payload_reader.h"

#include "base/assert.h"
#include "pipeline/json/json_items.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_reader_private.h"

#include <stdio.h>

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

static enum error refuse(struct payload_reader *reader, enum error error)
{
    reader->layout = LAYOUT_NONE;
    reader->take = NULL;
    reader->next = reader->end = 0;
    reader->piece = (struct slice){ 0 };
    reader->error = error;
    return error;
}

enum error payload_open(struct payload_reader *reader, const struct payload_source *source, bool repairs)
{
    *reader = (struct payload_reader){
        .source = source, .rules = { .repairs = repairs }, .text = without_frame(source->bytes), .named = { "", 0 }
    };
    if (reader->text.len == 0) {
        return refuse(reader, ERROR_EMPTY_PAYLOAD);
    }
    return payload_layout_find(reader) ? OK : refuse(reader, reader->error);
}

/* The stream does not take the document as it was repaired: what of it is fine? */
static bool find_pieces(struct payload_reader *reader)
{
    reader->enveloped = false;
    reader->sent_at = 0;
    reader->outer_repaired = 0;
    reader->error = ERROR_INVALID_JSON;
    return payload_layout_find(reader);
}

static void count_pieces(struct payload_reader *reader)
{
    struct slice rest = reader->text, piece;
    for (reader->count = 0; reader->take(&rest, &piece);) {
        reader->count++;
    }
}

static void stand_in_document(struct payload_reader *reader)
{
    const struct json_document *document = &reader->document;
    reader->alone = reader->items == 0 || (reader->enveloped && reader->rules.items_are_data);
    if (reader->alone) {
        reader->sent_at = 0;
        reader->count = 1;
        reader->next = JSON_ROOT;
        reader->end = json_skip(document, JSON_ROOT);
    } else {
        reader->count = json_count(document, reader->items);
        reader->next = json_first(reader->items);
        reader->end = json_skip(document, reader->items) - 1; /* at its closing bracket */
    }
}

/* Stands before the first event, and knows how many there are. False: where the name of an envelope's array is that of a
 * field, there are no envelopes; objects one behind the other may not be such. */
static bool stand_at_events(struct payload_reader *reader)
{
    bool data = reader->rules.items_are_data;
    switch (reader->layout) {
    case LAYOUT_DOCUMENT: stand_in_document(reader); return true;
    case LAYOUT_ITEMS: return !reader->enveloped || !data;
    case LAYOUT_VALUES: return !reader->enveloped || data;
    default: count_pieces(reader); return true;
    }
}

enum error payload_settle(struct payload_reader *reader, struct payload_rules rules)
{
    ASSERT(reader->layout != LAYOUT_NONE);
    reader->rules = rules;
    bool taken = reader->layout != LAYOUT_DOCUMENT || payload_takes_text(reader) || find_pieces(reader);
    if (!taken || !stand_at_events(reader)) {
        return refuse(reader, reader->error);
    }
    reader->repaired = reader->outer_repaired;
    if (reader->count == 0 && !reader->source->allow_empty) {
        return refuse(reader, ERROR_EMPTY_PAYLOAD);
    }
    return reader->count > reader->source->max_events ? refuse(reader, ERROR_TOO_MANY_EVENTS) : OK;
}

/* The next object of the line that is being read. */
static bool take_of_line(struct payload_reader *reader, struct slice *piece)
{
    if (reader->line.data != NULL && json_items_take_value(&reader->line, piece)) {
        return true;
    }
    reader->line.data = NULL;
    return false;
}

/* Objects one behind the other in a line are events each, as long as they are not too many. */
static bool enter_line(struct payload_reader *reader, struct slice line)
{
    uint64_t events;
    if ((reader->layout != LAYOUT_LINES && reader->layout != LAYOUT_RECORDS) || !json_items_values(line, &events)) {
        return false;
    }
    if (reader->count + events - 1 > reader->source->max_events) {
        reader->error = ERROR_TOO_MANY_EVENTS;
        reader->line_events = events;
        return false;
    }
    reader->count += events - 1;
    reader->line = line;
    return true;
}

static enum payload_found fail(struct payload_reader *reader)
{
    (void)refuse(reader, ERROR_OUT_OF_MEMORY);
    return PAYLOAD_FAILED;
}

enum payload_found payload_next_piece(struct payload_reader *reader)
{
    struct slice piece;
    for (;;) {
        bool of_line = take_of_line(reader, &piece);
        if (!of_line && !reader->take(&reader->rest, &piece)) {
            return PAYLOAD_END;
        }
        enum error error = payload_parse_piece(reader, piece);
        if (error == OK) {
            reader->repaired += reader->parsed_repaired;
            reader->at = JSON_ROOT;
            return PAYLOAD_EVENT;
        }
        if (error == ERROR_OUT_OF_MEMORY) {
            return fail(reader);
        }
        reader->piece = piece;
        reader->error = error;
        if (of_line || !enter_line(reader, piece)) {
            return PAYLOAD_BAD;
        }
    }
}

static void explain_json(const struct payload_reader *reader, char *out, size_t size)
{
    const char *reason;
    struct slice text = reader->piece.data != NULL ? reader->piece : reader->text;
    bool repairs = reader->rules.repairs;
    size_t before = (size_t)(text.data - reader->source->bytes.data), at = json_locate(text, repairs, &reason);
    if (at == text.len && repairs) {
        size_t strict = json_locate(text, false, &reason); /* more of it is no text than is repaired */
        at = strict < text.len ? strict : at;
    }
    snprintf(out, size, "invalid JSON at byte %zu: %s", before + at, reason);
}

static void explain_count(const struct payload_reader *reader, char *out, size_t size)
{
    unsigned long long most = reader->source->max_events;
    if (reader->piece.data != NULL) {
        snprintf(out, size, "the line holds %llu events, which makes more than the %llu that are taken at once",
                 (unsigned long long)reader->line_events, most);
    } else {
        snprintf(out, size, "the payload holds %llu events; at most %llu are taken at once",
                 (unsigned long long)reader->count, most);
    }
}

static void explain_member(const struct payload_reader *reader, char *out, size_t size)
{
    struct slice items = reader->source->names->items;
    snprintf(out, size, "the payload has no array \"%.*s\"; its events stand there", (int)items.len, items.data);
}

void payload_explain(const struct payload_reader *reader, char *out, size_t size)
{
    switch (reader->error) {
    case ERROR_EMPTY_PAYLOAD:
    case ERROR_OUT_OF_MEMORY: snprintf(out, size, "%s", ""); break;
    case ERROR_TOO_MANY_EVENTS: explain_count(reader, out, size); break;
    case ERROR_MISSING_FIELD: explain_member(reader, out, size); break;
    default: explain_json(reader, out, size);
    }
}
