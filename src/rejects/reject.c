/* Turns rejects into lines, and lines into rejects. */
#include "rejects/reject.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "event/value.h"
#include "pipeline/json/json_repair.h"
#include "pipeline/validate/json_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const form_names[REJECT_FORMS] = { "item", "one", "many", "lines" };
static const char *const retry_names[RETRY_VALUES] = { "yes", "cut", "no" };

/* Members that are texts; those that are empty are left out, but for the first ones. */
static const struct member {
    const char *name;
    size_t offset;
    bool always;
} texts[] = {
    { "stream", offsetof(struct reject, stream), true },
    { "protocol", offsetof(struct reject, protocol), true },
    { "code", offsetof(struct reject, code), true },
    { "field", offsetof(struct reject, field), true },
    { "message", offsetof(struct reject, message), true },
    { "key", offsetof(struct reject, key), false },
    { "client_ip", offsetof(struct reject, client_ip), false },
    { "user_agent", offsetof(struct reject, user_agent), false },
    { "host", offsetof(struct reject, host), false },
    { "referer", offsetof(struct reject, referer), false },
    { "accept_language", offsetof(struct reject, accept_language), false },
};

static const struct member numbers[] = {
    { "events", offsetof(struct reject, events), false },
    { "sent_at_ns", offsetof(struct reject, sent_ns), false },
    { "invalid_bytes", offsetof(struct reject, invalid_bytes), false },
    { "bytes", offsetof(struct reject, bytes), false },
};

static struct slice *text_of(struct reject *reject, const struct member *member)
{
    return (struct slice *)(void *)((char *)reject + member->offset);
}

static uint64_t *number_of(struct reject *reject, const struct member *member)
{
    return (uint64_t *)(void *)((char *)reject + member->offset);
}

static void write_text(struct buf *out, struct slice text)
{
    if (json_is_utf8(text)) {
        buf_append_json_string(out, text);
        return;
    }
    struct buf repaired = { 0 };
    utf8_append_repaired(&repaired, text);
    out->failed = out->failed || repaired.failed;
    buf_append_json_string(out, buf_slice(&repaired));
    buf_release(&repaired);
}

static void write_head(const struct reject *reject, struct buf *out)
{
    char id[EVENT_ID_TEXT], at[64];
    struct tm tm;
    int64_t ns = reject->received_ns < 0 ? 0 : reject->received_ns;
    time_t seconds = (time_t)(ns / NS_PER_SECOND);
    gmtime_r(&seconds, &tm);
    size_t len = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(at + len, sizeof at - len, ".%09lldZ", (long long)(ns % NS_PER_SECOND));
    event_id_format(&reject->id, id);
    buf_printf(out, "{\"id\":\"%.*s\",\"received_at\":\"%s\"", EVENT_ID_TEXT, id, at);
}

static void write_json(struct buf *out, const char *name, struct slice json)
{
    if (json.len != 0) {
        buf_printf(out, ",\"%s\":", name);
        buf_append_slice(out, json);
    }
}

void reject_write(const struct reject *reject, struct buf *out)
{
    struct reject copy = *reject;
    ASSERT(copy.form < REJECT_FORMS && copy.retry < RETRY_VALUES);
    write_head(reject, out);
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct slice text = *text_of(&copy, &texts[i]);
        if (text.len != 0 || texts[i].always) {
            buf_printf(out, ",\"%s\":", texts[i].name);
            write_text(out, text);
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        uint64_t number = *number_of(&copy, &numbers[i]);
        if (number != 0) {
            buf_printf(out, ",\"%s\":%llu", numbers[i].name, (unsigned long long)number);
        }
    }
    if (copy.form != REJECT_ITEM) {
        buf_printf(out, ",\"form\":\"%s\"", form_names[copy.form]);
    }
    if (copy.picks) {
        buf_append_string(out, ",\"picks\":true");
    }
    write_json(out, "cut", copy.cut);
    write_json(out, "request", copy.request);
    buf_printf(out, ",\"retry\":\"%s\",\"event\":", retry_names[copy.retry]);
    buf_append_slice(out, copy.event.len == 0 ? SLICE("null") : copy.event);
    buf_append_string(out, "}\n");
}

/* The place of a name among `names`; -1: it is none of them. */
static int find_name(struct slice name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (slice_equal(name, slice_from_string(names[i]))) {
            return i;
        }
    }
    return -1;
}

