/* Turns scalars into the wire bytes of a column. */
#include "event/column.h"
#include "event/event_id.h"
#include "event/text_change.h"
#include "event/value_private.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define QUOTED 48

void value_quote(struct slice text, size_t max, char *out, size_t size)
{
    size_t len = text.len < max ? text.len : max;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) {
        len--;
    }
    snprintf(out, size, "%.*s%s", (int)len, text.data, len < text.len ? "…" : "");
}

void value_format(char *out, size_t size, const char *format, va_list arguments)
{
    int len = vsnprintf(out, size, format, arguments);
    if (len >= 0 && (size_t)len < size) {
        return;
    }
    size_t end = size - 1;
    while (end > 0 && ((unsigned char)out[end - 1] & 0xC0) == 0x80) {
        end--;
    }
    end -= end > 0 && (unsigned char)out[end - 1] >= 0xC0;
    out[end] = '\0';
}

/* The fewest digits that are read as the same number: 3.1 as it was sent, not 3.1000000000000001. */
static void show_double(double number, char *out, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, size, "%.*g", digits, number);
        if (strtod(out, NULL) == number) {
            return;
        }
    }
}

/* "found" as the message shows it. */
static void show(const struct value *value, char out[QUOTED + 16])
{
    char text[QUOTED + 8];
    switch (value->type) {
    case VALUE_TEXT:
        value_quote(value->text, QUOTED, text, sizeof text);
        snprintf(out, QUOTED + 16, "\"%s\"", text);
        break;
    case VALUE_INT: snprintf(out, QUOTED + 16, "%" PRId64, value->integer); break;
    case VALUE_UINT: snprintf(out, QUOTED + 16, "%" PRIu64, value->unsigned_integer); break;
    case VALUE_DOUBLE: show_double(value->number, out, QUOTED + 16); break;
    case VALUE_BOOL: snprintf(out, QUOTED + 16, "%s", value->integer ? "true" : "false"); break;
    }
}

enum error value_fail(enum error error, const struct value *value, struct value_context *context, const char *why, ...)
{
    char found[QUOTED + 16], reason[160], whole[QUOTED + 16 + 160];
    va_list arguments;
    va_start(arguments, why);
    value_format(reason, sizeof reason, why, arguments);
    va_end(arguments);
    show(value, found);
    int len = snprintf(whole, sizeof whole, "%s %s", found, reason);
    size_t written = len < (int)sizeof whole ? (size_t)len : sizeof whole - 1;
    value_quote(slice_make(whole, written), sizeof context->message - 4, context->message, sizeof context->message);
    return error;
}

enum error value_wrong_type(const struct column_spec *spec, const struct value *value, struct value_context *context,
                            const char *allowed)
{
    return value_fail(ERROR_WRONG_TYPE, value, context, "is not %s, as %s needs", allowed, spec->type.name);
}

static bool is_one_of(const struct slice *allowed, size_t count, struct slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(allowed[i], text)) {
            return true;
        }
    }
    return false;
}

/* Says which texts are allowed, as many as fit; of the first one as much as fits. */
static enum error RARE not_allowed(const struct column_spec *spec, const struct value *value,
                                   struct value_context *context)
{
    char list[112];
    value_quote(spec->one_of[0], sizeof list - 9, list, sizeof list);
    size_t len = strlen(list);
    for (size_t i = 1; i < spec->one_of_count; i++) {
        struct slice name = spec->one_of[i];
        if (len + name.len + 9 >= sizeof list) {
            snprintf(list + len, sizeof list - len, ", …");
            break;
        }
        len += (size_t)snprintf(list + len, sizeof list - len, ", %.*s", (int)name.len, name.data);
    }
    return value_fail(ERROR_NOT_ALLOWED, value, context, "is not one of %s", list);
}

static enum error RARE too_long(const struct column_spec *spec, const struct value *value,
                                struct value_context *context)
{
    return value_fail(ERROR_TOO_LONG, value, context, "is %zu bytes long; at most %" PRIu64 " are allowed",
                      value->text.len, spec->max_length);
}

/* Inlined, for each event has such texts. */
static inline __attribute__((always_inline)) enum error
check_text(const struct column_spec *spec, const struct value *value, struct value_context *context)
{
    if (value->text.len > spec->max_length) {
        return too_long(spec, value, context);
    }
    if (value->text.len < spec->min_length) {
        return value_fail(ERROR_TOO_SHORT, value, context, "is %zu bytes long; at least %" PRIu64 " are needed",
                          value->text.len, spec->min_length);
    }
    if (spec->not_blank && text_is_blank(value->text)) {
        return value_fail(ERROR_TOO_SHORT, value, context, "is blank; a character that is no space is needed");
    }
    if (spec->one_of_count != 0 && !is_one_of(spec->one_of, spec->one_of_count, value->text)) {
        return not_allowed(spec, value, context);
    }
    return OK;
}

