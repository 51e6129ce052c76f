/* Turns what was taken of a refusal into a line. */
#include "rejects/reject_compose.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "event/column.h"
#include "event/path.h"
#include "event/personal.h"
#include "event/stream.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/validate/json_write.h"
#include "rejects/reject_cut.h"
#include "rejects/reject_rules.h"
#include "rejects/reject_take.h"

#include <ctype.h>
#include <stdlib.h>

/* The first byte of keys of a request's sources (event/path.h), and what stands for it where it would be no text. */
#define SOURCE_BYTE 0xFF
#define SOURCE_TEXT 0x7F
/* A line around an event makes it one level deeper, and must be read again. */
#define DEEPEST_OBJECT (JSON_MAX_DEPTH - 2)

struct reject_composer {
    struct json_parser *parser;
    struct json_repair repair;
    struct reject_cut cut;
    struct buf event, request, cuts, text;
};

struct reject_composer *reject_composer_new(void)
{
    struct reject_composer *composer = calloc(1, sizeof *composer);
    if (composer != NULL) {
        composer->parser = json_parser_new();
    }
    if (composer == NULL || composer->parser == NULL) {
        reject_composer_free(composer);
        return NULL;
    }
    return composer;
}

void reject_composer_free(struct reject_composer *composer)
{
    if (composer != NULL) {
        json_parser_free(composer->parser);
        json_repair_release(&composer->repair);
        reject_cut_release(&composer->cut);
        buf_release(&composer->event);
        buf_release(&composer->request);
        buf_release(&composer->cuts);
        buf_release(&composer->text);
        free(composer);
    }
}

/* One event and its line. */
struct work {
    struct reject_composer *composer;
    struct taken_reject *taken;
    bool cuts;
    bool masked; /* of a text that was cut nothing but its shape is left */
    struct json_document document;
};

/* Keys that no text has become some that one may have: an event that has such a key itself stays unread. */
static void name_sources(struct taken_reject *taken)
{
    char *bytes = (char *)(uintptr_t)taken->bytes.data; /* of the block, which is ours */
    if (memchr(bytes, SOURCE_TEXT, taken->bytes.len) != NULL) {
        return;
    }
    for (char *at = bytes; (at = memchr(at, SOURCE_BYTE, taken->bytes.len - (size_t)(at - bytes))) != NULL;) {
        *at = SOURCE_TEXT;
    }
}

/* Is there an object to be written member by member? */
static bool read_object(struct work *work)
{
    struct taken_reject *taken = work->taken;
    struct reject_composer *composer = work->composer;
    if (taken->bytes.data == NULL || taken->reject.bytes != 0) {
        return false;
    }
    if (taken->merged) {
        name_sources(taken);
    }
    enum error error = json_parse(composer->parser, taken->bytes, &work->document);
    if (error != OK) {
        error = json_repair_parse(composer->parser, &composer->repair, taken->bytes, &work->document);
        bool changed = error == OK && composer->repair.repaired != 0;
        error = changed ? ERROR_INVALID_JSON : error; /* shown as the text that it is */
    }
    return error == OK && json_type(&work->document, JSON_ROOT) == '{';
}

static bool is_source(struct slice key)
{
    return key.len != 0 && key.data[0] == SOURCE_TEXT;
}

/* The place in the stream's tree of the values of a source. */
static const struct path_node *source_node(const struct stream *stream, struct slice key)
{
    for (enum path_source source = PATH_OF_QUERY; stream != NULL && source < PATH_OF_COUNT; source++) {
        struct slice name = path_source_key(source);
        if (slice_equal(slice_after(name, 1), slice_after(key, 1))) {
            return path_source_node(stream->paths, source);
        }
    }
    return NULL;
}

static void write_part(struct work *work, json_at at, struct buf *out)
{
    struct buf path = { 0 };
    struct json_extent extent;
    if (json_write(&work->document, at, false, out, &path, &extent) != OK) {
        out->failed = true;
    }
    buf_release(&path);
}

/* What the request says, by source. */
static void write_request(struct work *work)
{
    struct reject_composer *composer = work->composer;
    const struct json_document *document = &work->document;
    struct buf *out = &composer->request;
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        if (!is_source(key) || json_type(document, m + 1) != '{') {
            continue;
        }
        struct slice name = slice_after(key, 1);
        buf_append_string(out, out->len == 0 ? "{" : ",");
        buf_append_json_string(out, name);
        buf_append_byte(out, ':');
        if (work->cuts) {
            size_t from = composer->cut.out.len;
            reject_cut_object(&composer->cut, document, m + 1, source_node(work->taken->stream, key), name);
            buf_append_slice(out, slice_after(buf_slice(&composer->cut.out), from));
        } else {
            write_part(work, m + 1, out);
        }
    }
    buf_append_string(out, out->len == 0 ? "" : "}");
}

