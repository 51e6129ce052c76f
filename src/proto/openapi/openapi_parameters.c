/* Turns captures, sources of events and parameters of queries into parameters of an operation. */
#include "proto/openapi/openapi.h"
#include "proto/openapi/openapi_column.h"
#include "proto/openapi/openapi_request.h"

#include "config/options/named_query_options.h"
#include "config/options/route_options.h"
#include "event/stream.h"
#include "event/type.h"
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi_schema.h"

static void open_parameter(struct buf *out, bool *any, const char *in, struct slice name, bool required)
{
    if (!*any) {
        json_out_open(out, "parameters", '[');
    }
    *any = true;
    json_out_open(out, NULL, '{');
    json_out_string(out, "in", in);
    json_out_text(out, "name", name);
    if (required) {
        json_out_bool(out, "required", true);
    }
}

static void write_string_schema(struct buf *out)
{
    json_out_raw(out, "schema", SLICE("{\"type\":\"string\"}"));
}

static void write_stream_names(const struct openapi_source *source, struct buf *out)
{
    json_out_open(out, "schema", '{');
    json_out_string(out, "type", "string");
    json_out_open(out, "enum", '[');
    for (size_t i = 0; i < source->stream_count; i++) {
        json_out_string(out, NULL, source->streams[i]->name);
    }
    json_out_close(out, ']');
    json_out_close(out, '}');
}

static const char *value_of(const struct string_pairs *pairs, struct slice name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (slice_equal(slice_from_string(pairs->names[i]), name)) {
            return pairs->values[i];
        }
    }
    return NULL;
}

/* The member of an event that a capture becomes; NULL: it becomes none. */
static const char *member_of(const struct route_options *route, struct slice capture)
{
    const char *member = NULL;
    for (size_t i = 0; i < route->source_count; i++) {
        const char *found = value_of(&route->event[i].path, capture);
        member = found != NULL ? found : member;
    }
    return member;
}

static const struct parameter_options *query_parameter(const struct named_query_options *query, struct slice name)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        if (slice_equal(slice_from_string(query->parameters[i].name), name)) {
            return &query->parameters[i];
        }
    }
    return NULL;
}

static void write_words(const struct parameter_options *parameter, struct buf *out)
{
    json_out_string(out, "type", "string");
    json_out_open(out, "enum", '[');
    for (size_t i = 0; i < parameter->choices.count; i++) {
        json_out_string(out, NULL, parameter->choices.names[i]);
    }
    for (size_t i = 0; parameter->choices.count == 0 && i < parameter->one_of.count; i++) {
        json_out_string(out, NULL, parameter->one_of.items[i]);
    }
    json_out_close(out, ']');
}

/* Of the type; tighter ones, if they are numbers, instead. */
static void write_bounds(const struct parameter_options *parameter, const struct type *type, struct buf *out)
{
    bool is_signed = kind_family(type->kind) == FAMILY_SIGNED;
    unsigned bits = 8u * type->width;
    int64_t number;
    if (parameter->min != NULL && slice_to_i64(slice_from_string(parameter->min), &number)) {
        json_out_integer(out, "minimum", number);
    } else {
        json_out_integer(out, "minimum", is_signed ? INT64_MIN >> (64 - bits) : 0);
    }
    if (parameter->max != NULL && slice_to_i64(slice_from_string(parameter->max), &number)) {
        json_out_integer(out, "maximum", number);
    } else {
        json_out_unsigned(out, "maximum", UINT64_MAX >> (64 - bits + is_signed));
    }
}

/* In addresses a time is a text or a number, and nothing is null. */
static void write_query_schema(const struct parameter_options *parameter, struct buf *out)
{
    struct type type = { 0 };
    struct buf problem = { 0 };
    json_out_open(out, "schema", '{');
    if (parameter->choices.count != 0 || parameter->one_of.count != 0) {
        write_words(parameter, out);
    } else if (parameter->type != NULL && type_parse(&type, slice_from_string(parameter->type), &problem)) {
        type.shape = type.shape == SHAPE_NULLABLE ? SHAPE_SCALAR : type.shape;
        openapi_schema_type(out, &type);
        if (type.shape == SHAPE_SCALAR && kind_is_integer(type.kind)) {
            write_bounds(parameter, &type, out);
        }
        uint64_t least = parameter->not_blank && parameter->min_length == 0 ? 1 : parameter->min_length;
        if (kind_family(type.kind) == FAMILY_TEXT && least != 0) {
            json_out_unsigned(out, "minLength", least);
        }
    } else {
        json_out_string(out, "type", "string");
    }
    json_out_close(out, '}');
    type_release(&type);
    buf_release(&problem);
}

static void write_capture(const struct openapi_source *source, const struct openapi_operation *operation,
                          struct slice capture, struct buf *out)
{
    const struct route_options *route = operation->route;
    const struct parameter_options *parameter =
        operation->query == NULL ? NULL : query_parameter(operation->query, capture);
    const char *member = route == NULL ? NULL : member_of(route, capture);
    bool names_stream =
        route != NULL ? route->stream.capture != NULL && slice_equal(slice_from_string(route->stream.capture), capture)
                      : operation->builtin != NULL && slice_equal(capture, SLICE("stream"));
    if (names_stream) {
        write_stream_names(source, out);
    } else if (parameter != NULL) {
        write_query_schema(parameter, out);
    } else if (member != NULL) {
        openapi_schema_member(out, "schema", openapi_stream(source, operation), slice_from_string(member));
    } else {
        write_string_schema(out);
    }
}

