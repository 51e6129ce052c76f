/* Writes a value of a document as JSON, for comparing. Members stand as they are on the tape, twins too. */
#pragma once

#include "pipeline/json/json.h"

#include <inttypes.h>

static inline void json_print(struct buf *out, const struct json_document *document, json_at at)
{
    char type = json_type(document, at), number[32];
    bool first = true;
    switch (type) {
    case '{':
    case '[':
        buf_append_byte(out, (uint8_t)type);
        for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
            buf_append_string(out, first ? "" : ",");
            first = false;
            json_print(out, document, m);
            if (type == '{') {
                buf_append_byte(out, ':');
                json_print(out, document, ++m);
            }
        }
        buf_append_byte(out, type == '{' ? '}' : ']');
        break;
    case '"': buf_append_json_string(out, json_string(document, at)); break;
    case JSON_LARGE_NUMBER: buf_append_slice(out, json_string(document, at)); break;
    case 'l': buf_printf(out, "%" PRId64, json_int64(document, at)); break;
    case 'u': buf_printf(out, "%" PRIu64, json_uint64(document, at)); break;
    case 'd': buf_append(out, number, json_format_double(json_double(document, at), number)); break;
    case 't': buf_append_string(out, "true"); break;
    case 'f': buf_append_string(out, "false"); break;
    default: buf_append_string(out, "null");
    }
}
