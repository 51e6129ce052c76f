/* Turns a payload's bytes into how its events stand in them, and those into pieces. */
#include "pipeline/payload/payload_reader_private.h"

#include "base/assert.h"
#include "pipeline/json/json_items.h"
#include "pipeline/payload/envelope.h"

/* The first piece between separators that is not blank, without the blanks around it. */
static inline bool take_between(struct slice *rest, char separator, struct slice *piece)
{
    while (slice_split(rest, separator, piece)) {
        *piece = json_trim(*piece);
        if (piece->len != 0) {
            return true;
        }
    }
    return false;
}

static bool take_line(struct slice *rest, struct slice *line)
{
    return take_between(rest, '\n', line);
}

static bool take_record(struct slice *rest, struct slice *record)
{
    return take_between(rest, '\x1e', record);
}

static bool is_object(struct payload_reader *reader, struct slice line)
{
    return line.data[0] == '{' && payload_parse_piece(reader, line) == OK;
}

static bool has_good_piece(struct payload_reader *reader, struct slice rest, payload_take *take)
{
    struct slice piece;
    while (take(&rest, &piece)) {
        if (payload_parse_piece(reader, piece) == OK) {
            return true;
        }
    }
    return false;
}

static bool begins_with_separator(struct payload_reader *reader)
{
    return reader->text.data[0] == '\x1e';
}

static bool is_said(struct payload_reader *reader)
{
    (void)reader;
    return true;
}

/* With more behind it. */
static bool first_line_is_object(struct payload_reader *reader)
{
    struct slice rest = reader->text, line;
    return rest.data[0] != '[' && take_line(&rest, &line) && json_trim(rest).len != 0 && is_object(reader, line);
}

static bool is_document(struct payload_reader *reader)
{
    reader->error = payload_parse(reader, reader->text);
    if (reader->error != OK) {
        return false;
    }
    const struct payload_source *source = reader->source;
    struct envelope envelope =
        envelope_read(source->names, source->form != PAYLOAD_ONE, source->picks_stream, &reader->document);
    reader->named = envelope.stream;
    reader->items = envelope.items;
    reader->enveloped = envelope.items != 0 && envelope.items != JSON_ROOT;
    reader->sent_at = envelope.sent_at;
    reader->outer_repaired = reader->parsed_repaired;
    return true;
}

/* The route says where the events are. */
static bool is_document_with_member(struct payload_reader *reader)
{
    if (!is_document(reader)) {
        return false;
    }
    reader->error = reader->enveloped ? OK : ERROR_MISSING_FIELD;
    return reader->enveloped;
}

/* What stands around the items of an envelope's array must be JSON without them. The only copy that a reader makes. */
static bool parse_around(struct payload_reader *reader, struct slice items)
{
    struct slice text = reader->text;
    size_t before = (size_t)(items.data - text.data);
    struct buf around = { 0 };
    buf_append(&around, text.data, before);
    buf_append_slice(&around, slice_after(text, before + items.len));
    size_t len = around.len;
    buf_append_fill(&around, 0, JSON_PADDING);
    bool fine = !around.failed && payload_parse_piece(reader, slice_make(around.data, len)) == OK;
    buf_release(&around);
    reader->parsed = (struct slice){ 0 };
    return fine;
}

static bool read_around(struct payload_reader *reader, struct slice items)
{
    if (!parse_around(reader, items)) {
        return false;
    }
    const struct payload_source *source = reader->source;
    struct envelope envelope = envelope_read(source->names, true, source->picks_stream, &reader->document);
    if (envelope.items == 0 || json_count(&reader->document, envelope.items) != 0) {
        return false;
    }
    reader->named = envelope.stream;
    reader->enveloped = true;
    reader->sent_at = envelope.sent_at;
    reader->outer_repaired = reader->parsed_repaired;
    return true;
}

/* More items than are taken are not parsed: no more of them is said than how many they are. */
static bool is_array_in_part(struct payload_reader *reader)
{
    struct slice array = reader->text;
    bool enveloped = json_items_member(array, reader->source->names->items, &array);
    if (!json_items(array, &reader->rest, &reader->count)) {
        return false;
    }
    if (reader->count <= reader->source->max_events && !has_good_piece(reader, reader->rest, json_items_take)) {
        return false;
    }
    return !enveloped || read_around(reader, reader->rest);
}

static bool is_member_in_part(struct payload_reader *reader)
{
    struct slice array;
    return json_items_member(reader->text, reader->source->names->items, &array) && is_array_in_part(reader);
}

/* May it be a line for itself, though a bad one: whole, or cut? What goes on in the next line is none. */
static bool may_be_line(struct slice line)
{
    return json_items_is_closed(line) || (line.data[0] != '[' && memchr("{[,:", line.data[line.len - 1], 4) == NULL);
}

/* Some of the first lines are bad, and one behind them is an object. */
static bool a_line_is_object(struct payload_reader *reader)
{
    struct slice rest = reader->text, line;
    for (size_t looked = 0; looked < PAYLOAD_LINES_LOOKED_AT && take_line(&rest, &line); looked++) {
        if (is_object(reader, line)) {
            return true;
        }
        if (!may_be_line(line)) {
            return false;
        }
    }
    return false;
}

/* Events, as each of them is one; so no envelopes, unless the stream says that they are events, too. */
static bool is_values(struct payload_reader *reader)
{
    struct slice rest = reader->text, first, array;
    if (!json_items_values(reader->text, &reader->count) || !json_items_take_value(&rest, &first)) {
        return false;
    }
    reader->enveloped = json_items_member(first, reader->source->names->items, &array);
    return reader->count > reader->source->max_events || has_good_piece(reader, reader->text, json_items_take_value);
}

struct guess {
    enum payload_layout layout;
    bool (*fits)(struct payload_reader *reader);
    payload_take *take; /* NULL: no pieces */
};

/* By form; in this order. What the events are stands behind each. */
static const struct guess guesses[][7] = {
    [PAYLOAD_ONE] = { { LAYOUT_DOCUMENT, is_document, NULL } }, /* itself */
    [PAYLOAD_MANY] = {
        { LAYOUT_RECORDS, begins_with_separator, take_record }, /* each text behind a separator */
        { LAYOUT_LINES, first_line_is_object, take_line },      /* each line */
        { LAYOUT_DOCUMENT, is_document, NULL },                 /* itself, or each item of its array */
        { LAYOUT_ITEMS, is_array_in_part, json_items_take },    /* each item, bad ones too */
        { LAYOUT_LINES, a_line_is_object, take_line },          /* each line, the bad first ones too */
        { LAYOUT_VALUES, is_values, json_items_take_value },    /* each object */
    },
    [PAYLOAD_LINES] = {
        { LAYOUT_RECORDS, begins_with_separator, take_record },
        { LAYOUT_LINES, is_said, take_line },
    },
    [PAYLOAD_MEMBER] = {
        { LAYOUT_DOCUMENT, is_document_with_member, NULL },
        { LAYOUT_ITEMS, is_member_in_part, json_items_take },
    },
};

bool payload_layout_find(struct payload_reader *reader)
{
    ASSERT(reader->text.len != 0);
    const struct guess *guess = &guesses[reader->source->form][reader->tried];
    for (; guess->fits != NULL && reader->error != ERROR_OUT_OF_MEMORY; guess++) {
        reader->tried++;
        reader->rest = reader->text;
        if (guess->fits(reader)) {
            reader->layout = guess->layout;
            reader->take = guess->take;
            return true;
        }
    }
    return false;
}
