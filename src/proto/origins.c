/* Turns the Origin of a request into the entry of the list that allows it. */
#include "proto/origins.h"

/* A host of the greatest length (RFC 1035, 2.3.4) behind the longest scheme in use, with a port. What is allowed is kept
 * until its reply is written. */
#define ORIGIN_MAX 300

static bool is_any(const char *entry)
{
    return strcmp(entry, "*") == 0;
}

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* One or more, with dots between them. */
static bool are_labels(struct slice text)
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

static struct slice without_port(struct slice origin)
{
    size_t at = origin.len;
    while (at != 0 && origin.data[at - 1] >= '0' && origin.data[at - 1] <= '9') {
        at--;
    }
    return at != 0 && at != origin.len && origin.data[at - 1] == ':' ? slice_make(origin.data, at - 1) : origin;
}

static bool is_wild_port(struct slice entry)
{
    return entry.len > 2 && entry.data[entry.len - 2] == ':' && entry.data[entry.len - 1] == '*';
}

static bool allows(struct slice entry, struct slice origin)
{
    if (is_wild_port(entry)) {
        entry.len -= 2;
        origin = without_port(origin);
    }
    const char *star = memchr(entry.data, '*', entry.len);
    if (star == NULL) {
        return slice_equal_nocase(entry, origin);
    }
    struct slice head = slice_make(entry.data, (size_t)(star - entry.data));
    struct slice tail = slice_after(entry, head.len + 1);
    if (origin.len <= head.len + tail.len) {
        return false;
    }
    size_t labels = origin.len - head.len - tail.len;
    return slice_equal_nocase(slice_make(origin.data, head.len), head) &&
           slice_equal_nocase(slice_after(origin, head.len + labels), tail) &&
           are_labels(slice_make(origin.data + head.len, labels));
}

int origins_find(const struct string_list *list, struct slice origin)
{
    if (origin.len == 0) {
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (is_any(list->items[i]) || (origin.len <= ORIGIN_MAX && allows(slice_from_string(list->items[i]), origin))) {
            return (int)i;
        }
    }
    return -1;
}

bool origins_is_pattern(const char *entry)
{
    return !is_any(entry) && strchr(entry, '*') != NULL;
}

bool origins_vary(const struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_any(list->items[i])) {
            return true;
        }
    }
    return false;
}
