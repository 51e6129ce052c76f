/* Turns the options of a field into a column that is ready to check values. */
#include "event/field.h"

#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool PRINTF_LIKE(3, 4) refuse(const struct field_options *options, struct buf *problems, const char *why, ...)
{
    char text[768]; /* a message that lists all types */
    va_list arguments;
    va_start(arguments, why);
    vsnprintf(text, sizeof text, why, arguments);
    va_end(arguments);
    buf_printf(problems, "%d: %s: %s\n", options->line, options->name, text);
    return false;
}

static bool is_text(enum kind kind)
{
    return kind_family(kind) == FAMILY_TEXT;
}

static bool is_number(enum kind kind)
{
    return kind_is_integer(kind) || kind_family(kind) == FAMILY_FLOAT || kind_family(kind) == FAMILY_DECIMAL;
}

static bool compile_type(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    struct buf why = { 0 };
    bool fine = options->type != NULL && type_parse(&spec->type, slice_from_string(options->type), &why);
    if (!fine) {
        const char *reason = options->type == NULL ? "has no type" : buf_c_string(&why);
        (void)refuse(options, problems, "%s", reason == NULL ? "out of memory" : reason);
    }
    buf_release(&why);
    return fine;
}

/* Options that mean something for some types only. */
static bool check_options(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct type *type = &spec->type;
    bool map = type->shape == SHAPE_MAP;
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        { options->one_of.count != 0 && (!is_text(type->kind) || map), "one_of is for String, FixedString and Enum" },
        { options->max_length != 0 && type->kind != KIND_STRING && type->kind != KIND_JSON,
          "max_length is for String and JSON" },
        { options->min_length != 0 && (!is_text(type->kind) || type->kind == KIND_ENUM || map),
          "min_length is for String and FixedString" },
        /* A filled text that breaks a rule would silently become the default: fill.c. */
        { options->min_length != 0 && options->fill != FILL_NONE, "min_length is for what a client sends" },
        { options->max_items != 0 && type->shape != SHAPE_ARRAY && !map, "max_items is for Array and Map" },
        { (options->min != NULL || options->max != NULL) && !is_number(type->kind), "min and max are for numbers" },
        { (options->max_past_ns >= 0 || options->max_future_ns >= 0) && !kind_is_time(type->kind),
          "max_past and max_future are for Date, DateTime and DateTime64" },
        { options->anonymize && options->fill != FILL_CLIENT_IP, "anonymize is for fill: client_ip" },
        { options->required && options->default_value != NULL, "a required field needs no default" },
        { options->fill != FILL_NONE &&
              (options->required || options->from.count != 0 || options->default_value != NULL),
          "a field that the gateway fills takes no from, required or default" },
        { options->default_value != NULL && (type->shape == SHAPE_ARRAY || map || type->kind == KIND_JSON),
          "Array, Map and JSON take no default but the empty one that they have" },
    };
    bool fine = true;
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        fine = fine && (!rules[i].wrong || refuse(options, problems, "%s", rules[i].why));
    }
    return fine;
}

static bool check_fill(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    enum kind kind = spec->type.kind;
    bool scalar = spec->type.shape == SHAPE_SCALAR || spec->type.shape == SHAPE_NULLABLE;
    switch (options->fill) {
    case FILL_NONE: return true;
    case FILL_RECEIVED_AT:
        return (scalar && kind_is_time(kind)) ||
               refuse(options, problems, "fill: received_at needs a Date, DateTime or DateTime64, not %s",
                      spec->type.name);
    case FILL_CLIENT_IP:
        return (scalar && (kind == KIND_STRING || kind == KIND_IPV4 || kind == KIND_IPV6)) ||
               refuse(options, problems, "fill: client_ip needs a String, IPv4 or IPv6, not %s", spec->type.name);
    case FILL_USER_AGENT:
        return (scalar && kind == KIND_STRING) ||
               refuse(options, problems, "fill: user_agent needs a String, not %s", spec->type.name);
    case FILL_EVENT_ID:
        return (spec->type.shape == SHAPE_SCALAR && kind == KIND_UUID) ||
               refuse(options, problems, "fill: event_id needs a UUID, not %s", spec->type.name);
    }
    return false;
}

static bool allow(struct column_spec *spec, const char *text)
{
    spec->one_of[spec->one_of_count++] = slice_from_string(text);
    return true;
}

static bool is_enum_name(const struct type *type, const char *name)
{
    return type->kind != KIND_ENUM || type_has_enum_name(type, name);
}

