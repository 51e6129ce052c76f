/* Turns what a route takes into the body of its requests. */
#include "proto/openapi/openapi.h"

#include "base/assert.h"
#include "proto/openapi/openapi_request.h"

#include "config/options/route_options.h"
#include "event/stream.h"
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi_schema.h"

#include <stdio.h>

/* How the events lie in the body. */
struct layout {
    bool one;         /* an event */
    bool list;        /* an array of them, or lines */
    char member[128]; /* an object whose member has the list; "": none */
    const struct string_list *envelope;
    uint64_t max_events;
    bool allow_empty;
    bool whole; /* all that an event needs stands in the body */
    bool json, form;
};

static void read_route(const struct route_options *route, struct layout *layout)
{
    size_t length = strlen(route->items);
    bool automatic = strcmp(route->items, "auto") == 0, one = strcmp(route->items, "one") == 0;
    bool optional = length != 0 && route->items[length - 1] == '?';
    layout->one = one || automatic || optional;
    layout->list = automatic;
    snprintf(layout->member, sizeof layout->member, "%.*s", (int)(length - optional),
             automatic ? "events"
             : one     ? ""
                       : route->items);
    if (automatic) {
        snprintf(layout->member, sizeof layout->member, "events");
    } else if (one) {
        layout->member[0] = '\0';
    }
    layout->envelope = &route->envelope;
    layout->max_events = route->max_events != 0 ? route->max_events : layout->max_events;
    layout->allow_empty = route->allow_empty;
    layout->json = route->source_count == 0;
    layout->whole = true;
    for (size_t i = 0; i < route->source_count; i++) {
        const struct route_source_options *from = &route->event[i];
        layout->json = layout->json || from->kind == SOURCE_BODY || from->body_into != NULL;
        layout->form = layout->form || from->kind == SOURCE_FORM;
        layout->whole = layout->whole && from->kind == SOURCE_BODY;
    }
}

static struct layout layout_of(const struct openapi_source *source, const struct openapi_operation *operation)
{
    struct layout layout = { .one = true, .whole = true, .json = true, .max_events = source->max_events };
    if (operation->route != NULL) {
        read_route(operation->route, &layout);
    } else if (operation->builtin->form == FORM_MANY) {
        layout.list = true;
        snprintf(layout.member, sizeof layout.member, "events");
    }
    return layout;
}

static void write_event_reference(const struct stream *stream, bool whole, const char *key, struct buf *out)
{
    char name[256];
    int length = snprintf(name, sizeof name, "%s%s", whole ? "" : OPENAPI_PART_OF, stream->name);
    size_t shown = length < 0 ? 0 : (size_t)length;
    json_out_reference(out, key, "schemas", slice_make(name, shown < sizeof name ? shown : sizeof name - 1));
}

static bool list_has(const struct string_list *list, struct slice name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(slice_from_string(list->items[i]), name)) {
            return true;
        }
    }
    return false;
}

static bool lists(const struct string_pairs *pairs, struct slice member)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->names[i], "*") == 0 || slice_equal(slice_from_string(pairs->values[i]), member)) {
            return true;
        }
    }
    return false;
}

/* May another source than the body bring it? */
static bool comes_elsewhere(const void *context, struct slice member)
{
    const struct route_options *route = context;
    for (size_t i = 0; i < route->source_count; i++) {
        const struct route_source_options *from = &route->event[i];
        bool any = from->kind == SOURCE_FORM || from->pairs != NULL || from->header_prefix != NULL ||
                   from->header_json != NULL || from->body_into != NULL || from->base64_json;
        if (any || lists(&from->query, member) || lists(&from->path, member) || lists(&from->cookies, member) ||
            lists(&from->headers, member)) {
            return true;
        }
        for (size_t k = 0; k < from->constant.count + from->made.count; k++) {
            const char *name =
                k < from->constant.count ? from->constant.names[k] : from->made.names[k - from->constant.count];
            if (slice_equal(slice_from_string(name), member)) {
                return true;
            }
        }
    }
    return list_has(&route->envelope, member);
}

/* What the body has to bring of an event that other sources complete. */
static void write_part(const struct stream *stream, const struct route_options *route, const char *key, struct buf *out)
{
    json_out_open(out, key, '{');
    json_out_open(out, "allOf", '[');
    write_event_reference(stream, false, NULL, out);
    json_out_open(out, NULL, '{');
    openapi_schema_required(out, stream, comes_elsewhere, route);
    json_out_close(out, '}');
    json_out_close(out, ']');
    json_out_close(out, '}');
}

