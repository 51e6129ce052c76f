/* Turns the options of a field into what is wrong with them. */
#include "event/field_check.h"

#include "config/options/stream_options.h"
#include "event/column.h"

#include <stdio.h>

bool field_refuse(const struct field_options *options, struct buf *problems, const char *why, ...)
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

/* An option that is out of place, and why. */
struct misplaced {
    bool wrong;
    const char *why;
};

static bool check_all(const struct misplaced *rules, size_t count, const struct field_options *options,
                      struct buf *problems)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].wrong) {
            return field_refuse(options, problems, "%s", rules[i].why);
        }
    }
    return true;
}

/* Texts, and what becomes text. A filled text that broke a rule would silently become the default: fill.c. */
static bool check_texts(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct type *type = &spec->type;
    bool map = type->shape == SHAPE_MAP, filled = options->fill != FILL_NONE;
    bool text = is_text(type->kind) && !map, free = text && type->kind != KIND_ENUM;
    bool changes = options->trim || options->lower || options->upper;
    bool ruled =
        options->one_of.count != 0 || options->min_length != 0 || options->not_blank || changes || options->url != 0;
    const struct misplaced rules[] = {
        { options->one_of.count != 0 && !text, "one_of is for String, FixedString and Enum" },
        { options->max_length != 0 && type->kind != KIND_STRING && type->kind != KIND_JSON,
          "max_length is for String and JSON" },
        { options->min_length != 0 && !free, "min_length is for String and FixedString" },
        { options->min_length != 0 && filled, "min_length is for what a client sends" },
        { options->not_blank && !free, "not_blank is for String and FixedString" },
        { options->not_blank && filled, "not_blank is for what a client sends" },
        { changes && !text, "trim, lower and upper are for String, FixedString and Enum" },
        { options->lower && options->upper, "lower and upper: only one of them is possible" },
        { options->url != 0 && (type->kind != KIND_STRING || map), "url is for String" },
        { (options->url & URL_ABSOLUTE) != 0 && filled, "url: absolute is for what a client sends" },
        { options->json != JSON_TEXT_NONE && (type->kind != KIND_STRING || map),
          "json is for String; a column of type JSON takes objects by itself" },
        { options->json != JSON_TEXT_NONE && filled, "json is for what a client sends" },
        { options->json != JSON_TEXT_NONE && ruled,
          "json keeps the text of a value as it is: one_of, min_length, not_blank, trim, url, lower and upper do not "
          "go with it" },
    };
    return check_all(rules, ARRAY_LENGTH(rules), options, problems);
}

/* Two keys would have one name. */
static bool check_key_name(const struct field_options *options, struct buf *problems)
{
    bool changes = options->trim || options->lower || options->upper || options->url != 0;
    bool rules = options->max_length != 0 || options->one_of.count != 0;
    return options->fill != FILL_KEY_NAME || !(changes || rules) ||
           field_refuse(
               options, problems,
               "fill: key_name keeps the name as it is: max_length, one_of, trim, url, lower and upper do not go "
               "with it");
}

static bool check_others(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct type *type = &spec->type;
    bool map = type->shape == SHAPE_MAP, filled = options->fill != FILL_NONE, time = kind_is_time(type->kind);
    bool bounded = options->min != NULL || options->max != NULL;
    const struct misplaced rules[] = {
        { options->max_items != 0 && type->shape != SHAPE_ARRAY && !map, "max_items is for Array and Map" },
        { bounded && !is_number(type->kind) && !time, "min and max are for numbers and times" },
        { bounded && time && filled, "min and max of a time are for what a client sends" },
        { (options->max_past_ns >= 0 || options->max_future_ns >= 0) && !time,
          "max_past and max_future are for Date, DateTime and DateTime64" },
        { options->unit != UNIT_ANY && !time, "unit is for Date, DateTime and DateTime64" },
        { options->unit != UNIT_ANY && filled, "unit is for what a client sends" },
        { options->lenient && filled, "lenient is for what a client sends" },
        { options->anonymize && options->fill != FILL_CLIENT_IP, "anonymize is for fill: client_ip" },
        { options->required && options->default_value != NULL, "a required field needs no default" },
        { filled && (options->required || options->default_value != NULL ||
                     (options->from.count != 0 && options->fill != FILL_EVENT_ID)),
          "a field that the gateway fills takes no from, required or default" },
        { options->default_value != NULL && (type->shape == SHAPE_ARRAY || map || type->kind == KIND_JSON),
          "Array, Map and JSON take no default but the empty one that they have" },
    };
    return check_all(rules, ARRAY_LENGTH(rules), options, problems);
}

#define K(kind) (UINT64_C(1) << KIND_##kind)

/* The kinds that a fill goes into, of scalars and Nullable. */
static const struct fill_row {
    const char *name;
    uint64_t kinds;
    const char *needs;
} fill_rows[] = {
    [FILL_RECEIVED_AT] = { "received_at", K(DATE) | K(DATETIME) | K(DATETIME64) | K(UINT64),
                           "a Date, DateTime, DateTime64 or UInt64 (microseconds)" },
    [FILL_CLIENT_IP] = { "client_ip", K(STRING) | K(IPV4) | K(IPV6), "a String, IPv4 or IPv6" },
    [FILL_USER_AGENT] = { "user_agent", K(STRING), "a String" },
    [FILL_EVENT_ID] = { "event_id", K(UUID), "a UUID" },
    [FILL_HOST] = { "host", K(STRING), "a String" },
    [FILL_REFERER] = { "referer", K(STRING), "a String" },
    [FILL_ACCEPT_LANGUAGE] = { "accept_language", K(STRING), "a String" },
    [FILL_UUID] = { "uuid", K(UUID) | K(STRING), "a UUID or a String" },
    [FILL_KEY_NAME] = { "key_name", K(STRING), "a String" },
};

static bool check_fill(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    const struct type *type = &spec->type;
    const struct fill_row *row = &fill_rows[options->fill];
    bool shape = type->shape == SHAPE_SCALAR || (type->shape == SHAPE_NULLABLE && options->fill != FILL_EVENT_ID);
    return options->fill == FILL_NONE || (shape && (row->kinds >> type->kind & 1) != 0) ||
           field_refuse(options, problems, "fill: %s needs %s, not %s", row->name, row->needs, type->name);
}

bool field_check(const struct column_spec *spec, const struct field_options *options, struct buf *problems)
{
    return check_texts(spec, options, problems) && check_key_name(options, problems) &&
           check_others(spec, options, problems) && check_fill(spec, options, problems);
}
