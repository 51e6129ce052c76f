/* Turns a column into the schema of what clients send for it. */
#include "proto/openapi/openapi_column.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "proto/openapi/json_out.h"

#include <stdio.h>
#include <time.h>

/* How a kind is said. Times may be numbers, too; a decimal may be either. */
static const struct {
    const char *type, *or_type, *format;
} forms[] = {
    [KIND_STRING] = { "string", NULL, NULL },
    [KIND_FIXED_STRING] = { "string", NULL, NULL },
    [KIND_BOOL] = { "boolean", NULL, NULL },
    [KIND_INT8] = { "integer", NULL, "int8" },
    [KIND_INT16] = { "integer", NULL, "int16" },
    [KIND_INT32] = { "integer", NULL, "int32" },
    [KIND_INT64] = { "integer", NULL, "int64" },
    [KIND_UINT8] = { "integer", NULL, "uint8" },
    [KIND_UINT16] = { "integer", NULL, "uint16" },
    [KIND_UINT32] = { "integer", NULL, "uint32" },
    [KIND_UINT64] = { "integer", NULL, "uint64" },
    [KIND_FLOAT32] = { "number", NULL, "float" },
    [KIND_FLOAT64] = { "number", NULL, "double" },
    [KIND_DATE] = { "string", "integer", "date-time" },
    [KIND_DATETIME] = { "string", "integer", "date-time" },
    [KIND_DATETIME64] = { "string", "integer", "date-time" },
    [KIND_UUID] = { "string", NULL, "uuid" },
    [KIND_ENUM] = { "string", NULL, NULL },
    [KIND_DECIMAL] = { "number", "string", NULL },
    [KIND_IPV4] = { "string", NULL, "ipv4" },
    [KIND_IPV6] = { "string", NULL, "ipv6" },
    [KIND_JSON] = { "object", NULL, NULL },
};

static void write_type(struct buf *out, enum kind kind, bool nullable)
{
    ASSERT_BELOW(kind, ARRAY_LENGTH(forms));
    const char *or_type = forms[kind].or_type;
    if (or_type == NULL && !nullable) {
        json_out_string(out, "type", forms[kind].type);
    } else {
        json_out_open(out, "type", '[');
        json_out_string(out, NULL, forms[kind].type);
        if (or_type != NULL) {
            json_out_string(out, NULL, or_type);
        }
        if (nullable) {
            json_out_string(out, NULL, "null");
        }
        json_out_close(out, ']');
    }
    if (forms[kind].format != NULL) {
        json_out_string(out, "format", forms[kind].format);
    }
}

void openapi_schema_type(struct buf *out, const struct type *type)
{
    if (type->shape == SHAPE_ARRAY) {
        json_out_string(out, "type", "array");
        json_out_open(out, "items", '{');
        write_type(out, type->kind, type->nullable_items);
        json_out_close(out, '}');
    } else if (type->shape == SHAPE_MAP) {
        json_out_string(out, "type", "object");
        json_out_open(out, "additionalProperties", '{');
        json_out_string(out, "type", "string");
        json_out_close(out, '}');
    } else {
        write_type(out, type->kind, type->shape == SHAPE_NULLABLE);
    }
}

static void write_text_limits(struct buf *out, const struct column_spec *spec)
{
    if (spec->one_of_count != 0) {
        json_out_open(out, "enum", '[');
        for (size_t i = 0; i < spec->one_of_count; i++) {
            json_out_text(out, NULL, spec->one_of[i]);
        }
        json_out_close(out, ']');
    }
    uint64_t least = spec->not_blank && spec->min_length == 0 ? 1 : spec->min_length;
    if (least != 0) {
        json_out_unsigned(out, "minLength", least);
    }
    if (spec->not_blank) {
        json_out_string(out, "pattern", "\\S");
    }
    uint64_t most = spec->type.kind == KIND_FIXED_STRING && spec->type.length < spec->max_length ? spec->type.length
                                                                                                 : spec->max_length;
    if (most != UINT64_MAX && spec->type.kind != KIND_ENUM) {
        json_out_unsigned(out, "maxLength", most);
    }
}