/* An event of the operation's stream, or of any. */
static void write_event(const struct openapi_source *source, const struct openapi_operation *operation, bool whole,
                        const char *key, struct buf *out)
{
    const struct stream *stream = openapi_stream(source, operation);
    if (stream != NULL && !whole && operation->route != NULL) {
        write_part(stream, operation->route, key, out);
        return;
    }
    if (stream != NULL) {
        write_event_reference(stream, whole, key, out);
        return;
    }
    json_out_open(out, key, '{');
    json_out_open(out, "anyOf", '[');
    for (size_t i = 0; i < source->stream_count; i++) {
        write_event_reference(source->streams[i], whole, NULL, out);
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}

static void write_list(const struct openapi_source *source, const struct openapi_operation *operation,
                       const struct layout *layout, const char *key, struct buf *out)
{
    json_out_open(out, key, '{');
    json_out_string(out, "type", "array");
    if (!layout->allow_empty) {
        json_out_integer(out, "minItems", 1);
    }
    json_out_unsigned(out, "maxItems", layout->max_events);
    write_event(source, operation, layout->whole && (layout->envelope == NULL || layout->envelope->count == 0), "items",
                out);
    json_out_close(out, '}');
}

static void write_enveloped(const struct openapi_source *source, const struct openapi_operation *operation,
                            const struct layout *layout, const char *key, struct buf *out)
{
    json_out_open(out, key, '{');
    json_out_string(out, "type", "object");
    json_out_open(out, "properties", '{');
    write_list(source, operation, layout, layout->member, out);
    for (size_t i = 0; layout->envelope != NULL && i < layout->envelope->count; i++) {
        openapi_schema_member(out, layout->envelope->items[i], openapi_stream(source, operation),
                              slice_from_string(layout->envelope->items[i]));
    }
    json_out_close(out, '}');
    json_out_open(out, "required", '[');
    json_out_string(out, NULL, layout->member);
    json_out_close(out, ']');
    json_out_close(out, '}');
}

static void write_schema(const struct openapi_source *source, const struct openapi_operation *operation,
                         const struct layout *layout, struct buf *out)
{
    int forms = layout->one + layout->list + (layout->member[0] != '\0');
    if (forms > 1) {
        json_out_open(out, "schema", '{');
        json_out_open(out, "anyOf", '[');
    }
    const char *key = forms > 1 ? NULL : "schema";
    if (layout->list) {
        write_list(source, operation, layout, key, out);
    }
    if (layout->member[0] != '\0') {
        write_enveloped(source, operation, layout, key, out);
    }
    if (layout->one) {
        write_event(source, operation, layout->whole, key, out);
    }
    if (forms > 1) {
        json_out_close(out, ']');
        json_out_close(out, '}');
    }
}

static void write_example(const struct openapi_source *source, const struct layout *layout, const struct stream *stream,
                          struct buf *out)
{
    json_out_key(out, SLICE("value"));
    if (layout->list) {
        json_out_open(out, NULL, '[');
    } else if (layout->member[0] != '\0') {
        json_out_open(out, NULL, '{');
        json_out_open(out, layout->member, '[');
    }
    openapi_schema_example(out, NULL, stream, source->now_wall_ns);
    if (layout->list) {
        json_out_close(out, ']');
    } else if (layout->member[0] != '\0') {
        json_out_close(out, ']');
        json_out_close(out, '}');
    }
}

static void write_examples(const struct openapi_source *source, const struct openapi_operation *operation,
                           const struct layout *layout, struct buf *out)
{
    const struct stream *only = openapi_stream(source, operation);
    json_out_open(out, "examples", '{');
    for (size_t i = 0; i < source->stream_count; i++) {
        if (only == NULL || source->streams[i] == only) {
            struct buf name = { 0 };
            json_out_component(&name, slice_from_string(source->streams[i]->name));
            json_out_key(out, buf_slice(&name));
            json_out_open(out, NULL, '{');
            write_example(source, layout, source->streams[i], out);
            json_out_close(out, '}');
            buf_release(&name);
        }
    }
    json_out_close(out, '}');
}

static void write_lines(const struct openapi_source *source, const struct openapi_operation *operation, struct buf *out)
{
    const struct stream *stream = openapi_stream(source, operation);
    struct buf lines = { 0 };
    ASSERT(source->stream_count != 0);
    stream = stream == NULL ? source->streams[0] : stream;
    for (int i = 0; i < 2; i++) {
        struct buf line = { 0 };
        openapi_schema_example(&line, NULL, stream, source->now_wall_ns);
        buf_append_slice(&lines, buf_slice(&line));
        buf_append_byte(&lines, '\n');
        buf_release(&line);
    }
    json_out_open(out, "application/x-ndjson", '{');
    json_out_raw(out, "schema", SLICE("{\"type\":\"string\",\"description\":\"An event a line.\"}"));
    json_out_text(out, "example", buf_slice(&lines));
    json_out_close(out, '}');
    buf_release(&lines);
}

void openapi_write_body(const struct openapi_source *source, const struct openapi_operation *operation, struct buf *out)
{
    struct layout layout = layout_of(source, operation);
    bool has_body = operation->method == HTTP_POST || operation->method == HTTP_PUT || operation->method == HTTP_PATCH;
    if (!has_body || (!layout.json && !layout.form)) {
        return;
    }
    json_out_open(out, "requestBody", '{');
    json_out_bool(out, "required", layout.whole);
    json_out_open(out, "content", '{');
    if (layout.json) {
        json_out_open(out, "application/json", '{');
        write_schema(source, operation, &layout, out);
        write_examples(source, operation, &layout, out);
        json_out_close(out, '}');
    }
    if (layout.json && layout.list) {
        write_lines(source, operation, out);
    }
    if (layout.form) {
        json_out_raw(out, "application/x-www-form-urlencoded", SLICE("{\"schema\":{\"type\":\"object\"}}"));
    }
    json_out_close(out, '}');
    json_out_close(out, '}');
}
