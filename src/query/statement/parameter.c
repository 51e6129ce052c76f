/* Turns the options of a parameter into rules and a type that are ready for requests. */
#include "query/statement/parameter.h"

#include "base/clock.h"
#include "event/field.h"
#include "event/value.h"
#include "query/statement/parameter_private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

void bound_value_release(struct bound_value *value)
{
    buf_release(&value->raw);
    buf_release(&value->text);
    buf_release(&value->ends);
    buf_release(&value->shown);
    *value = (struct bound_value){ 0 };
}

static bool refuse(struct buf *problem, const char *why)
{
    buf_append_string(problem, why);
    return false;
}

/* What a scalar of this type is bound as; NULL: it cannot be a parameter. */
static const char *bound_name(const struct type *type, char name[32])
{
    switch (type->kind) {
    case KIND_ENUM:
    case KIND_JSON: return NULL;
    case KIND_BOOL: return "UInt8";
    case KIND_DATE: return "UInt16";
    case KIND_DATETIME: return "UInt32";
    case KIND_DATETIME64: snprintf(name, 32, "Decimal(18, %d)", type->scale); return name;
    case KIND_DECIMAL: snprintf(name, 32, "Decimal(%d, %d)", type->precision, type->scale); return name;
    case KIND_FIXED_STRING:
    case KIND_IPV4:
    case KIND_IPV6: return "String";
    default: {
        struct slice own = kind_name(type->kind);
        snprintf(name, 32, "%.*s", (int)own.len, own.data);
        return name;
    }
    }
}

static bool compile_type(struct parameter *parameter, struct buf *problem)
{
    char name[32];
    const struct type *type = &parameter->spec.type;
    const char *bound = bound_name(type, name);
    if (bound == NULL || type->shape == SHAPE_MAP || type->low_cardinality || type->nullable_items) {
        buf_printf(problem,
                   "found the type %s, expected a scalar, a Nullable of one, or an Array of one; for an Enum or a "
                   "LowCardinality "
                   "write String, with one_of",
                   type->name);
        return false;
    }
    if (type->shape == SHAPE_ARRAY) {
        buf_append_string(&parameter->bound_type, "Array(String)");
    } else {
        buf_printf(&parameter->bound_type, type->shape == SHAPE_NULLABLE ? "Nullable(%s)" : "%s", bound);
    }
    return buf_c_string(&parameter->bound_type) != NULL || refuse(problem, "out of memory");
}

void parameter_append_sql(const struct parameter *parameter, struct buf *out)
{
    char name[32];
    const struct type *type = &parameter->spec.type;
    struct slice bound = buf_slice(&parameter->bound_type);
    bool array = type->shape == SHAPE_ARRAY;
    bool cast = !slice_equal(bound, slice_from_string(type->name));
    buf_append_string(out, cast ? "CAST(" : "");
    buf_append_string(out, array && cast ? "CAST(" : "");
    buf_printf(out, "{%s:%.*s}", parameter->options->name, (int)bound.len, bound.data);
    if (array && cast) {
        buf_printf(out, " AS Array(%s))", bound_name(type, name));
    }
    if (cast) {
        buf_printf(out, " AS %s)", type->name);
    }
}

/* "now", or a literal of a time. */
static bool compile_limit(const struct parameter *parameter, const char *text, struct parameter_limit *limit)
{
    struct moment moment;
    *limit = (struct parameter_limit){ .given = text != NULL };
    if (text == NULL) {
        return true;
    }
    limit->now = slice_equal_nocase(slice_from_string(text), SLICE("now"));
    if (limit->now || !kind_is_time(parameter->spec.type.kind)) {
        return limit->now;
    }
    bool fine = parameter_read_moment(parameter, slice_from_string(text), &moment);
    limit->order = fine ? moment_to_ns(moment) : 0;
    return fine;
}

static bool is_now(const char *text)
{
    return text != NULL && slice_equal_nocase(slice_from_string(text), SLICE("now"));
}

/* min and max of numbers are a field's own, but for "now". */
static void fill_field(struct parameter *parameter)
{
    const struct parameter_options *options = parameter->options;
    bool time = options->type != NULL && strstr(options->type, "Date") != NULL;
    parameter->field = (struct field_options){
        .name = options->name,
        .type = options->type,
        .one_of = options->one_of,
        .min_length = options->min_length,
        .min = time || is_now(options->min) ? NULL : options->min,
        .max = time || is_now(options->max) ? NULL : options->max,
        .max_past_ns = -1,
        .max_future_ns = -1,
    };
}

