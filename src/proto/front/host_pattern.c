/* Turns a pattern and a name into whether they match. */
#include "proto/front/host_pattern.h"

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool host_are_labels(struct slice text)
{
    char before = '.';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.' ? before == '.' : !is_label_byte(c)) {
            return false;
        }
        before = c;
    }
    return before != '.';
}

struct slice host_without_port(struct slice host)
{
    size_t at = host.len;
    while (at != 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9') {
        at--;
    }
    return at != 0 && at != host.len && host.data[at - 1] == ':' ? slice_make(host.data, at - 1) : host;
}

bool host_pattern_matches(struct slice pattern, struct slice text)
{
    const char *star = pattern.len == 0 ? NULL : memchr(pattern.data, '*', pattern.len);
    if (star == NULL) {
        return slice_equal_nocase(pattern, text);
    }
    struct slice head = slice_make(pattern.data, (size_t)(star - pattern.data));
    struct slice tail = slice_after(pattern, head.len + 1);
    if (text.len <= head.len + tail.len) {
        return false;
    }
    size_t labels = text.len - head.len - tail.len;
    return slice_equal_nocase(slice_make(text.data, head.len), head) &&
           slice_equal_nocase(slice_after(text, head.len + labels), tail) &&
           host_are_labels(slice_make(text.data + head.len, labels));
}