static bool read_text(struct reject_line *out, struct slice name, struct slice text)
{
    struct reject *reject = &out->reject;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        if (slice_equal(name, slice_from_string(texts[i].name))) {
            *text_of(reject, &texts[i]) = text;
            return true;
        }
    }
    if (slice_equal(name, SLICE("id"))) {
        return event_id_parse(&reject->id, text);
    }
    if (slice_equal(name, SLICE("received_at"))) {
        const struct value value = { .type = VALUE_TEXT, .text = text };
        return value_read_time(&value, &reject->received_ns);
    }
    int form = slice_equal(name, SLICE("form")) ? find_name(text, form_names, REJECT_FORMS) : 0;
    int retry = slice_equal(name, SLICE("retry")) ? find_name(text, retry_names, RETRY_VALUES) : 0;
    reject->form = form > 0 ? (enum reject_form)form : reject->form;
    reject->retry = retry > 0 ? (enum reject_terms)retry : reject->retry;
    return form >= 0 && retry >= 0;
}

static bool read_number(struct reject *reject, struct slice name, int64_t number)
{
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        if (slice_equal(name, slice_from_string(numbers[i].name))) {
            *number_of(reject, &numbers[i]) = (uint64_t)number;
        }
    }
    return number >= 0;
}

static bool read_member(struct reject_line *out, json_at key)
{
    const struct json_document *document = &out->document;
    struct slice name = json_string(document, key);
    json_at at = key + 1;
    char type = json_type(document, at);
    if (slice_equal(name, SLICE("event"))) {
        out->event = at;
    } else if (slice_equal(name, SLICE("cut"))) {
        out->cut = at;
        return type == '[';
    } else if (slice_equal(name, SLICE("request"))) {
        out->request = at;
        return type == '{';
    } else if (type == '"') {
        return read_text(out, name, json_string(document, at));
    } else if (type == 'l') {
        return read_number(&out->reject, name, json_int64(document, at));
    } else if (slice_equal(name, SLICE("picks"))) {
        out->reject.picks = type == 't';
    }
    return true;
}

struct reject_reader {
    struct json_parser *parser;
    struct json_repair repair; /* of numbers that no double holds */
    struct buf padded;
};

struct reject_reader *reject_reader_new(void)
{
    struct reject_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        reader->parser = json_parser_new();
    }
    if (reader == NULL || reader->parser == NULL) {
        reject_reader_free(reader);
        return NULL;
    }
    return reader;
}

void reject_reader_free(struct reject_reader *reader)
{
    if (reader != NULL) {
        json_parser_free(reader->parser);
        json_repair_release(&reader->repair);
        buf_release(&reader->padded);
        free(reader);
    }
}

static bool parse(struct reject_reader *reader, struct slice line, struct json_document *document)
{
    buf_clear(&reader->padded);
    buf_append_slice(&reader->padded, line);
    buf_append_fill(&reader->padded, ' ', JSON_PADDING);
    if (reader->padded.failed) {
        return false;
    }
    struct slice text = slice_make(reader->padded.data, line.len);
    return json_parse(reader->parser, text, document) == OK ||
           json_repair_parse(reader->parser, &reader->repair, text, document) == OK;
}

bool reject_read(struct reject_reader *reader, struct slice line, struct reject_line *out)
{
    *out = (struct reject_line){ 0 };
    if (!parse(reader, line, &out->document) || json_type(&out->document, JSON_ROOT) != '{') {
        return false;
    }
    const struct json_document *document = &out->document;
    for (json_at m = json_first(JSON_ROOT); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (!read_member(out, m)) {
            return false;
        }
    }
    return out->event != 0 && !event_id_is_zero(&out->reject.id) && out->reject.code.len != 0;
}

/* False: memory is short. */
static bool write_part(const struct json_document *document, json_at at, struct buf *out, struct slice *part)
{
    struct buf path = { 0 };
    struct json_extent extent;
    size_t from = out->len;
    bool written = at == 0 || json_write(document, at, false, out, &path, &extent) == OK;
    buf_release(&path);
    *part = (struct slice){ NULL, out->len - from }; /* out may move yet */
    return written;
}

bool reject_rewrite(const struct reject_line *line, struct buf *out)
{
    struct buf parts = { 0 };
    struct reject reject = line->reject;
    bool written = write_part(&line->document, line->cut, &parts, &reject.cut) &&
                   write_part(&line->document, line->request, &parts, &reject.request) &&
                   write_part(&line->document, line->event, &parts, &reject.event);
    if (written) {
        reject.cut.data = parts.data;
        reject.request.data = parts.data + reject.cut.len;
        reject.event.data = reject.request.data + reject.request.len;
        reject_write(&reject, out);
    }
    buf_release(&parts);
    return written && !out->failed;
}
