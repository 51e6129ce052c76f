/* Turns `${NAME:-default}` into the value of the environment variable NAME. */
#include "config/expand.h"

enum { NAME_LIMIT = 128 };

static bool name_byte(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static size_t name_length(struct slice text)
{
    size_t len = 0;
    while (len < text.len && name_byte(text.data[len], len == 0)) {
        len++;
    }
    return len;
}

/* `inside` is what stands between the braces. */
static bool expand_variable(struct slice inside, const char *(*lookup)(const char *name), struct buf *out,
                            struct buf *problem)
{
    char name[NAME_LIMIT];
    size_t len = name_length(inside);
    struct slice rest = slice_after(inside, len);
    bool has_default = slice_starts_with(rest, SLICE(":-"));
    if (len == 0 || len >= sizeof name || (rest.len != 0 && !has_default)) {
        buf_printf(problem, "found ${%.*s}, expected ${NAME} or ${NAME:-default}", (int)inside.len, inside.data);
        return false;
    }
    memcpy(name, inside.data, len);
    name[len] = '\0';
    const char *value = lookup(name);
    if (has_default && (value == NULL || *value == '\0')) {
        buf_append_slice(out, slice_after(rest, 2));
        return true;
    }
    if (value == NULL) {
        buf_printf(problem, "found ${%s} but %s is not set, expected it in the environment, or ${%s:-default}", name,
                   name, name);
        return false;
    }
    buf_append_string(out, value);
    return true;
}

static bool has_nested(struct slice inside)
{
    return memmem(inside.data, inside.len, "${", 2) != NULL;
}

/* `text` begins with "${"; *length is what the variable takes of it. */
static bool expand_braces(struct slice text, const char *(*lookup)(const char *name), struct buf *out, size_t *length,
                          struct buf *problem)
{
    const char *end = memchr(text.data, '}', text.len);
    if (end == NULL) {
        buf_append_string(problem, "found ${ without }, expected ${NAME} or ${NAME:-default}");
        return false;
    }
    struct slice inside = slice_make(text.data + 2, (size_t)(end - text.data) - 2);
    if (has_nested(inside)) {
        buf_append_string(problem, "found ${ inside ${…}, expected a default without variables");
        return false;
    }
    *length = inside.len + 3;
    return expand_variable(inside, lookup, out, problem);
}

bool expand(struct slice text, const char *(*lookup)(const char *name), struct buf *out, struct buf *problem)
{
    for (size_t at = 0; at < text.len;) {
        struct slice rest = slice_after(text, at);
        size_t length = 1;
        if (slice_starts_with(rest, SLICE("$${"))) {
            buf_append(out, "${", 2);
            length = 3;
        } else if (!slice_starts_with(rest, SLICE("${"))) {
            buf_append_byte(out, (uint8_t)rest.data[0]);
        } else if (!expand_braces(rest, lookup, out, &length, problem)) {
            return false;
        }
        at += length;
    }
    return true;
}