static void write_number_limits(struct buf *out, const struct column_spec *spec)
{
    enum kind_family family = kind_family(spec->type.kind);
    if (spec->type.kind == KIND_UINT64) {
        json_out_unsigned(out, "minimum", spec->min_unsigned);
        json_out_unsigned(out, "maximum", spec->max_unsigned);
    } else if (family == FAMILY_SIGNED || family == FAMILY_UNSIGNED) {
        json_out_integer(out, "minimum", spec->min_integer);
        json_out_integer(out, "maximum", spec->max_integer);
    } else if (spec->has_min || spec->has_max) {
        if (spec->has_min) {
            json_out_key(out, SLICE("minimum"));
            buf_printf(out, "%.17g", spec->min);
        }
        if (spec->has_max) {
            json_out_key(out, SLICE("maximum"));
            buf_printf(out, "%.17g", spec->max);
        }
    }
}

static void write_limits(struct buf *out, const struct column_spec *spec)
{
    switch (kind_family(spec->type.kind)) {
    case FAMILY_TEXT: write_text_limits(out, spec); break;
    case FAMILY_SIGNED:
    case FAMILY_UNSIGNED:
    case FAMILY_FLOAT:
    case FAMILY_DECIMAL: write_number_limits(out, spec); break;
    case FAMILY_BOOL:
    case FAMILY_TIME:
    case FAMILY_OTHER: break;
    }
}

static void write_description(struct buf *out, const struct column_spec *spec, bool item)
{
    const char *comment = spec->options->comment;
    const char *more = item || spec->unit != UNIT_ANY || !kind_is_time(spec->type.kind)
                           ? ""
                           : " RFC 3339, or seconds or milliseconds since 1970.";
    if ((comment == NULL || comment[0] == '\0') && more[0] == '\0') {
        return;
    }
    struct buf text = { 0 };
    buf_append_string(&text, comment == NULL ? "" : comment);
    if (text.len != 0 && text.data[text.len - 1] != '.') {
        buf_append_byte(&text, '.');
    }
    buf_append_string(&text, text.len == 0 && more[0] != '\0' ? more + 1 : more);
    json_out_text(out, "description", buf_slice(&text));
    out->failed |= text.failed;
    buf_release(&text);
}

/* The unit of the numbers that a time must be; 0: it may be a text, too. */
static int64_t unit_ns(const struct column_spec *spec)
{
    static const int64_t units_ns[] = { [UNIT_ANY] = 0,
                                        [UNIT_SECONDS] = NS_PER_SECOND,
                                        [UNIT_MILLISECONDS] = NS_PER_MS,
                                        [UNIT_MICROSECONDS] = NS_PER_US,
                                        [UNIT_NANOSECONDS] = 1 };
    return kind_is_time(spec->type.kind) ? units_ns[spec->unit] : 0;
}

/* A time of one unit, a text that is JSON: false, it is neither. */
static bool write_ruled(struct buf *out, const struct column_spec *spec, bool nullable)
{
    int64_t unit = unit_ns(spec);
    if (unit != 0) {
        json_out_raw(out, "type", nullable ? SLICE("[\"integer\",\"null\"]") : SLICE("\"integer\""));
        json_out_string(out, "format", "int64");
        json_out_integer(out, "minimum",
                         spec->earliest.given && !spec->earliest.now ? spec->earliest.wall_ns / unit : 0);
        return true;
    }
    if (spec->type.kind == KIND_STRING && spec->json == JSON_TEXT_OBJECT) {
        json_out_string(out, "type", "object");
    }
    return spec->type.kind == KIND_STRING && spec->json != JSON_TEXT_NONE;
}

static void write_scalar(struct buf *out, const struct column_spec *spec, bool nullable)
{
    if (!write_ruled(out, spec, nullable)) {
        write_type(out, spec->type.kind, nullable);
        write_limits(out, spec);
    }
}

static void write_default(struct buf *out, const struct column_spec *spec)
{
    const char *text = spec->options->default_value;
    int64_t number;
    if (text == NULL || spec->type.shape == SHAPE_ARRAY || spec->type.shape == SHAPE_MAP) {
        return;
    }
    if (kind_family(spec->type.kind) == FAMILY_TEXT) {
        json_out_string(out, "default", text);
    } else if (kind_is_integer(spec->type.kind) && slice_to_i64(slice_from_string(text), &number)) {
        json_out_integer(out, "default", number);
    }
}

