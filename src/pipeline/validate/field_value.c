/* Turns a JSON value into a value of a column. */
#include "pipeline/validate/field_value.h"

#include "config/options/stream_options.h"
#include "event/column.h"
#include "pipeline/json/json_measure.h"
#include "pipeline/json/json_number.h"
#include "pipeline/validate/json_write.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void field_scratch_release(struct field_scratch *scratch)
{
    buf_release(&scratch->text);
    buf_release(&scratch->path);
    defaulted_release(&scratch->defaulted);
}

/* n keys take 5 * n bytes at least, so that n keys times their bytes are no fewer than 5 * n * n. No path is longer than the
 * text, and there are no more paths than keys. */
uint64_t field_harmless(const struct stream_options *options)
{
    const uint64_t limits[] = { options->max_keys, options->max_paths };
    uint64_t harmless = options->max_event_bytes != 0 ? options->max_event_bytes : UINT64_MAX;
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        uint64_t bytes = 5 * limits[i] * limits[i];
        harmless = limits[i] != 0 && bytes < harmless ? bytes : harmless;
    }
    return harmless;
}

void field_scratch_begin(struct field_scratch *scratch, const struct stream_options *options, uint64_t harmless)
{
    scratch->options = options;
    scratch->harmless = harmless;
}

static enum error RARE PRINTF_LIKE(3, 4) fail(struct field_scratch *scratch, enum error error, const char *why, ...)
{
    va_list arguments;
    va_start(arguments, why);
    value_format(scratch->context.message, sizeof scratch->context.message, why, arguments);
    va_end(arguments);
    return error;
}

static const char *type_name(char type)
{
    switch (type) {
    case '{': return "an object";
    case '[': return "an array";
    case '"': return "a string";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
    }
}

static struct slice number_text(const struct json_document *document, json_at at, char out[32])
{
    int len;
    switch (json_type(document, at)) {
    case 'l': len = snprintf(out, 32, "%" PRId64, json_int64(document, at)); break;
    case 'u': len = snprintf(out, 32, "%" PRIu64, json_uint64(document, at)); break;
    case JSON_LARGE_NUMBER: return json_string(document, at);
    default: return slice_make(out, json_format_double(json_double(document, at), out));
    }
    return slice_make(out, (size_t)len);
}

/* Numbers and booleans become text for the types that are text; false for objects, arrays and null. */
static bool read_scalar(const struct json_document *document, json_at at, enum kind kind, struct value *value,
                        char text[32])
{
    char type = json_type(document, at);
    bool as_text = kind == KIND_STRING || kind == KIND_FIXED_STRING;
    switch (type) {
    case '"': *value = (struct value){ .type = VALUE_TEXT, .text = json_string(document, at) }; return true;
    case 'l': *value = (struct value){ .type = VALUE_INT, .integer = json_int64(document, at) }; break;
    case 'u': *value = (struct value){ .type = VALUE_UINT, .unsigned_integer = json_uint64(document, at) }; break;
    case 'd':
        *value = (struct value){ .type = VALUE_DOUBLE, .number = json_double(document, at) };
        as_text = as_text || kind_family(kind) == FAMILY_DECIMAL;
        break;
    case 't':
    case 'f':
        *value = (struct value){ .type = VALUE_BOOL, .integer = type == 't' };
        if (as_text) {
            *value = (struct value){ .type = VALUE_TEXT, .text = type == 't' ? SLICE("true") : SLICE("false") };
        }
        return true;
    default:
        if (type != JSON_LARGE_NUMBER) {
            return false;
        }
        *value = (struct value){ .type = VALUE_DOUBLE, .number = json_number_double(json_string(document, at)) };
        as_text = as_text || kind_family(kind) == FAMILY_DECIMAL;
    }
    if (as_text) {
        *value = (struct value){ .type = VALUE_TEXT, .text = number_text(document, at, text) };
    }
    return true;
}

/* Those of a number's text, without the zeros around them. */
static int count_digits(struct slice text)
{
    int digits = 0, zeros = 0;
    for (size_t i = 0; i < text.len && text.data[i] != 'e'; i++) {
        char c = text.data[i];
        if (c >= '1' && c <= '9') {
            digits += zeros + 1;
            zeros = 0;
        } else if (c == '0' && digits != 0) {
            zeros++;
        }
    }
    return digits;
}

static void append_string(struct buf *out, struct slice text)
{
    buf_append_varint(out, text.len);
    buf_append_slice(out, text);
}

