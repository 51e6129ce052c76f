/* Turns the texts of a request into a bound value, or into the reason why not. */
#include "query/statement/parameter_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "event/event_id.h"
#include "event/value.h"
#include "pipeline/json/json.h"

#include <inttypes.h>
#include <stdio.h>

#define LONGEST_NUMBER 64
#define QUOTED 48

static enum error PRINTF_LIKE(5, 6) refuse(const struct parameter *parameter, struct buf *problem, enum error error,
                                           struct slice text, const char *why, ...)
{
    char found[QUOTED + 16];
    va_list arguments;
    va_start(arguments, why);
    char reason[256];
    value_format(reason, sizeof reason, why, arguments);
    va_end(arguments);
    value_quote(text, QUOTED, found, sizeof found);
    buf_printf(problem, "%s: \"%s\" %s", parameter->options->name, found, reason);
    return error;
}

/* What no parameter may be, whatever its type. */
static enum error check_text(const struct parameter *parameter, struct slice text, struct buf *problem)
{
    const char *name = parameter->options->name;
    if (text.len > parameter->options->max_length) {
        buf_printf(problem, "%s: %zu bytes, at most %" PRIu64 " are allowed", name, text.len,
                   parameter->options->max_length);
        return ERROR_TOO_LONG;
    }
    if (!json_is_utf8(text)) {
        buf_printf(problem, "%s: it is not UTF-8; write what is not ASCII as UTF-8 (é as %%C3%%A9)", name);
        return ERROR_INVALID_UTF8;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.data[i] < ' ' || text.data[i] == 0x7f) {
            buf_printf(problem, "%s: it holds a control character (byte %d); no value may", name, text.data[i]);
            return ERROR_INVALID_VALUE;
        }
    }
    return OK;
}

static bool is_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!json_is_blank(text.data[i])) {
            return false;
        }
    }
    return true;
}

/* The text as event/value.h takes it; a number is nothing but digits, signs, a point and an exponent. */
static bool to_value(const struct type *type, struct slice text, struct value *value)
{
    char literal[LONGEST_NUMBER + 1];
    enum kind_family family = kind_family(type->kind);
    *value = (struct value){ .type = VALUE_TEXT, .text = text };
    if (family != FAMILY_BOOL && family != FAMILY_FLOAT && !kind_is_integer(type->kind)) {
        return true;
    }
    if (text.len == 0 || text.len > LONGEST_NUMBER) {
        return false;
    }
    memcpy(literal, text.data, text.len);
    literal[text.len] = '\0';
    bool plain = family == FAMILY_BOOL || strspn(literal, "0123456789+-.eE") == text.len;
    return plain && value_from_literal(type, literal, value);
}

/* Of a type that is no text. */
static const char *what_is_needed(enum kind kind)
{
    if (kind == KIND_BOOL) {
        return "is neither true nor false, the values of";
    }
    return kind_is_integer(kind) ? "is no whole number that fits" : "is no number that fits";
}

static void show_text(struct slice text, struct bound_value *bound)
{
    buf_append_slice(&bound->text, text);
    buf_append_json_string(&bound->shown, text);
}

/* What travels as text lies behind its length in the wire bytes: that is its canonical form. */
static void bind_wire_text(const struct type *type, const struct buf *wire, struct bound_value *bound)
{
    size_t at = 0;
    uint64_t len = 0;
    bool whole = slice_read_varint(buf_slice(wire), &at, &len);
    ASSERT(whole && len == wire->len - at);
    struct slice text = slice_make(wire->data + at, (size_t)len);
    show_text(text, bound);
    if (kind_family(type->kind) == FAMILY_DECIMAL) {
        bound->shown.len -= text.len + 2; /* a number, not a text */
        buf_append_slice(&bound->shown, text);
    }
}

static void bind_uuid(struct slice text, struct bound_value *bound)
{
    struct event_id id;
    char canonical[64] = "";
    bool valid = event_id_parse(&id, text);
    ASSERT(valid); /* value_append has looked */
    event_id_format(&id, canonical);
    show_text(slice_make(canonical, 36), bound);
}

static void bind_number(const struct type *type, const struct value *value, struct bound_value *bound)
{
    char text[40];
    int len;
    if (value->type == VALUE_DOUBLE) {
        len = (int)json_format_double(value->number, text);
    } else if (value->type == VALUE_UINT) {
        len = snprintf(text, sizeof text, "%" PRIu64, value->unsigned_integer);
        bound->order = INT64_MAX;
    } else {
        len = snprintf(text, sizeof text, "%" PRId64, value->integer);
        bound->order = value->integer;
    }
    buf_append(&bound->text, text, (size_t)len);
    if (type->kind == KIND_BOOL) {
        buf_append_string(&bound->shown, value->integer != 0 ? "true" : "false");
    } else {
        buf_append(&bound->shown, text, (size_t)len);
    }
}

