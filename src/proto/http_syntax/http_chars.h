/* Which bytes may stand where in the head of a request or reply. Pure. */
#pragma once

#include "base/bytes.h"

/* Of a field's value everything may but control characters (see http_is_text). */
enum http_char_class {
    CHAR_TOKEN = 1,  /* methods, field names (RFC 9110, 5.6.2) */
    CHAR_HOST = 2,   /* host and port; a comma is not among them, so that no list of hosts passes */
    CHAR_TARGET = 4, /* printable ASCII but '#', which never is sent */
};

extern const uint8_t http_char_classes[256];

static inline bool http_all_in_class(struct slice s, enum http_char_class class)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((http_char_classes[(uint8_t)s.data[i]] & class) == 0) {
            return false;
        }
    }
    return true;
}

/* No control characters but tabs. */
bool http_is_text(struct slice s);
