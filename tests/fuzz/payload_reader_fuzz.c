/* Reads any bytes as a payload: each piece lies within it, behind the one before; there are as many as was said; and good
 * objects are the same ones in whatever layout they come. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/cost.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/payload/envelope.h"
#include "pipeline/payload/payload_reader.h"

#define MAX_EVENTS 1000
#define MAX_OBJECTS 64

static const struct envelope_names names = { { "events", 6 }, { "stream", 6 }, { "sent_at", 7 } };
static const struct payload_rules rules = { .repairs = true };
static struct json_parser *parser;
static struct json_repair repair;

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static struct payload_source source_of(struct slice bytes, enum payload_form form)
{
    return (struct payload_source){ .bytes = bytes,
                                    .form = form,
                                    .picks_stream = true,
                                    .names = &names,
                                    .max_events = MAX_EVENTS,
                                    .parser = parser,
                                    .repair = &repair };
}

static bool is_within(struct slice piece, struct slice whole)
{
    return piece.data >= whole.data && piece.data + piece.len <= whole.data + whole.len;
}

/* Where the text of the event, or the bad piece, stands: behind `last`, or the same document further on. */
static void check_place(const struct payload_reader *reader, enum payload_found found, struct slice *last, json_at *at)
{
    struct slice piece = found == PAYLOAD_EVENT ? reader->parsed : reader->piece;
    must(piece.data != NULL && is_within(piece, reader->source->bytes));
    bool same = found == PAYLOAD_EVENT && piece.data == last->data && piece.len == last->len;
    must(same ? reader->at > *at : last->data == NULL || piece.data >= last->data + last->len);
    *last = piece;
    *at = reader->at;
}

static void check_explanation(const struct payload_reader *reader)
{
    char why[256];
    payload_explain(reader, why, sizeof why);
    unsigned long long byte;
    if (sscanf(why, "invalid JSON at byte %llu:", &byte) == 1) {
        must(byte <= reader->source->bytes.len);
    }
}

static enum error open_and_settle(struct payload_reader *reader, const struct payload_source *source,
                                  struct payload_rules of_stream)
{
    enum error error = payload_open(reader, source, true);
    must(error != OK || is_within(reader->text, source->bytes));
    return error == OK ? payload_settle(reader, of_stream) : error;
}

static void read_all(const struct payload_source *source, struct payload_rules of_stream)
{
    struct payload_reader reader;
    struct slice last = { 0 };
    json_at at = 0;
    uint64_t pieces = 0;
    enum payload_found found;
    if (open_and_settle(&reader, source, of_stream) != OK) {
        check_explanation(&reader);
        return;
    }
    must(reader.count != 0 && reader.count <= MAX_EVENTS);
    while ((found = payload_next(&reader)) != PAYLOAD_END) {
        must(found != PAYLOAD_FAILED && ++pieces <= reader.count && reader.count <= MAX_EVENTS);
        check_place(&reader, found, &last, &at);
        if (found == PAYLOAD_BAD) {
            check_explanation(&reader);
        }
    }
    must(pieces == reader.count && payload_next(&reader) == PAYLOAD_END);
}

/* The same value, wherever it stands in its document. */
static uint64_t digest(const struct json_document *document, json_at at)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (json_at end = json_skip(document, at); at < end; at++) {
        char type = json_type(document, at);
        sum = (sum ^ (unsigned char)type) * UINT64_C(1099511628211);
        if (type == '"' || type == JSON_LARGE_NUMBER) {
            struct slice text = json_string(document, at);
            for (size_t i = 0; i < text.len; i++) {
                sum = (sum ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
            }
        }
        if (type == 'l' || type == 'u' || type == 'd') {
            sum = (sum ^ json_uint64(document, at++)) * UINT64_C(1099511628211);
        }
    }
    return sum;
}

struct object {
    struct slice text;
    uint64_t digest;
};

/* The lines, or records, of the text that are objects on one line: only these can stand in each layout. More than one of
 * them, or there are none. */
