/* Turns a query into its arguments. */
#include "proto/http_syntax/http_arguments.h"

#include "proto/front/captures.h"
#include "proto/front/page.h"

bool http_unescape(struct slice text, bool plus_is_space, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int byte = i + 2 < text.len ? hex_pair(text.data + i + 1) : -1;
            if (byte < 0) {
                return false;
            }
            c = (char)byte;
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        buf_append_byte(out, (uint8_t)c);
    }
    return true;
}

struct slice page_capture(const struct page_request *request, struct slice name)
{
    return request->captures == NULL ? (struct slice){ NULL, 0 } : captures_find(request->captures, name);
}

bool page_argument(struct slice query, const char *name, struct buf *out, bool *malformed)
{
    struct slice rest = query, pair;
    buf_clear(out);
    *malformed = false;
    while (slice_split(&rest, '&', &pair)) {
        struct slice value = pair, key;
        slice_split(&value, '=', &key);
        if (key.data != NULL && slice_equal(key, slice_from_string(name))) {
            *malformed = value.data != NULL && !http_unescape(value, true, out);
            return true;
        }
    }
    return false;
}
