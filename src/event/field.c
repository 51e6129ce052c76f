/* Turns the options of a field into a column that is ready to check values. */
#include "event/field_check.h"

#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/field.h"
#include "event/text_change.h"
#include "event/value.h"

#include <inttypes.h>
#include <stdlib.h>

static bool compile_type(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    struct buf why = { 0 };
    bool fine = options->type != NULL && type_parse(&spec->type, slice_from_string(options->type), &why);
    if (!fine) {
        const char *reason = options->type == NULL ? "has no type" : buf_c_string(&why);
        (void)field_refuse(options, problems, "%s", reason == NULL ? "out of memory" : reason);
    }
    buf_release(&why);
    return fine;
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
        return field_refuse(options, problems, "out of memory");
    }
    for (size_t i = 0; i < options->one_of.count; i++) {
        const char *name = options->one_of.items[i];
        if (!is_enum_name(type, name)) {
            return field_refuse(options, problems, "one_of allows \"%s\", which is not a name of %s", name, type->name);
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

static bool set_time_bound(struct column_spec *spec, const char *literal, struct time_bound *bound)
{
    bound->given = true;
    bound->now = slice_equal_nocase(slice_from_string(literal), SLICE("now"));
    return bound->now || value_read_bound(spec->unit, literal, &bound->wall_ns);
}

/* min and max of a time. */
static bool compile_time_bounds(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct {
        const char *name, *literal;
        struct time_bound *bound;
    } rows[] = { { "min", options->min, &spec->earliest }, { "max", options->max, &spec->latest } };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].literal != NULL && !set_time_bound(spec, rows[i].literal, rows[i].bound)) {
            return field_refuse(
                options, problems,
                "%s: \"%s\" is no time; write RFC 3339 (2024-11-22T12:00:00Z), a number since 1970, or now",
                rows[i].name, rows[i].literal);
        }
    }
    bool fixed = spec->earliest.given && spec->latest.given && !spec->earliest.now && !spec->latest.now;
    if (fixed && spec->earliest.wall_ns > spec->latest.wall_ns) {
        return field_refuse(options, problems, "min is later than max");
    }
    return true;
}

/* min and max of a number. */
static bool compile_number_bounds(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    if (options->min != NULL && !set_bound(spec, options->min, false)) {
        return field_refuse(options, problems, "min: \"%s\" is no value of %s", options->min, spec->type.name);
    }
    if (options->max != NULL && !set_bound(spec, options->max, true)) {
        return field_refuse(options, problems, "max: \"%s\" is no value of %s between min and the type's own maximum",
                            options->max, spec->type.name);
    }
    if (spec->has_min && spec->has_max && spec->min > spec->max) {
        return field_refuse(options, problems, "min is greater than max");
    }
    return true;
}

static bool compile_bounds(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    spec->max_items = options->max_items != 0 ? options->max_items : UINT64_MAX;
    spec->max_past_ns = options->max_past_ns;
    spec->max_future_ns = options->max_future_ns;
    spec->max_unsigned = UINT64_MAX;
    (void)value_integer_range(&spec->type, &spec->min_integer, &spec->max_integer);
    if (!kind_is_time(spec->type.kind)) {
        return compile_number_bounds(spec, options, problems);
    }
    spec->unit = options->unit;
    spec->rules_time = spec->unit != UNIT_ANY || options->min != NULL || options->max != NULL;
    return compile_time_bounds(spec, options, problems);
}

static bool compile_text(struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    spec->json = options->json;
    spec->as_json = spec->json != JSON_TEXT_NONE || spec->type.kind == KIND_JSON;
    spec->text_changes = text_changes_of(options);
    spec->not_blank = options->not_blank;
    spec->min_length = options->min_length;
    spec->max_length = options->max_length != 0 ? options->max_length : UINT64_MAX;
    if (spec->type.kind == KIND_FIXED_STRING) {
        spec->max_length = spec->type.length;
    }
    if (spec->min_length > spec->max_length) {
        return field_refuse(options, problems, "min_length is more than the %" PRIu64 " bytes that it may have",
                            spec->max_length);
    }
    spec->rules_text = spec->min_length != 0 || spec->one_of_count != 0 || spec->not_blank || spec->text_changes != 0;
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
            return field_refuse(options, problems, "with one_of, an Enum that is not required needs a default");
        }
        return true;
    }
    if (kind_is_time(spec->type.kind) && slice_equal_nocase(slice_from_string(options->default_value), SLICE("now"))) {
        spec->default_now = true;
        return true;
    }
    struct column_spec unbound = *spec; /* a default may be any age */
    unbound.max_past_ns = unbound.max_future_ns = -1;
    unbound.rules_time = false;
    if (!value_from_literal(&spec->type, options->default_value, &value)) {
        return field_refuse(options, problems, "default: \"%s\" is no value of %s", options->default_value,
                            spec->type.name);
    }
    if (value_append(&unbound, &value, &context, &spec->default_wire) != OK) {
        return field_refuse(options, problems, "default: %s", context.message);
    }
    spec->has_default = true;
    spec->default_time_ns = context.time_ns;
    return !spec->default_wire.failed || field_refuse(options, problems, "out of memory");
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
    return compile_type(spec, options, problems) && field_check(spec, options, problems) &&
           compile_one_of(spec, options, problems) && compile_text(spec, options, problems) &&
           compile_bounds(spec, options, problems) && compile_default(spec, options, problems);
}

void field_release(struct column_spec *spec)
{
    type_release(&spec->type);
    buf_release(&spec->default_wire);
    free(spec->one_of);
    spec->one_of = NULL;
}
