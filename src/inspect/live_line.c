/* Turns events of /live/events into lines. */
#include "inspect/live_line.h"

#include "base/assert.h"
#include "base/plain_text.h"
#include "pipeline/json/json.h"
#include "pipeline/validate/json_write.h"

#include <string.h>

#define TIME_FROM 11 /* of "2026-11-30T16:40:00.123Z" the time of day */
#define TIME_LENGTH 12

/* Each byte becomes at most three. */
static void append_plain(struct buf *out, struct slice text)
{
    size_t room = 3 * text.len + 1;
    if (buf_reserve(out, room)) {
        out->len += plain_text_copy(text, out->data + out->len, room);
        ASSERT_AT_MOST(out->len, out->cap);
    }
}

/* 0: there is none. */
static json_at member(const struct json_document *document, const char *name)
{
    for (json_at key = json_first(JSON_ROOT); !json_at_end(document, key); key = json_skip(document, key + 1)) {
        if (slice_equal(json_string(document, key), slice_from_string(name))) {
            return key + 1;
        }
    }
    return 0;
}

static struct slice text_of(const struct json_document *document, const char *name)
{
    json_at at = member(document, name);
    return at != 0 && json_type(document, at) == '"' ? json_string(document, at) : SLICE("");
}

static void append_time(const struct json_document *document, struct buf *out)
{
    struct slice time = text_of(document, "time");
    bool known = time.len >= TIME_FROM + TIME_LENGTH;
    append_plain(out, known ? slice_make(time.data + TIME_FROM, TIME_LENGTH) : time);
}

static void append_word(const struct json_document *document, const char *name, struct buf *out)
{
    struct slice text = text_of(document, name);
    buf_append_byte(out, ' ');
    append_plain(out, text.len != 0 ? text : SLICE("-"));
}

/* "16:40:00.123 rejected http events missing_field: name: is required and missing" */
static void append_refused(const struct json_document *document, struct buf *out)
{
    static const char *const words[] = { "fate", "protocol", "stream", "code" };
    struct slice field = text_of(document, "field");
    struct slice message = text_of(document, "message");
    append_time(document, out);
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        append_word(document, words[i], out);
    }
    json_at events = member(document, "events");
    if (events != 0 && json_type(document, events) == 'l' && json_int64(document, events) > 1) {
        buf_printf(out, " (%lld events)", (long long)json_int64(document, events));
    }
    buf_append_string(out, ": ");
    if (field.len != 0 && !slice_starts_with(message, field)) { /* most messages begin with it */
        append_plain(out, field);
        buf_append_string(out, ": ");
    }
    append_plain(out, message);
}

static void append_json(const struct json_document *document, const char *name, struct buf *out)
{
    struct json_extent extent;
    struct buf text = { 0 }, path = { 0 };
    json_at at = member(document, name);
    if (at != 0 && json_write(document, at, false, &text, &path, &extent) == OK) {
        append_plain(out, buf_slice(&text));
    }
    buf_release(&path);
    buf_release(&text);
}

/* "16:40:00.123 accepted http events {"name":"…"} hidden: ["email"]" */
static void append_accepted(const struct json_document *document, struct buf *out)
{
    append_time(document, out);
    buf_append_string(out, " accepted");
    append_word(document, "protocol", out);
    append_word(document, "stream", out);
    buf_append_byte(out, ' ');
    append_json(document, "event", out);
    json_at hidden = member(document, "hidden");
    if (hidden != 0 && json_type(document, hidden) == '[' && json_count(document, hidden) != 0) {
        buf_append_string(out, " hidden: ");
        append_json(document, "hidden", out);
    }
}

static bool is_told(const char *name)
{
    return strcmp(name, "refused") == 0 || strcmp(name, "accepted") == 0;
}

/* *copy owns what the document may point to; released by the caller. */
static bool read_event(struct json_parser *parser, struct slice data, struct buf *copy, struct json_document *document)
{
    buf_append_slice(copy, data);
    return buf_reserve(copy, JSON_PADDING) && json_parse(parser, buf_slice(copy), document) == OK &&
           json_type(document, JSON_ROOT) == '{';
}

static void append_as_json(const char *name, struct slice data, struct buf *out)
{
    buf_printf(out, "{\"kind\":\"%s\",\"event\":", name);
    append_plain(out, json_trim(data));
    buf_append_byte(out, '}');
}

static enum live_line_result tell(struct json_parser *parser, const char *name, struct slice data, bool as_json,
                                  struct buf *out)
{
    struct json_document document;
    struct buf copy = { 0 };
    if (!is_told(name)) {
        return LIVE_NOTHING;
    }
    bool read = read_event(parser, data, &copy, &document);
    if (read && as_json) {
        append_as_json(name, data, out);
    } else if (read) {
        (strcmp(name, "refused") == 0 ? append_refused : append_accepted)(&document, out);
    }
    buf_release(&copy);
    return read && !out->failed ? LIVE_LINE : LIVE_BROKEN;
}

enum live_line_result live_line(struct json_parser *parser, const char *name, struct slice data, struct buf *out)
{
    return tell(parser, name, data, false, out);
}

enum live_line_result live_line_json(struct json_parser *parser, const char *name, struct slice data, struct buf *out)
{
    return tell(parser, name, data, true, out);
}