/* A copy of the object without the members that are of the request. */
static void write_own_members(struct work *work, struct buf *out)
{
    const struct json_document *document = &work->document;
    bool first = true;
    buf_append_byte(out, '{');
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice key = json_string(document, m);
        if (work->taken->merged && is_source(key)) {
            continue;
        }
        buf_append_string(out, first ? "" : ",");
        buf_append_json_string(out, key);
        buf_append_byte(out, ':');
        write_part(work, m + 1, out);
        first = false;
    }
    buf_append_byte(out, '}');
}

/* What was sent, without what the request says of it. */
static void write_object(struct work *work)
{
    struct reject_composer *composer = work->composer;
    const struct stream *stream = work->taken->stream;
    if (work->taken->merged) {
        write_request(work);
        write_own_members(work, &composer->text);
        buf_append_fill(&composer->text, ' ', JSON_PADDING);
        struct slice own = slice_make(composer->text.data, composer->text.len - JSON_PADDING);
        if (composer->text.failed ||
            (json_parse(composer->parser, own, &work->document) != OK &&
             json_repair_parse(composer->parser, &composer->repair, own, &work->document) != OK)) {
            composer->event.failed = true;
            return;
        }
    }
    if (work->cuts) {
        buf_clear(&composer->cut.out);
        reject_cut_object(&composer->cut, &work->document, JSON_ROOT, stream != NULL ? stream->paths : NULL, SLICE(""));
        buf_append_slice(&composer->event, buf_slice(&composer->cut.out));
    } else {
        write_part(work, JSON_ROOT, &composer->event);
    }
}

static size_t depth_of(const struct json_document *document)
{
    size_t depth = 0, deepest = 0;
    json_at end = json_skip(document, JSON_ROOT);
    for (json_at m = JSON_ROOT; m < end;) {
        char type = json_type(document, m);
        depth += type == '{' || type == '[';
        depth -= type == '}' || type == ']';
        deepest = depth > deepest ? depth : deepest;
        m = type == '{' || type == '[' ? m + 1 : json_skip(document, m);
    }
    return deepest;
}

static size_t count_invalid(struct slice text)
{
    size_t invalid = 0;
    while (text.len != 0) {
        bool whole;
        size_t len = utf8_take(text, &whole);
        invalid += whole ? 0 : len;
        text = slice_after(text, len);
    }
    return invalid;
}

/* Letters become x, digits 0: what is left shows where the text is no JSON. */
static void mask(struct buf *out, struct slice text)
{
    while (text.len != 0) {
        bool whole;
        size_t len = utf8_take(text, &whole);
        char c = text.data[0];
        bool digit = isdigit((unsigned char)c) != 0, other = len > 1 || isalpha((unsigned char)c);
        buf_append_byte(out, digit ? '0' : other ? 'x' : (uint8_t)c);
        text = slice_after(text, len);
    }
}

/* As a JSON text. */
static void write_text(struct work *work)
{
    struct reject_composer *composer = work->composer;
    struct reject *reject = &work->taken->reject;
    struct slice bytes = work->taken->bytes;
    if (reject->bytes != 0) {
        bytes.len -= utf8_unfinished(bytes);
    }
    reject->invalid_bytes = count_invalid(bytes);
    buf_clear(&composer->text);
    if (work->cuts) {
        work->masked = true;
        mask(&composer->text, bytes);
    }
    if (!work->cuts || reject->invalid_bytes != 0) {
        struct buf repaired = { 0 };
        utf8_append_repaired(&repaired, work->cuts ? buf_slice(&composer->text) : bytes);
        buf_append_json_string(&composer->event, buf_slice(&repaired));
        composer->event.failed = composer->event.failed || repaired.failed;
        buf_release(&repaired);
    } else {
        buf_append_json_string(&composer->event, buf_slice(&composer->text));
    }
}

/* An object whose line would be too deep to be read again is a text that holds it. */
static void flatten(struct reject_composer *composer)
{
    buf_clear(&composer->text);
    buf_append_slice(&composer->text, buf_slice(&composer->event));
    buf_clear(&composer->event);
    buf_append_json_string(&composer->event, buf_slice(&composer->text));
    composer->event.failed = composer->event.failed || composer->text.failed;
}

static void write_event(struct work *work)
{
    if (read_object(work)) {
        bool deep = depth_of(&work->document) > DEEPEST_OBJECT;
        write_object(work);
        if (deep) {
            flatten(work->composer);
        }
    } else if (work->taken->bytes.data != NULL) {
        write_text(work);
    }
}