static size_t find_objects(struct slice text, struct object objects[MAX_OBJECTS])
{
    struct payload_source source = source_of(text, PAYLOAD_LINES);
    struct payload_reader reader;
    size_t count = 0;
    if (open_and_settle(&reader, &source, rules) != OK) {
        return 0;
    }
    for (enum payload_found found; count < MAX_OBJECTS && (found = payload_next(&reader)) != PAYLOAD_END;) {
        bool one_line = found == PAYLOAD_EVENT && memchr(reader.parsed.data, '\n', reader.parsed.len) == NULL;
        if (one_line && json_type(&reader.document, reader.at) == '{') {
            objects[count++] = (struct object){ reader.parsed, digest(&reader.document, reader.at) };
        }
    }
    return count > 1 ? count : 0;
}

static void check_objects(const struct payload_source *source, const struct object *objects, size_t count)
{
    struct payload_reader reader;
    must(open_and_settle(&reader, source, rules) == OK);
    for (size_t i = 0; i < count; i++) {
        must(payload_next(&reader) == PAYLOAD_EVENT);
        must(digest(&reader.document, reader.at) == objects[i].digest);
    }
    must(payload_next(&reader) == PAYLOAD_END && reader.count == count);
}

static bool begins_with_envelope(const struct object *objects)
{
    struct payload_source source = source_of(objects[0].text, PAYLOAD_MANY);
    struct payload_reader reader;
    return payload_open(&reader, &source, true) == OK && reader.enveloped;
}

/* Each way of writing the same objects. */
static void check_layouts(const struct object *objects, size_t count)
{
    static const struct layout {
        const char *before, *between, *behind;
        enum payload_form form;
    } layouts[] = {
        { "[", ",", "]", PAYLOAD_MANY },
        { "{\"sent_at\":1,\"events\":[", " ,\n", "],\"stream\":\"s\"}", PAYLOAD_MANY },
        { "\x1e", "\n\x1e", "\n", PAYLOAD_MANY },
        { "", "\n", "\n", PAYLOAD_MANY },
        { "\xEF\xBB\xBF", "\r\n\n", "", PAYLOAD_LINES },
        { "", " ", "", PAYLOAD_MANY },
        { "", "", "", PAYLOAD_LINES },
    };
    bool enveloped = begins_with_envelope(objects);
    for (size_t i = 0; i < ARRAY_LENGTH(layouts); i++) {
        struct buf text = { 0 };
        buf_append_string(&text, layouts[i].before);
        for (size_t j = 0; j < count; j++) {
            buf_append_string(&text, j == 0 ? "" : layouts[i].between);
            buf_append_slice(&text, objects[j].text);
        }
        buf_append_string(&text, layouts[i].behind);
        size_t len = text.len;
        buf_append_fill(&text, 0, JSON_PADDING);
        struct payload_source source = source_of(slice_make(text.data, len), layouts[i].form);
        bool values = layouts[i].form == PAYLOAD_MANY && layouts[i].between[0] == ' ' && layouts[i].between[1] == '\0';
        if (!values || !enveloped) {
            check_objects(&source, objects, count);
        }
        buf_release(&text);
    }
}

static void take(const uint8_t *data, size_t size)
{
    static struct object objects[MAX_OBJECTS];
    parser = parser == NULL ? json_parser_new() : parser;
    if (size == 0) {
        return;
    }
    struct buf padded = { 0 };
    buf_append(&padded, data + 1, size - 1);
    buf_append_fill(&padded, 0, JSON_PADDING);
    struct slice text = slice_make(padded.data, size - 1);
    struct payload_source source = source_of(text, (enum payload_form)(data[0] % 3));
    read_all(&source,
             (struct payload_rules){ .repairs = data[0] / 3 % 2 != 0, .items_are_data = data[0] / 6 % 2 != 0 });
    size_t count = find_objects(text, objects);
    if (count != 0) {
        check_layouts(objects, count);
    }
    buf_release(&padded);
}

COST_FUZZER(take, 1500)