static enum error bind_time(const struct parameter *parameter, struct slice text, int64_t now_wall_ns,
                            struct bound_value *bound, struct buf *problem)
{
    struct moment moment;
    if (slice_equal_nocase(text, SLICE("now"))) {
        moment = moment_from_ns(now_wall_ns);
    } else if (!parameter_read_moment(parameter, text, &moment)) {
        static const char *const forms[] = {
            [PARAMETER_FORMAT_ANY] =
                ("is no time; write RFC 3339 (2025-11-22T00:00:00Z; in a URL + is %2B), or seconds "
                 "since 1970"),
            [PARAMETER_FORMAT_RFC3339] = "is no time of RFC 3339 (2025-11-22T00:00:00Z; in a URL + is %2B)",
            [PARAMETER_FORMAT_UNIX] = "is no whole number of seconds since 1970",
        };
        return refuse(parameter, problem, ERROR_INVALID_VALUE, text, "%s", forms[parameter->options->format]);
    }
    bound->order = moment_to_ns(moment);
    parameter_bind_moment(&parameter->spec.type, moment, &bound->text);
    parameter_show_moment(parameter, moment, &bound->shown);
    return OK;
}

static enum error bind_checked(const struct parameter *parameter, struct slice text, struct bound_value *bound,
                               struct buf *problem)
{
    const struct type *type = &parameter->spec.type;
    struct value value;
    struct value_context context = { 0 };
    struct buf wire = { 0 };
    if (!to_value(type, text, &value)) {
        struct slice name = kind_name(type->kind);
        return refuse(parameter, problem, ERROR_WRONG_TYPE, text, "%s %.*s", what_is_needed(type->kind), (int)name.len,
                      name.data);
    }
    enum error error = value_append(&parameter->spec, &value, &context, &wire);
    if (error == OK && wire.failed) {
        error = ERROR_OUT_OF_MEMORY;
    }
    if (error != OK) {
        buf_printf(problem, "%s: %s", parameter->options->name, context.message);
    } else if (type->kind == KIND_UUID) {
        bind_uuid(text, bound);
    } else if (type->width == 0) {
        bind_wire_text(type, &wire, bound);
    } else {
        bind_number(type, &value, bound);
    }
    buf_release(&wire);
    return error;
}

static bool is_beyond(const struct parameter_limit *limit, const struct parameter *parameter, int64_t order,
                      int64_t now_wall_ns, int sign)
{
    int64_t bound = !limit->now                               ? limit->order
                    : kind_is_time(parameter->spec.type.kind) ? now_wall_ns
                                                              : now_wall_ns / NS_PER_SECOND;
    return limit->given && (sign < 0 ? order < bound : order > bound);
}

/* A scalar, or one item. */
static enum error bind_one(const struct parameter *parameter, struct slice text, int64_t now_wall_ns,
                           struct bound_value *bound, struct buf *problem)
{
    const struct parameter_options *options = parameter->options;
    enum error error = check_text(parameter, text, problem);
    if (error != OK) {
        return error;
    }
    if (options->not_blank && is_blank(text)) {
        return refuse(parameter, problem, ERROR_TOO_SHORT, text, "is blank; leave it out, or give it a value");
    }
    error = kind_is_time(parameter->spec.type.kind) ? bind_time(parameter, text, now_wall_ns, bound, problem)
                                                    : bind_checked(parameter, text, bound, problem);
    if (error == OK && is_beyond(&parameter->min, parameter, bound->order, now_wall_ns, -1)) {
        return refuse(parameter, problem, ERROR_OUT_OF_RANGE, text, "lies before %s",
                      parameter->min.now ? "the present" : options->min);
    }
    if (error == OK && is_beyond(&parameter->max, parameter, bound->order, now_wall_ns, 1)) {
        return refuse(parameter, problem, ERROR_OUT_OF_RANGE, text, "lies behind %s",
                      parameter->max.now ? "the present" : options->max);
    }
    return error;
}

static enum error bind_item(const struct parameter *parameter, struct slice text, int64_t now_wall_ns,
                            struct bound_value *bound, struct buf *problem)
{
    size_t count = bound->ends.len / sizeof(size_t);
    if (count >= parameter->options->max_items) {
        buf_printf(problem, "%s: more than %" PRIu64 " items; that many are allowed", parameter->options->name,
                   parameter->options->max_items);
        return ERROR_TOO_LONG;
    }
    buf_append_string(&bound->shown, count == 0 ? "[" : ",");
    enum error error = bind_one(parameter, text, now_wall_ns, bound, problem);
    buf_append(&bound->ends, &bound->text.len, sizeof bound->text.len);
    return error;
}