static void write_captures(const struct openapi_source *source, const struct openapi_operation *operation,
                           const struct openapi_operation *path, struct buf *out, bool *any)
{
    struct slice rest = slice_from_string(operation->path), named = slice_from_string(path->path);
    struct slice literal, capture, name;
    while (openapi_next_part(&rest, &literal, &capture)) {
        if (!openapi_next_part(&named, &literal, &name)) {
            name = capture; /* the prefixes are split otherwise: the shapes are the same */
        }
        if (capture.len != 0) {
            open_parameter(out, any, "path", name, true);
            write_capture(source, operation, capture, out);
            json_out_close(out, '}');
        }
    }
}

static void write_pairs(const struct openapi_source *source, const struct openapi_operation *operation, const char *in,
                        const struct string_pairs *pairs, struct buf *out, bool *any)
{
    for (size_t i = 0; i < pairs->count; i++) {
        bool all = strcmp(pairs->names[i], "*") == 0;
        open_parameter(out, any, in, all ? SLICE("event") : slice_from_string(pairs->names[i]), false);
        if (all) {
            json_out_string(out, "description", "Each argument is a member of the event.");
            json_out_string(out, "style", "form");
            json_out_bool(out, "explode", true);
            json_out_raw(out, "schema", SLICE("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"));
        } else {
            openapi_schema_member(out, "schema", openapi_stream(source, operation),
                                  slice_from_string(pairs->values[i]));
        }
        json_out_close(out, '}');
    }
}

static void write_sources(const struct openapi_source *source, const struct openapi_operation *operation,
                          struct buf *out, bool *any)
{
    const struct route_options *route = operation->route;
    for (size_t i = 0; route != NULL && i < route->source_count; i++) {
        write_pairs(source, operation, "query", &route->event[i].query, out, any);
        write_pairs(source, operation, "cookie", &route->event[i].cookies, out, any);
        write_pairs(source, operation, "header", &route->event[i].headers, out, any);
    }
}

static void write_of_query(const struct named_query_options *query, struct buf *out, bool *any)
{
    for (size_t i = 0; i < query->parameter_count; i++) {
        const struct parameter_options *parameter = &query->parameters[i];
        struct slice name = slice_from_string(parameter->name);
        bool in_path = parameter->from == PARAMETER_FROM_PATH;
        for (size_t k = 0; parameter->from == PARAMETER_FROM_ADDRESS && k < query->path.count; k++) {
            struct slice rest = slice_from_string(query->path.items[k]), literal, capture;
            while (openapi_next_part(&rest, &literal, &capture)) {
                in_path = in_path || slice_equal(capture, name);
            }
        }
        if (!in_path) {
            bool header = parameter->from == PARAMETER_FROM_HEADER;
            struct slice shown = header && parameter->header != NULL ? slice_from_string(parameter->header) : name;
            open_parameter(out, any, header ? "header" : "query", shown, parameter->required);
            write_query_schema(parameter, out);
            json_out_close(out, '}');
        }
    }
}

static void write_of_builtin(const struct openapi_parameter *parameter, struct buf *out, bool *any)
{
    for (; parameter != NULL && parameter->name != NULL; parameter++) {
        open_parameter(out, any, "query", slice_from_string(parameter->name), false);
        json_out_string(out, "description", parameter->description);
        json_out_open(out, "schema", '{');
        buf_append_string(out, parameter->schema);
        json_out_close(out, '}');
        json_out_close(out, '}');
    }
}

/* What the built-in doors of events take behind '?'. */
static void write_of_events(const struct openapi_source *source, const struct openapi_operation *operation,
                            struct buf *out, bool *any)
{
    if (strstr(operation->path, "{stream}") == NULL) {
        open_parameter(out, any, "query", SLICE("stream"), false);
        json_out_string(out, "description", "The stream; without it: the first.");
        write_stream_names(source, out);
        json_out_close(out, '}');
    }
    open_parameter(out, any, "query", SLICE("wait"), false);
    json_out_string(out, "description", "The reply waits until the events are stored.");
    json_out_raw(out, "schema", SLICE("{\"type\":\"string\",\"enum\":[\"stored\"]}"));
    json_out_close(out, '}');
}

void openapi_write_parameters(const struct openapi_source *source, const struct openapi_operation *operation,
                              const struct openapi_operation *path, struct buf *out)
{
    bool any = false;
    write_captures(source, operation, path, out, &any);
    write_sources(source, operation, out, &any);
    if (operation->query != NULL) {
        write_of_query(operation->query, out, &any);
    } else if (operation->builtin != NULL) {
        write_of_builtin(operation->builtin->parameters, out, &any);
        if (operation->kind == OPENAPI_EVENTS) {
            write_of_events(source, operation, out, &any);
        }
    }
    if (any) {
        json_out_close(out, ']');
    }
}
