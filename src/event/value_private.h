/* What the files of value.h share. */
#pragma once

#include "event/value.h"

/* One kind of scalars: as value_append. */
typedef enum error value_appender(const struct column_spec *spec, const struct value *value,
                                  struct value_context *context, struct buf *out);

/* value_append_string, value_append_bool, …: the appenders of types.def */
#define TYPE(KIND, form, family, width, wire, absent, arguments, low_cardinality, appender, ...)                       \
    extern value_appender value_append_##appender;
#include "event/types.def"

/* Words the message: "<found> <why>"; returns `error`. */
enum error RARE PRINTF_LIKE(4, 5)
    value_fail(enum error error, const struct value *value, struct value_context *context, const char *why, ...);

/* "<found> is not <allowed>, as <type> needs". */
enum error RARE value_wrong_type(const struct column_spec *spec, const struct value *value,
                                 struct value_context *context, const char *allowed);

#define VARINT_MAX 10 /* bytes of the length in front of a string */

/* A varint-prefixed string. */
static inline void value_append_text(struct buf *out, struct slice text)
{
    if (!buf_reserve(out, text.len + VARINT_MAX)) {
        return;
    }
    if (text.len < 0x80) {
        out->data[out->len++] = (char)text.len;
    } else {
        buf_append_varint(out, text.len);
    }
    if (text.len != 0) {
        memcpy(out->data + out->len, text.data, text.len);
        out->len += text.len;
    }
}
