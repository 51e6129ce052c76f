/* The names, in any case. */
#include "proto/http_syntax/key_field.h"

bool http_field_shows_key(struct slice name)
{
    static const char *const names[] = { "authorization", "x-api-key", "sec-websocket-protocol" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (slice_equal_nocase(name, slice_from_string(names[i]))) {
            return true;
        }
    }
    return false;
}
