/* Turns the list of operations into the document. */
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi.h"
#include "proto/openapi/openapi_answers.h"
#include "proto/openapi/openapi_errors.h"
#include "proto/openapi/openapi_operation.h"
#include "proto/openapi/openapi_request.h"
#include "proto/openapi/openapi_schema.h"

#include "config/options/named_query_options.h"
#include "event/stream.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const method_names[] = {
    [HTTP_GET] = "get",       [HTTP_HEAD] = "head",       [HTTP_POST] = "post",   [HTTP_PUT] = "put",
    [HTTP_DELETE] = "delete", [HTTP_OPTIONS] = "options", [HTTP_PATCH] = "patch",
};

static const struct {
    const char *name, *description;
} tags[] = {
    { "Events", "Send events. An answer that says they are accepted is given once they are safe." },
    { "Reading", "Ask what came in." },
    { "Operating", "Pages for those who run the gateway." },
};

static const char *tag_of(const struct openapi_operation *operation)
{
    if (operation->builtin != NULL) {
        return operation->builtin->tag;
    }
    return operation->kind == OPENAPI_QUERY || operation->kind == OPENAPI_REPLY ? tags[1].name
           : operation->kind == OPENAPI_PAGE                                    ? tags[2].name
                                                                                : tags[0].name;
}

static const char *summary_of(const struct openapi_source *source, const struct openapi_operation *operation,
                              char space[160])
{
    const struct stream *stream = openapi_stream(source, operation);
    if (operation->builtin != NULL) {
        return operation->builtin->summary;
    }
    switch (operation->kind) {
    case OPENAPI_EVENTS:
        snprintf(space, 160, "Send events to %s", stream == NULL ? "a stream that they name" : stream->name);
        return space;
    case OPENAPI_WEBSOCKET: return "Send events by WebSocket";
    case OPENAPI_QUERY: snprintf(space, 160, "Ask for %s", operation->query->name); return space;
    case OPENAPI_REPLY: return "A fixed reply";
    case OPENAPI_PAGE:
    case OPENAPI_LIVE: break;
    }
    return "The state of the gateway";
}

/* "post_events_bulk": unique, for paths and methods are. */
static void write_id(const struct openapi_operation *operation, struct buf *out)
{
    struct buf path = { 0 }, id = { 0 };
    openapi_write_path(operation, &path);
    buf_append_string(&id, method_names[operation->method]);
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (plain || id.data[id.len - 1] != '_') {
            buf_append_byte(&id, plain ? (uint8_t)c : '_');
        }
    }
    while (id.len != 0 && id.data[id.len - 1] == '_') {
        id.len--;
    }
    json_out_text(out, "operationId", buf_slice(&id));
    buf_release(&path);
    buf_release(&id);
}

/* How a key is shown; of events in the query as well. */
static void write_security(const struct openapi_source *source, const struct openapi_operation *operation,
                           struct buf *out)
{
    bool takes_events = operation->kind == OPENAPI_EVENTS;
    json_out_raw(out, "security",
                 !openapi_needs_key(source, operation) ? SLICE("[]")
                 : takes_events ? SLICE("[{\"bearer\":[]},{\"basic\":[]},{\"header\":[]},{\"query\":[]}]")
                                : SLICE("[{\"bearer\":[]},{\"basic\":[]},{\"header\":[]}]"));
}

static void write_security_schemes(struct buf *out)
{
    json_out_raw(out, "securitySchemes",
                 SLICE("{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"The key.\"},"
                       "\"basic\":{\"type\":\"http\",\"scheme\":\"basic\",\"description\":\"The key is the user; "
                       "there is no password.\"},"
                       "\"header\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
                       "\"query\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"key\"}}"));
}

static void write_operation(const struct openapi_source *source, const struct openapi_operation *operation,
                            const struct openapi_operation *path, struct buf *out)
{
    char space[160];
    const char *summary = summary_of(source, operation, space);
    json_out_open(out, method_names[operation->method], '{');
    json_out_open(out, "tags", '[');
    json_out_string(out, NULL, tag_of(operation));
    json_out_close(out, ']');
    json_out_string(out, "summary", summary);
    json_out_string(out, "description", summary);
    write_id(operation, out);
    openapi_write_parameters(source, operation, path, out);
    if (source->with_keys) {
        write_security(source, operation, out);
    }
    if (operation->kind == OPENAPI_EVENTS) {
        openapi_write_body(source, operation, out);
    }
    openapi_write_responses(source, operation, out);
    json_out_close(out, '}');
}