void openapi_column_schema(struct buf *out, const struct column_spec *spec, bool item)
{
    write_description(out, spec, item);
    if (spec->type.shape == SHAPE_ARRAY && !item) {
        json_out_string(out, "type", "array");
        json_out_open(out, "items", '{');
        write_scalar(out, spec, spec->type.nullable_items);
        json_out_close(out, '}');
    } else if (spec->type.shape == SHAPE_MAP) {
        openapi_schema_type(out, &spec->type);
    } else {
        write_scalar(out, spec, item ? spec->type.nullable_items : spec->type.shape == SHAPE_NULLABLE);
        write_default(out, spec);
        return;
    }
    if (spec->max_items != UINT64_MAX) {
        json_out_unsigned(out, spec->type.shape == SHAPE_MAP ? "maxProperties" : "maxItems", spec->max_items);
    }
}

static void write_text_example(struct buf *out, const struct column_spec *spec)
{
    static const struct {
        const char *name, *value;
    } known[] = { { "event_name", "purchase" },
                  { "name", "purchase" },
                  { "channel", "web" },
                  { "user_id", "user-1" },
                  { "page_url", "https://shop.example/" },
                  { "url", "https://shop.example/" } };
    struct slice value = SLICE("text");
    if (spec->one_of_count != 0) {
        json_out_text(out, NULL, spec->one_of[0]);
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (strcmp(spec->name, known[i].name) == 0) {
            value = slice_from_string(known[i].value);
        }
    }
    uint64_t most = spec->type.kind == KIND_FIXED_STRING ? spec->type.length : spec->max_length;
    struct buf text = { 0 };
    buf_append(&text, value.data, value.len < most ? value.len : (size_t)most);
    if (text.len < spec->min_length) {
        buf_append_fill(&text, 'x', (size_t)spec->min_length - text.len);
    }
    json_out_text(out, NULL, buf_slice(&text));
    out->failed |= text.failed;
    buf_release(&text);
}

static void write_number_example(struct buf *out, const struct column_spec *spec)
{
    if (spec->type.kind == KIND_UINT64) {
        uint64_t number = spec->min_unsigned > 1 ? spec->min_unsigned : 1;
        json_out_unsigned(out, NULL, number < spec->max_unsigned ? number : spec->max_unsigned);
    } else if (kind_is_integer(spec->type.kind)) {
        int64_t number = spec->min_integer > 1 ? spec->min_integer : 1;
        json_out_integer(out, NULL, number < spec->max_integer ? number : spec->max_integer);
    } else {
        double number = spec->has_min && spec->min > 1 ? spec->min : 1;
        char text[40];
        snprintf(text, sizeof text, "%.17g", spec->has_max && spec->max < number ? spec->max : number);
        json_out_raw(out, NULL, slice_from_string(text));
    }
}

static void write_scalar_example(struct buf *out, const struct column_spec *spec, int64_t now_wall_ns)
{
    char text[32];
    struct tm utc;
    time_t seconds = (time_t)(now_wall_ns / NS_PER_SECOND);
    if (unit_ns(spec) != 0) {
        json_out_integer(out, NULL, now_wall_ns / unit_ns(spec));
        return;
    }
    if (spec->json != JSON_TEXT_NONE) {
        json_out_raw(out, NULL, SLICE("{\"key\":\"value\"}"));
        return;
    }
    switch (spec->type.kind) {
    case KIND_BOOL: json_out_bool(out, NULL, true); return;
    case KIND_UUID: json_out_string(out, NULL, "018f6b2e-7a3c-4d0e-9a55-0242ac120002"); return;
    case KIND_IPV4: json_out_string(out, NULL, "192.0.2.1"); return;
    case KIND_IPV6: json_out_string(out, NULL, "2001:db8::1"); return;
    case KIND_JSON: json_out_raw(out, NULL, SLICE("{\"key\":\"value\"}")); return;
    case KIND_DATE:
    case KIND_DATETIME:
    case KIND_DATETIME64:
        gmtime_r(&seconds, &utc);
        json_out_text(out, NULL, slice_make(text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc)));
        return;
    default: break;
    }
    if (kind_family(spec->type.kind) == FAMILY_TEXT) {
        write_text_example(out, spec);
    } else {
        write_number_example(out, spec);
    }
}

void openapi_column_example(struct buf *out, const struct column_spec *spec, bool item, int64_t now_wall_ns)
{
    if (spec->type.shape == SHAPE_MAP) {
        json_out_raw(out, NULL, SLICE("{\"key\":\"value\"}"));
    } else if (spec->type.shape == SHAPE_ARRAY && !item) {
        json_out_open(out, NULL, '[');
        write_scalar_example(out, spec, now_wall_ns);
        json_out_close(out, ']');
    } else {
        write_scalar_example(out, spec, now_wall_ns);
    }
}