static enum error bind_items(const struct parameter *parameter, const struct slice *texts, size_t count,
                             int64_t now_wall_ns, struct bound_value *bound, struct buf *problem)
{
    enum kind_family family = kind_family(parameter->spec.type.kind);
    bool split = family != FAMILY_TEXT && family != FAMILY_OTHER;
    enum error error = OK;
    for (size_t i = 0; i < count && error == OK; i++) {
        struct slice rest = texts[i], piece = texts[i];
        if (!split) {
            error = bind_item(parameter, piece, now_wall_ns, bound, problem);
        }
        while (split && error == OK && slice_split(&rest, ',', &piece)) {
            error = bind_item(parameter, piece, now_wall_ns, bound, problem);
        }
    }
    buf_append_string(&bound->shown, bound->ends.len == 0 ? "[]" : "]");
    return error;
}

static enum error choose(const struct parameter *parameter, struct slice word, struct bound_value *bound,
                         struct buf *problem)
{
    const struct parameter_options *options = parameter->options;
    for (size_t i = 0; i < options->choices.count; i++) {
        if (slice_equal(word, slice_from_string(options->choices.names[i]))) {
            bound->chosen = options->choices.values[i];
            bound->present = true;
        }
    }
    if (bound->chosen == NULL && options->otherwise != NULL) {
        bound->chosen = options->otherwise;
        return OK;
    }
    if (bound->chosen == NULL) {
        (void)refuse(parameter, problem, ERROR_NOT_ALLOWED, word, "is not one of");
        for (size_t i = 0; i < options->choices.count; i++) {
            buf_printf(problem, "%s %s", i == 0 ? "" : ",", options->choices.names[i]);
        }
        return ERROR_NOT_ALLOWED;
    }
    return OK;
}

/* What was sent, or the default; of choices whatever stands for none. */
static enum error bind_choice(const struct parameter *parameter, struct slice word, bool given,
                              struct bound_value *bound, struct buf *problem)
{
    enum error error = OK;
    if (given && (error = check_text(parameter, word, problem)) == OK) {
        error = choose(parameter, word, bound, problem);
    } else if (!given) {
        bound->chosen = parameter->options->otherwise;
    }
    if (error == OK && given) {
        buf_append_json_string(&bound->shown, word);
    }
    return error;
}

/* No text is a text; of other types it is nothing. */
static bool is_sent(const struct parameter *parameter, const struct slice *texts, size_t count)
{
    bool text = !parameter_is_choice(parameter) && kind_family(parameter->spec.type.kind) == FAMILY_TEXT;
    return count != 0 && (text || count > 1 || texts[0].len != 0);
}

static enum error bind(const struct parameter *parameter, const struct slice *texts, size_t count, int64_t now_wall_ns,
                       struct bound_value *bound, struct buf *problem)
{
    if (parameter_is_choice(parameter)) {
        return bind_choice(parameter, count == 0 ? SLICE("") : texts[0], count != 0, bound, problem);
    }
    bound->present = count != 0;
    if (parameter->spec.type.shape == SHAPE_ARRAY && count != 0) {
        return bind_items(parameter, texts, count, now_wall_ns, bound, problem);
    }
    return count == 0 ? OK : bind_one(parameter, texts[0], now_wall_ns, bound, problem);
}

enum error parameter_read(const struct parameter *parameter, const struct slice *texts, size_t count,
                          int64_t now_wall_ns, struct bound_value *value, struct buf *problem)
{
    struct slice usual = slice_from_string(parameter->options->default_text);
    value->sent = count != 0;
    if (count != 0) {
        buf_append_slice(&value->raw, texts[0]);
    }
    if (!is_sent(parameter, texts, count)) {
        if (parameter->needed) {
            buf_printf(problem, "%s: is required and missing", parameter->options->name);
            return ERROR_MISSING_FIELD;
        }
        texts = &usual;
        count = usual.data == NULL ? 0 : 1;
    }
    enum error error = bind(parameter, texts, count, now_wall_ns, value, problem);
    if (error == OK && value->shown.len == 0) {
        buf_append_string(&value->shown, "null");
    }
    bool failed = value->raw.failed || value->text.failed || value->ends.failed || value->shown.failed;
    return failed ? ERROR_OUT_OF_MEMORY : error;
}