/* The JSON value may be more than the engine takes as a row. A limit of 0 is none. */
static enum error RARE check_limits(const struct json_document *document, json_at at, const struct json_extent *extent,
                                    struct field_scratch *scratch)
{
    const struct stream_options *options = scratch->options;
    if (extent->keys > options->max_keys && options->max_keys != 0) {
        return fail(scratch, ERROR_TOO_MANY_KEYS, "has %" PRIu64 " keys; max_keys of the stream allows %" PRIu64,
                    extent->keys, options->max_keys);
    }
    if (extent->paths > options->max_paths && options->max_paths != 0) {
        return fail(scratch, ERROR_TOO_MANY_PATHS, "has %" PRIu64 " paths; max_paths of the stream allows %" PRIu64,
                    extent->paths, options->max_paths);
    }
    uint64_t bytes = options->max_event_bytes != 0 ? json_path_bytes(document, at) : 0;
    if (bytes > options->max_event_bytes) {
        return fail(scratch, ERROR_TOO_MANY_PATHS,
                    "has keys of %" PRIu64 " bytes in all, each counted for all the paths below it; max_event of the "
                    "stream allows %" PRIu64,
                    bytes, options->max_event_bytes);
    }
    return OK;
}

static inline enum error check_extent(const struct json_document *document, json_at at,
                                      const struct json_extent *extent, struct field_scratch *scratch)
{
    bool harmless = extent->keys * scratch->text.len <= scratch->harmless;
    return harmless ? OK : check_limits(document, at, extent, scratch);
}

/* What json_write left in scratch->text becomes the value. */
static enum error append_json(const struct column *column, enum error error, struct field_scratch *scratch,
                              struct buf *out)
{
    char path[64];
    if (error == ERROR_CONFLICTING_KEYS) {
        value_quote(buf_slice(&scratch->path), 48, path, sizeof path);
        return fail(scratch, error, "two keys name the path \"%s\"; a JSON column takes one", path);
    }
    if (error == ERROR_OUT_OF_RANGE) {
        value_quote(buf_slice(&scratch->path), 48, path, sizeof path);
        return fail(scratch, error, "the number %s in it is larger than a double holds", path);
    }
    if (error != OK) {
        return fail(scratch, error, "%s", error_info(error)->text);
    }
    if (scratch->text.len > column->spec->max_length) {
        return fail(scratch, ERROR_TOO_LONG, "is %zu bytes long as JSON; at most %" PRIu64 " are allowed",
                    scratch->text.len, column->spec->max_length);
    }
    append_string(out, buf_slice(&scratch->text));
    return OK;
}

static enum error json_value(const struct json_document *document, json_at at, struct column *column,
                             struct field_scratch *scratch)
{
    bool column_is_json = column->spec->type.kind == KIND_JSON;
    if (json_type(document, at) != '{' && column->spec->json != JSON_TEXT_ANY) {
        return fail(scratch, ERROR_WRONG_TYPE, "%s is not an object, as %s needs", type_name(json_type(document, at)),
                    column_is_json ? "JSON" : "json: object");
    }
    buf_clear(&scratch->text);
    buf_clear(&scratch->path);
    struct json_extent extent;
    enum error error = json_write(document, at, column_is_json, &scratch->text, &scratch->path, &extent);
    enum error too_much = error == OK && column_is_json ? check_extent(document, at, &extent, scratch) : OK;
    return too_much != OK ? too_much : append_json(column, error, scratch, &column->data);
}

/* Numbers, booleans, and what is no scalar. */
static enum error other_scalar(const struct json_document *document, json_at at, struct column *column,
                               struct field_scratch *scratch)
{
    const struct column_spec *spec = column->spec;
    struct value value;
    char text[32];
    if (!read_scalar(document, at, spec->type.kind, &value, text)) {
        return fail(scratch, ERROR_WRONG_TYPE, "%s is not a value of %s", type_name(json_type(document, at)),
                    spec->type.name);
    }
    if (value.type == VALUE_DOUBLE && isinf(value.number)) {
        value_quote(json_string(document, at), 24, text, sizeof text);
        return fail(scratch, ERROR_OUT_OF_RANGE, "%s is larger than any number of 64 bits or double precision", text);
    }
    if (kind_family(spec->type.kind) == FAMILY_DECIMAL && json_type(document, at) == 'd' &&
        count_digits(value.text) > DBL_DIG) {
        return fail(scratch, ERROR_OUT_OF_RANGE,
                    "has more than the %d digits that a number with a fraction keeps; send it as a string", DBL_DIG);
    }
    return value_append(spec, &value, &scratch->context, &column->data);
}

static inline enum error scalar(const struct json_document *document, json_at at, struct column *column,
                                struct field_scratch *scratch)
{
    if (column->spec->as_json) {
        return json_value(document, at, column, scratch);
    }
    if (json_type(document, at) != '"') {
        return other_scalar(document, at, column, scratch);
    }
    const struct value value = { .type = VALUE_TEXT, .text = json_string(document, at) };
    return value_append(column->spec, &value, &scratch->context, &column->data);
}