/* The names of an Enum are what is allowed, unless one_of allows fewer. */
static bool compile_one_of(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct type *type = &spec->type;
    spec->one_of = calloc(options->one_of.count + type->enum_count + 1, sizeof *spec->one_of);
    if (spec->one_of == NULL) {
        return refuse(options, problems, "out of memory");
    }
    for (size_t i = 0; i < options->one_of.count; i++) {
        const char *name = options->one_of.items[i];
        if (!is_enum_name(type, name)) {
            return refuse(options, problems, "one_of allows \"%s\", which is not a name of %s", name, type->name);
        }
        allow(spec, name);
    }
    for (size_t i = 0; i < type->enum_count && options->one_of.count == 0; i++) {
        allow(spec, type->enum_names[i]);
    }
    return true;
}

/* One bound; `is_max` says which. */
static bool set_bound(struct column_spec *spec, const char *literal, bool is_max)
{
    struct value value;
    char *end;
    if (!kind_is_integer(spec->type.kind)) {
        *(is_max ? &spec->max : &spec->min) = strtod(literal, &end);
        *(is_max ? &spec->has_max : &spec->has_min) = true;
        return end != literal && *end == '\0';
    }
    if (!value_from_literal(&spec->type, literal, &value)) {
        return false;
    }
    if (spec->type.kind == KIND_UINT64) {
        *(is_max ? &spec->max_unsigned : &spec->min_unsigned) = value.unsigned_integer;
        return (value.type == VALUE_UINT || value.integer >= 0) && spec->min_unsigned <= spec->max_unsigned;
    }
    if (value.type != VALUE_INT || value.integer < spec->min_integer || value.integer > spec->max_integer) {
        return false;
    }
    *(is_max ? &spec->max_integer : &spec->min_integer) = value.integer;
    return true;
}

static bool compile_bounds(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    spec->min_length = options->min_length;
    spec->max_length = options->max_length != 0 ? options->max_length : UINT64_MAX;
    if (spec->type.kind == KIND_FIXED_STRING) {
        spec->max_length = spec->type.length;
    }
    if (spec->min_length > spec->max_length) {
        return refuse(options, problems, "min_length is more than the %" PRIu64 " bytes that it may have",
                      spec->max_length);
    }
    spec->limits_text = spec->min_length != 0 || spec->one_of_count != 0;
    spec->max_items = options->max_items != 0 ? options->max_items : UINT64_MAX;
    spec->max_past_ns = options->max_past_ns;
    spec->max_future_ns = options->max_future_ns;
    spec->max_unsigned = UINT64_MAX;
    (void)value_integer_range(&spec->type, &spec->min_integer, &spec->max_integer);
    if (options->min != NULL && !set_bound(spec, options->min, false)) {
        return refuse(options, problems, "min: \"%s\" is no value of %s", options->min, spec->type.name);
    }
    if (options->max != NULL && !set_bound(spec, options->max, true)) {
        return refuse(options, problems, "max: \"%s\" is no value of %s between min and the type's own maximum",
                      options->max, spec->type.name);
    }
    if (spec->has_min && spec->has_max && spec->min > spec->max) {
        return refuse(options, problems, "min is greater than max");
    }
    return true;
}

/* An absent value of a text with one_of must not become ''. */
static bool has_fair_default(const struct column_spec *spec, const struct field_options *options)
{
    return options->default_value != NULL || options->required || spec->type.shape != SHAPE_SCALAR ||
           options->fill != FILL_NONE;
}

static bool compile_default(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    struct value value;
    struct value_context context = { 0 };
    if (options->default_value == NULL) {
        if (spec->type.kind == KIND_ENUM && options->one_of.count != 0 && !has_fair_default(spec, options)) {
            return refuse(options, problems, "with one_of, an Enum that is not required needs a default");
        }
        return true;
    }
    if (kind_is_time(spec->type.kind) && slice_equal_nocase(slice_from_string(options->default_value), SLICE("now"))) {
        spec->default_now = true;
        return true;
    }
    struct column_spec unbound = *spec; /* a default may be any age */
    unbound.max_past_ns = unbound.max_future_ns = -1;
    if (!value_from_literal(&spec->type, options->default_value, &value)) {
        return refuse(options, problems, "default: \"%s\" is no value of %s", options->default_value, spec->type.name);
    }
    if (value_append(&unbound, &value, &context, &spec->default_wire) != OK) {
        return refuse(options, problems, "default: %s", context.message);
    }
    spec->has_default = true;
    spec->default_time_ns = context.time_ns;
    return !spec->default_wire.failed || refuse(options, problems, "out of memory");
}

bool field_compile(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    *spec = (struct column_spec){
        .name = options->name,
        .options = options,
        .fill = options->fill,
        .required = options->required,
        .key_position = -1,
    };
    return compile_type(spec, options, problems) && check_options(spec, options, problems) &&
           check_fill(spec, options, problems) && compile_one_of(spec, options, problems) &&
           compile_bounds(spec, options, problems) && compile_default(spec, options, problems);
}

void field_release(struct column_spec *spec)
{
    type_release(&spec->type);
    buf_release(&spec->default_wire);
    free(spec->one_of);
    spec->one_of = NULL;
}