static bool compile_limits(struct parameter *parameter, struct buf *problem)
{
    const struct parameter_options *options = parameter->options;
    enum kind kind = parameter->spec.type.kind;
    bool mine = kind_is_time(kind);
    if ((is_now(options->min) || is_now(options->max)) && !mine && !kind_is_integer(kind)) {
        return refuse(problem, "min and max of `now` are for integers and times");
    }
    if (!compile_limit(parameter, mine || is_now(options->min) ? options->min : NULL, &parameter->min) ||
        !compile_limit(parameter, mine || is_now(options->max) ? options->max : NULL, &parameter->max)) {
        return refuse(problem, "min and max of a time are `now`, or a time in the parameter's format");
    }
    return true;
}

static bool compile_default(const struct parameter *parameter, struct buf *problem)
{
    const char *text = parameter->options->default_text;
    struct bound_value value = { 0 };
    struct slice given = slice_from_string(text);
    bool fine = text == NULL || parameter_read(parameter, &given, 1, clock_wall_ns(), &value, problem) == OK;
    bound_value_release(&value);
    return fine;
}

static bool check_choices(const struct parameter_options *options, struct buf *problem)
{
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        { options->type != NULL, "a parameter has a type or choices, not both" },
        { options->min != NULL || options->max != NULL || options->not_before != NULL || options->one_of.count != 0 ||
              options->format != PARAMETER_FORMAT_ANY || options->min_length != 0,
          "choices take no rules but required, optional, default and else" },
        { options->otherwise != NULL && (options->required || options->optional || options->default_text != NULL),
          "`else` stands for an absent word as well; it goes without required, optional and default" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        if (rules[i].wrong) {
            return refuse(problem, rules[i].why);
        }
    }
    return true;
}

static bool check_typed(const struct parameter *parameter, struct buf *problem)
{
    const struct parameter_options *options = parameter->options;
    const struct type *type = &parameter->spec.type;
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        { options->otherwise != NULL, "`else` is for choices; write default" },
        { options->not_blank && kind_family(type->kind) != FAMILY_TEXT, "not_blank is for String" },
        { options->format != PARAMETER_FORMAT_ANY && !kind_is_time(type->kind), "format is for times" },
        { options->required && options->default_text != NULL, "a required parameter needs no default" },
        { type->shape == SHAPE_ARRAY && options->default_text != NULL, "an Array takes no default" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rules); i++) {
        if (rules[i].wrong) {
            return refuse(problem, rules[i].why);
        }
    }
    return true;
}

/* The problem of a field, "0: name: why\n", without what the caller says itself. */
static void tell_field_problem(const struct buf *found, struct buf *problem)
{
    struct slice rest = buf_slice(found);
    struct slice piece;
    (void)slice_split(&rest, ':', &piece);
    (void)slice_split(&rest, ':', &piece);
    rest = slice_trim(rest);
    buf_append(problem, rest.data, rest.len == 0 || rest.data[rest.len - 1] != '\n' ? rest.len : rest.len - 1);
}

static bool compile_typed(struct parameter *parameter, struct buf *problem)
{
    struct buf found = { 0 };
    if (parameter->options->type == NULL) {
        return refuse(problem, "found neither type nor choices, expected one of them");
    }
    fill_field(parameter);
    bool fine = field_compile(&parameter->spec, &parameter->field, &found);
    if (!fine) {
        tell_field_problem(&found, problem);
    }
    buf_release(&found);
    return fine && compile_type(parameter, problem) && check_typed(parameter, problem) &&
           compile_limits(parameter, problem) && compile_default(parameter, problem);
}

/* "x_api_key" is the field x-api-key. */
static bool name_header(struct parameter *parameter, struct buf *problem)
{
    const struct parameter_options *options = parameter->options;
    parameter->header = strdup(options->header != NULL ? options->header : options->name);
    if (parameter->header == NULL) {
        return refuse(problem, "out of memory");
    }
    for (char *at = parameter->header; *at != '\0'; at++) {
        *at = *at == '_' && options->header == NULL ? '-' : (char)tolower((unsigned char)*at);
    }
    return options->header == NULL || options->from == PARAMETER_FROM_HEADER ||
           refuse(problem, "header goes with from: header");
}

bool parameter_compile(struct parameter *parameter, const struct parameter_options *options, struct buf *problem)
{
    *parameter = (struct parameter){ .options = options, .not_before = -1 };
    bool choice = options->choices.count != 0;
    bool fine = name_header(parameter, problem) &&
                (choice ? check_choices(options, problem) && compile_default(parameter, problem)
                        : compile_typed(parameter, problem));
    if (fine) {
        bool null = !choice && parameter->spec.type.shape == SHAPE_NULLABLE;
        parameter->needed = options->required || (!null && options->default_text == NULL && !options->optional &&
                                                  options->otherwise == NULL);
    }
    return fine;
}

void parameter_release(struct parameter *parameter)
{
    field_release(&parameter->spec);
    buf_release(&parameter->bound_type);
    free(parameter->header);
    *parameter = (struct parameter){ 0 };
}