/* Of a lenient column the item becomes its type's default. `before`: where its value began. */
static enum error RARE item_failed(struct column *column, size_t before, enum error error,
                                   struct field_scratch *scratch)
{
    const struct type *type = &column->spec->type;
    if (!defaulted_may(column->spec, error)) {
        char message[sizeof scratch->context.message];
        memcpy(message, scratch->context.message, sizeof message);
        return fail(scratch, error, "item %" PRIu64 ": %s", column->items - column->undo_items - 1, message);
    }
    column->data.len = before;
    if (type->nullable_items && column->nulls.len != 0) {
        column->nulls.data[column->nulls.len - 1] = 1;
    }
    buf_append_slice(&column->data, buf_slice(&type->default_wire));
    defaulted_note(&scratch->defaulted, column->spec);
    return OK;
}

enum error field_append_item(const struct json_document *document, json_at at, struct column *column,
                             struct field_scratch *scratch)
{
    bool absent = at == 0 || json_type(document, at) == 'n';
    column->items++;
    if (column->spec->type.nullable_items) {
        buf_append_byte(&column->nulls, absent);
    }
    if (absent) {
        if (at != 0 && column->spec->not_blank && !column->spec->type.nullable_items) {
            return fail(scratch, ERROR_TOO_SHORT, "item %" PRIu64 ": null is blank; a text is needed",
                        column->items - column->undo_items - 1);
        }
        buf_append_slice(&column->data, buf_slice(&column->spec->type.default_wire));
        return OK;
    }
    size_t before = column->data.len;
    enum error error = scalar(document, at, column, scratch);
    return error == OK ? OK : item_failed(column, before, error, scratch);
}

/* Of a lenient column the items beyond the limit are left out. */
enum error field_too_many(const struct column *column, struct field_scratch *scratch)
{
    if (defaulted_may(column->spec, ERROR_TOO_LONG)) {
        defaulted_note(&scratch->defaulted, column->spec);
        return OK;
    }
    return fail(scratch, ERROR_TOO_LONG, "has more items than the %" PRIu64 " allowed", column->spec->max_items);
}

static enum error array(const struct json_document *document, json_at at, struct column *column,
                        struct field_scratch *scratch)
{
    enum error error = OK;
    uint64_t most = column->spec->max_items;
    if (json_type(document, at) != '[') {
        return fail(scratch, ERROR_WRONG_TYPE, "%s is not an array, as %s needs", type_name(json_type(document, at)),
                    column->spec->type.name);
    }
    for (json_at m = json_first(at); !json_at_end(document, m) && error == OK; m = json_skip(document, m)) {
        if (column->items - column->undo_items == most) {
            return field_too_many(column, scratch);
        }
        error = field_append_item(document, m, column, scratch);
    }
    return error;
}

/* Map(String, String): numbers and booleans as text, null left out. */
static enum error map(const struct json_document *document, json_at at, struct column *column,
                      struct field_scratch *scratch)
{
    uint64_t most = column->spec->max_items;
    if (json_type(document, at) != '{') {
        return fail(scratch, ERROR_WRONG_TYPE, "%s is not an object, as %s needs", type_name(json_type(document, at)),
                    column->spec->type.name);
    }
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct value value;
        char text[32], key[40];
        if (json_type(document, m + 1) == 'n') {
            continue;
        }
        if (column->items - column->undo_items == most) {
            return field_too_many(column, scratch);
        }
        if (!read_scalar(document, m + 1, KIND_STRING, &value, text)) {
            if (defaulted_may(column->spec, ERROR_WRONG_TYPE)) {
                defaulted_note(&scratch->defaulted, column->spec);
                continue;
            }
            value_quote(json_string(document, m), 32, key, sizeof key);
            return fail(scratch, ERROR_WRONG_TYPE, "the value of \"%s\" is %s; Map(String, String) takes text", key,
                        type_name(json_type(document, m + 1)));
        }
        column->items++;
        append_string(&column->keys, json_string(document, m));
        append_string(&column->data, value.text);
    }
    return OK;
}

enum error field_append(const struct json_document *document, json_at at, struct column *column,
                        struct field_scratch *scratch)
{
    switch (column->spec->type.shape) {
    case SHAPE_ARRAY: return array(document, at, column, scratch);
    case SHAPE_MAP: return map(document, at, column, scratch);
    case SHAPE_NULLABLE: buf_append_byte(&column->nulls, 0); break;
    case SHAPE_SCALAR: break;
    }
    return scalar(document, at, column, scratch);
}

enum error field_append_unknown(const struct json_document *document, json_at object, const struct path_node *known,
                                struct column *column, struct field_scratch *scratch)
{
    bool json = column->spec->type.kind == KIND_JSON;
    buf_clear(&scratch->text);
    buf_clear(&scratch->path);
    struct json_extent extent;
    enum error error = json_write_unknown(document, object, known, json, &scratch->text, &scratch->path, &extent);
    enum error too_much = json && error == OK ? check_extent(document, object, &extent, scratch) : OK;
    if (error == OK && scratch->text.len == 2) { /* what seemed unknown is part of a value that a field takes whole */
        buf_append_slice(&column->data, column_default(column->spec));
        return OK;
    }
    return too_much != OK ? too_much : append_json(column, error, scratch, &column->data);
}
