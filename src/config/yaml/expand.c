/* Turns `${NAME:-default}` into the value of the environment variable NAME. */
#include "config/yaml/expand.h"

enum { NAME_LIMIT = 128, DEFAULT_DEPTH = 4 };

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

/* A text, or a default in it, which may name variables, too. What a variable holds is not looked at. */
static bool expand_text(struct slice text, const char *(*lookup)(const char *name), int depth, struct buf *out,
                        struct buf *problem);

/* `inside` is what stands between the braces. */
static bool expand_variable(struct slice inside, const char *(*lookup)(const char *name), int depth, struct buf *out,
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
        return expand_text(slice_after(rest, 2), lookup, depth, out, problem);
    }
    if (value == NULL) {
        buf_printf(problem, "found ${%s} but %s is not set, expected it in the environment, or ${%s:-default}", name,
                   name, name);
        return false;
    }
    buf_append_string(out, value);
    return true;
}

/* What stands before the brace that ends the variable; NULL if none does. */
static struct slice inside_of(struct slice text)
{
    size_t open = 1;
    for (size_t at = 2; at < text.len; at++) {
        if (slice_starts_with(slice_after(text, at), SLICE("${"))) {
            open++;
        } else if (text.data[at] == '}' && --open == 0) {
            return slice_make(text.data + 2, at - 2);
        }
    }
    return (struct slice){ NULL, 0 };
}

/* `text` begins with "${"; *length is what the variable takes of it. */
static bool expand_braces(struct slice text, const char *(*lookup)(const char *name), int depth, struct buf *out,
                          size_t *length, struct buf *problem)
{
    struct slice inside = inside_of(text);
    if (inside.data == NULL) {
        buf_append_string(problem, "found ${ without }, expected ${NAME} or ${NAME:-default}");
        return false;
    }
    if (depth == DEFAULT_DEPTH) {
        buf_printf(problem, "found defaults in defaults in …, expected at most %d", DEFAULT_DEPTH);
        return false;
    }
    *length = inside.len + 3;
    return expand_variable(inside, lookup, depth + 1, out, problem);
}

static bool expand_text(struct slice text, const char *(*lookup)(const char *name), int depth, struct buf *out,
                        struct buf *problem)
{
    for (size_t at = 0; at < text.len;) {
        struct slice rest = slice_after(text, at);
        size_t length = 1;
        if (slice_starts_with(rest, SLICE("$${"))) {
            buf_append(out, "${", 2);
            length = 3;
        } else if (!slice_starts_with(rest, SLICE("${"))) {
            buf_append_byte(out, (uint8_t)rest.data[0]);
        } else if (!expand_braces(rest, lookup, depth, out, &length, problem)) {
            return false;
        }
        at += length;
    }
    return true;
}

bool expand(struct slice text, const char *(*lookup)(const char *name), struct buf *out, struct buf *problem)
{
    return expand_text(text, lookup, 0, out, problem);
}