/* What a request says of itself, and columns are filled with. */
static void cut_request(struct work *work)
{
    static const struct {
        enum fill fill;
        size_t offset;
        const char *path;
    } own[] = {
        { FILL_CLIENT_IP, offsetof(struct reject, client_ip), "@client_ip" },
        { FILL_USER_AGENT, offsetof(struct reject, user_agent), "@user_agent" },
        { FILL_REFERER, offsetof(struct reject, referer), "@referer" },
        { FILL_ACCEPT_LANGUAGE, offsetof(struct reject, accept_language), "@accept_language" },
    };
    const struct stream *stream = work->taken->stream;
    for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
        struct slice *value = (struct slice *)(void *)((char *)&work->taken->reject + own[i].offset);
        bool filled = false;
        for (size_t column = 0; stream != NULL && column < stream->column_count; column++) {
            filled = filled || stream->columns[column].fill == own[i].fill;
        }
        if (filled && value->len != 0) {
            reject_cut_note(&work->composer->cut, slice_from_string(own[i].path));
        }
        *value = SLICE("");
    }
}

/* A message may quote the event: it stays where the field at fault is none of those that are cut. */
static bool keeps_message(const struct work *work, const struct reject_rules *rules)
{
    const struct taken_reject *taken = work->taken;
    bool knows = taken->stream != NULL && taken->field[0] != '\0';
    if (!knows) { /* such messages tell of places, sizes and names */
        return taken->error == ERROR_INVALID_JSON || taken->error == ERROR_EVENT_TOO_LARGE ||
               taken->error == ERROR_TOO_MANY_EVENTS || taken->error == ERROR_PAYLOAD_TOO_LARGE ||
               (taken->error == ERROR_UNKNOWN_FIELD && !personal_text(taken->reject.message));
    }
    struct slice field = slice_from_string(taken->field);
    enum reject_named named = reject_rules_judge(rules, field, field, taken->field);
    bool cut = work->composer->cut.fault_cut || named == NAMED_PERSONAL || personal_address(taken->reject.message);
    return named == NAMED_SHOWN || !cut;
}

static void write_cuts(struct work *work)
{
    struct reject_composer *composer = work->composer;
    struct slice paths = work->masked ? SLICE("\"(letters and digits of the text)\"") : buf_slice(&composer->cut.paths);
    if (paths.len != 0) {
        buf_append_byte(&composer->cuts, '[');
        buf_append_slice(&composer->cuts, paths);
        buf_append_byte(&composer->cuts, ']');
    }
}

static enum reject_terms judge(const struct work *work)
{
    const struct reject *reject = &work->taken->reject;
    if (!work->taken->sendable || work->masked || reject->invalid_bytes != 0 || reject->bytes != 0) {
        return RETRY_NO;
    }
    return work->composer->cut.cut != 0 ? RETRY_CUT : RETRY_YES;
}

static void begin(struct work *work, const struct reject_rules *rules)
{
    struct reject_composer *composer = work->composer;
    reject_cut_begin(&composer->cut, rules, work->taken->stream, work->taken->field);
    buf_clear(&composer->event);
    buf_clear(&composer->request);
    buf_clear(&composer->cuts);
    buf_clear(&composer->text);
}

static bool has_failed(const struct reject_composer *composer)
{
    return composer->event.failed || composer->request.failed || composer->cuts.failed || composer->text.failed ||
           composer->cut.out.failed || composer->cut.paths.failed || composer->cut.path.failed;
}

bool reject_compose(struct reject_composer *composer, const struct reject_rules *rules, struct taken_reject *taken,
                    const struct event_id *id, struct buf *out)
{
    ASSERT(taken->field != NULL);
    struct work work = { .composer = composer, .taken = taken, .cuts = reject_rules_cut(rules, taken->stream) };
    struct reject *reject = &taken->reject;
    size_t before = out->len;
    begin(&work, rules);
    write_event(&work);
    if (work.cuts) {
        cut_request(&work);
    }
    if (reject->message.len == 0 || (work.cuts && !keeps_message(&work, rules))) {
        reject->message = slice_from_string(error_info(taken->error)->text);
    }
    write_cuts(&work);
    reject->id = *id;
    reject->retry = judge(&work);
    reject->cut = buf_slice(&composer->cuts);
    reject->request = buf_slice(&composer->request);
    reject->event = buf_slice(&composer->event);
    reject_write(reject, out);
    if (has_failed(composer) || out->failed) {
        buf_clear(out); /* forgives; what was there is still there */
        out->len = before;
        return false;
    }
    return true;
}