/* The changed text is written behind the place where it goes. */
static __attribute__((noinline)) enum error append_changed(const struct column_spec *spec, const struct value *value,
                                                           struct value_context *context, struct buf *out)
{
    struct value changed = *value;
    size_t most = value->text.len + VARINT_MAX;
    bool absolute = (spec->text_changes & TEXT_ABSOLUTE) != 0;
    if (absolute && !text_is_absolute_url(text_change_before_url(spec->text_changes, value->text))) {
        return value_fail(ERROR_INVALID_VALUE, value, context,
                          "is no absolute URL; send it whole, as https://example.com/path");
    }
    if (!buf_reserve(out, most + value->text.len + 1)) {
        return OK; /* column_end says so */
    }
    char *scratch = out->data + out->len + most;
    changed.text = slice_make(scratch, text_change(spec->text_changes, value->text, scratch));
    enum error error = check_text(spec, &changed, context);
    if (error == OK) {
        value_append_text(out, changed.text);
    }
    return error;
}

enum error value_append_string(const struct column_spec *spec, const struct value *value, struct value_context *context,
                               struct buf *out)
{
    if (value->type != VALUE_TEXT) {
        return value_wrong_type(spec, value, context, "a string");
    }
    if (spec->rules_text && spec->text_changes != 0) {
        return append_changed(spec, value, context, out);
    }
    enum error error = spec->rules_text                     ? check_text(spec, value, context)
                       : value->text.len > spec->max_length ? too_long(spec, value, context)
                                                            : OK;
    if (error == OK) {
        value_append_text(out, value->text);
    }
    return error;
}

enum error value_append_uuid(const struct column_spec *spec, const struct value *value, struct value_context *context,
                             struct buf *out)
{
    struct event_id id;
    uint8_t wire[16];
    if (value->type != VALUE_TEXT) {
        return value_wrong_type(spec, value, context, "a string");
    }
    if (!event_id_parse(&id, value->text)) {
        return value_fail(ERROR_INVALID_VALUE, value, context,
                          "is no UUID; write it as in 61f0c404-5cb3-11e7-907b-a6006ad3dba0");
    }
    event_id_to_wire(&id, wire);
    buf_append(out, wire, sizeof wire);
    return OK;
}

/* Addresses are written in their canonical form; an IPv4 address in an IPv6 column as ::ffff:a.b.c.d. */
enum error value_append_address(const struct column_spec *spec, const struct value *value,
                                struct value_context *context, struct buf *out)
{
    char text[INET6_ADDRSTRLEN + 8], canonical[INET6_ADDRSTRLEN];
    uint8_t address[16];
    bool wants_6 = spec->type.kind == KIND_IPV6;
    if (value->type != VALUE_TEXT) {
        return value_wrong_type(spec, value, context, "a string");
    }
    bool fits = value->text.len < INET6_ADDRSTRLEN && memchr(value->text.data, '\0', value->text.len) == NULL;
    bool is_4 = fits && memchr(value->text.data, ':', value->text.len) == NULL;
    snprintf(text, sizeof text, "%s%.*s", is_4 && wants_6 ? "::ffff:" : "", fits ? (int)value->text.len : 0,
             value->text.data);
    int family = wants_6 ? AF_INET6 : AF_INET;
    const char *four = text + (is_4 && wants_6 ? strlen("::ffff:") : 0); /* "::ffff:12" would be one, "12" is none */
    if ((is_4 && inet_pton(AF_INET, four, address) != 1) || inet_pton(family, text, address) != 1 ||
        inet_ntop(family, address, canonical, sizeof canonical) == NULL) {
        return value_fail(ERROR_INVALID_VALUE, value, context, "is no %s address", wants_6 ? "IPv6" : "IPv4");
    }
    value_append_text(out, slice_from_string(canonical));
    return OK;
}

/* JSON columns: field_value.c writes them, of a client's objects. */
enum error value_append_object(const struct column_spec *spec, const struct value *value, struct value_context *context,
                               struct buf *out)
{
    (void)out;
    return value_wrong_type(spec, value, context, "an object");
}

static value_appender *const appenders[] = {
#define TYPE(KIND, form, family, width, wire, absent, arguments, low_cardinality, appender, ...)                       \
    [KIND_##KIND] = value_append_##appender,
#include "event/types.def"
};

enum error value_append(const struct column_spec *spec, const struct value *value, struct value_context *context,
                        struct buf *out)
{
    return appenders[spec->type.kind](spec, value, context, out);
}

bool value_from_literal(const struct type *type, const char *literal, struct value *value)
{
    struct slice text = slice_from_string(literal);
    char *end;
    *value = (struct value){ .type = VALUE_TEXT, .text = text };
    switch (kind_family(type->kind)) {
    case FAMILY_BOOL:
        *value = (struct value){ .type = VALUE_BOOL,
                                 .integer = slice_equal_nocase(text, SLICE("true")) || slice_equal(text, SLICE("1")) };
        return value->integer || slice_equal_nocase(text, SLICE("false")) || slice_equal(text, SLICE("0"));
    case FAMILY_FLOAT:
        *value = (struct value){ .type = VALUE_DOUBLE, .number = strtod(literal, &end) };
        return text.len != 0 && *end == '\0' && isfinite(value->number);
    case FAMILY_SIGNED:
    case FAMILY_UNSIGNED:
        value->type = VALUE_INT;
        if (slice_to_i64(text, &value->integer)) {
            return true;
        }
        value->type = VALUE_UINT;
        return slice_to_u64(text, &value->unsigned_integer);
    default: return true;
    }
}
