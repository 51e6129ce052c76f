/* Turns a line into a payload, and submits it. */
#include "rejects/reject_submit.h"

#include "base/metrics/metrics.h"
#include "event/path.h"
#include "event/request_fields.h"
#include "pipeline/payload/request_values.h"
#include "pipeline/pipeline.h"
#include "pipeline/validate/json_write.h"
#include "rejects/reject.h"

static const char *const protocols[] = METRICS_PROTOCOLS;

void reject_payload_release(struct reject_payload *memory)
{
    buf_release(&memory->text);
    buf_release(&memory->values);
    buf_release(&memory->items);
}

static const struct stream *stream_of(const struct pipeline *pipeline, const struct reject_line *line)
{
    return line->reject.stream.len == 0 ? NULL : pipeline_stream(pipeline, line->reject.stream);
}

enum error reject_submit_admits(const struct pipeline *pipeline, const struct reject_line *line)
{
    const struct stream *stream = stream_of(pipeline, line);
    enum error error = pipeline_admits(pipeline);
    return error != OK || stream == NULL ? error : pipeline_admits_stream(pipeline, stream);
}

static enum protocol protocol_of(struct slice name)
{
    for (int i = 0; i < PROTOCOL_COUNT; i++) {
        if (slice_equal(name, slice_from_string(protocols[i]))) {
            return (enum protocol)i;
        }
    }
    return PROTOCOL_HTTP;
}

static void write_json(const struct json_document *document, json_at at, struct buf *out)
{
    struct buf path = { 0 };
    struct json_extent extent;
    if (json_write(document, at, false, out, &path, &extent) != OK) {
        out->failed = true;
    }
    buf_release(&path);
}

/* A text stands for itself: what came was no JSON object, or one that a line could not hold. */
static void write_event(const struct reject_line *line, struct buf *out)
{
    if (json_type(&line->document, line->event) == '"') {
        buf_append_slice(out, json_string(&line->document, line->event));
    } else {
        write_json(&line->document, line->event, out);
    }
}

/* One of several is one of several again, so that no member of it is taken for what stands around them. */
static struct slice write_payload(const struct reject_line *line, struct buf *out)
{
    const struct reject *reject = &line->reject;
    bool item = reject->form == REJECT_ITEM, sent = item && reject->sent_ns != 0;
    buf_clear(out);
    buf_append_string(out, sent ? "{\"events\":[" : item ? "[" : "");
    write_event(line, out);
    if (sent) {
        buf_printf(out, "],\"sent_at\":%lld}", (long long)reject->sent_ns);
    } else if (item) {
        buf_append_byte(out, ']');
    }
    size_t len = out->len;
    buf_append_fill(out, ' ', JSON_PADDING);
    return slice_make(out->data, len);
}

static enum payload_form form_of(enum reject_form form)
{
    return form == REJECT_ONE ? PAYLOAD_ONE : form == REJECT_LINES ? PAYLOAD_LINES : PAYLOAD_MANY;
}

static enum path_source source_of(struct slice name)
{
    for (enum path_source source = PATH_OF_QUERY; source < PATH_OF_COUNT; source++) {
        if (slice_equal(slice_after(path_source_key(source), 1), name)) {
            return source;
        }
    }
    return PATH_OF_NONE;
}

/* Texts, numbers and truths as a request says them, so that the field's type of today decides what they are. */
static void add_value(const struct json_document *document, json_at key, enum path_source source,
                      struct reject_payload *memory)
{
    char type = json_type(document, key + 1);
    struct request_value value = { .key = json_string(document, key), .source = source, .wins = true };
    if (type == '"') {
        value.text = json_string(document, key + 1);
    } else {
        size_t from = memory->values.len;
        write_json(document, key + 1, &memory->values);
        value.text = (struct slice){ NULL, memory->values.len - from }; /* found once nothing moves any more */
        value.form = type == '{' || type == '[' ? VALUE_OF_JSON : VALUE_OF_TEXT;
    }
    buf_append(&memory->items, &value, sizeof value);
}

static struct request_values read_values(const struct reject_line *line, struct reject_payload *memory)
{
    const struct json_document *document = &line->document;
    buf_clear(&memory->values);
    buf_clear(&memory->items);
    for (json_at s = line->request == 0 ? 0 : json_first(line->request); s != 0 && !json_at_end(document, s);
         s = json_skip(document, s + 1)) {
        enum path_source source = source_of(json_string(document, s));
        if (source == PATH_OF_NONE || json_type(document, s + 1) != '{') {
            continue;
        }
        for (json_at m = json_first(s + 1); !json_at_end(document, m); m = json_skip(document, m + 1)) {
            add_value(document, m, source, memory);
        }
    }
    struct request_value *items = (struct request_value *)(void *)memory->items.data;
    struct request_values values = { items, memory->items.len / sizeof *items };
    for (size_t i = 0, at = 0; i < values.count; i++) {
        if (items[i].text.data == NULL) {
            items[i].text.data = memory->values.data + at;
            at += items[i].text.len;
        }
    }
    return values;
}

enum reject_sent reject_submit(const struct pipeline *pipeline, struct pipeline_io *io, const struct reject_line *line,
                               struct token token, struct reject_payload *memory, struct submission *submission)
{
    const struct reject *reject = &line->reject;
    const struct stream *stream = stream_of(pipeline, line);
    if (stream == NULL) {
        return SENT_NO_STREAM;
    }
    struct slice bytes = write_payload(line, &memory->text);
    const struct request_values values = read_values(line, memory);
    if (memory->text.failed || memory->values.failed || memory->items.failed) {
        return SENT_NO_MEMORY;
    }
    const struct request_fields fields = { .host = reject->host,
                                           .referer = reject->referer,
                                           .accept_language = reject->accept_language,
                                           .key_name = reject->key };
    const struct payload payload = {
        .stream = stream,
        .pick_stream = reject->picks,
        .bytes = bytes,
        .form = form_of(reject->form),
        .protocol = protocol_of(reject->protocol),
        .token = token,
        .received_wall_ns = reject->received_ns,
        .client_ip = reject->client_ip,
        .user_agent = reject->user_agent,
        .request = &fields,
        .values = values.count != 0 ? &values : NULL,
        .again = &reject->id,
    };
    pipeline_submit(io, &payload, submission);
    return SENT;
}