/* The first of the operations of a path has the path's name. */
static bool is_first(const struct openapi_operation *operations, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (operations[i].kind != OPENAPI_WEBSOCKET && openapi_same_path(&operations[i], &operations[at])) {
            return false;
        }
    }
    return true;
}

static void write_paths(const struct openapi_source *source, const struct openapi_operation *operations, size_t count,
                        struct buf *out)
{
    json_out_open(out, "paths", '{');
    for (size_t i = 0; i < count; i++) {
        if (operations[i].kind == OPENAPI_WEBSOCKET || !is_first(operations, i)) {
            continue;
        }
        struct buf path = { 0 };
        openapi_write_path(&operations[i], &path);
        json_out_key(out, buf_slice(&path));
        json_out_open(out, NULL, '{');
        for (size_t k = i; k < count; k++) {
            if (operations[k].kind != OPENAPI_WEBSOCKET && openapi_same_path(&operations[i], &operations[k])) {
                write_operation(source, &operations[k], &operations[i], out);
            }
        }
        json_out_close(out, '}');
        buf_release(&path);
    }
    json_out_close(out, '}');
}

static void write_stream_schemas(const struct openapi_source *source, struct buf *out)
{
    for (size_t i = 0; i < source->stream_count; i++) {
        const struct stream *stream = source->streams[i];
        for (int whole = 1; whole >= 0; whole--) {
            struct buf name = { 0 };
            buf_append_string(&name, whole != 0 ? "" : OPENAPI_PART_OF);
            json_out_component(&name, slice_from_string(stream->name));
            const char *key = buf_c_string(&name);
            if (key != NULL && json_out_is_referred_to(out, "schemas", buf_slice(&name))) {
                openapi_schema_event(out, key, stream, whole != 0);
            }
            buf_release(&name);
        }
    }
}

static void write_components(const struct openapi_source *source, struct buf *out)
{
    json_out_open(out, "components", '{');
    if (source->with_keys) {
        write_security_schemes(out);
    }
    json_out_open(out, "responses", '{');
    openapi_write_problem_components(out);
    json_out_close(out, '}');
    json_out_open(out, "schemas", '{');
    write_stream_schemas(source, out);
    openapi_write_answer_schemas(out);
    json_out_close(out, '}');
    json_out_close(out, '}');
}

/* OpenAPI has no words for WebSockets: the description names them. */
static void write_description(const struct openapi_operation *operations, size_t count, struct buf *out)
{
    struct buf text = { 0 };
    buf_append_string(&text, "Written by the gateway from its configuration.");
    const char *separator = " WebSockets take events, too: ";
    for (size_t i = 0; i < count; i++) {
        if (operations[i].kind == OPENAPI_WEBSOCKET) {
            buf_append_string(&text, separator);
            openapi_write_path(&operations[i], &text);
            separator = ", ";
        }
    }
    json_out_text(out, "description", buf_slice(&text));
    out->failed |= text.failed;
    buf_release(&text);
}

static void write_head(const struct openapi_source *source, const struct openapi_operation *operations, size_t count,
                       struct buf *out)
{
    json_out_string(out, "openapi", "3.1.0");
    json_out_open(out, "info", '{');
    json_out_string(out, "title", source->title);
    json_out_string(out, "version", source->version);
    write_description(operations, count, out);
    json_out_raw(out, "contact", SLICE("{\"name\":\"Whoever runs this gateway\"}"));
    json_out_raw(out, "license", SLICE("{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}"));
    json_out_close(out, '}');
    json_out_raw(out, "servers", SLICE("[{\"url\":\".\",\"description\":\"Where this document is.\"}]"));
    json_out_raw(out, "security", SLICE("[]"));
    json_out_open(out, "tags", '[');
    for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
        json_out_open(out, NULL, '{');
        json_out_string(out, "name", tags[i].name);
        json_out_string(out, "description", tags[i].description);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

void openapi_write(const struct openapi_source *source, const struct string_list *hosts, struct buf *out)
{
    size_t count;
    struct openapi_operation *operations = openapi_operations(source, hosts, &count);
    if (operations == NULL) {
        out->failed = true;
        return;
    }
    json_out_open(out, NULL, '{');
    write_head(source, operations, count, out);
    write_paths(source, operations, count, out);
    write_components(source, out);
    json_out_close(out, '}');
    buf_append_byte(out, '\n');
    free(operations);
}
