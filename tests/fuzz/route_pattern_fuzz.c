/* Turns any bytes into a pattern and a path, and holds the match against a slow one that cuts both into lists first. The first
 * byte says whether a slash at the end counts; the pattern ends at the first line end. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "proto/route/route_pattern.h"

#define PARTS_MAX 4096

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

struct part {
    struct slice raw;
    struct buf text; /* without escapes */
};

struct parts {
    struct part items[PARTS_MAX];
    size_t count;
};

static void cut(struct parts *parts, struct slice path)
{
    struct slice rest = slice_after(path, 1), raw;
    parts->count = 0;
    while (parts->count < PARTS_MAX && slice_split(&rest, '/', &raw)) {
        struct part *part = &parts->items[parts->count++];
        *part = (struct part){ .raw = raw };
        for (size_t i = 0; i < raw.len; i++) {
            bool escape = raw.data[i] == '%';
            buf_append_byte(&part->text, (uint8_t)(escape ? hex_pair(raw.data + i + 1) : raw.data[i]));
            i += escape ? 2 : 0;
        }
    }
}

static void release(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        buf_release(&parts->items[i].text);
    }
}

static bool is_one(const struct route_segment *segment, const struct part *part)
{
    struct slice text = buf_slice(&part->text);
    bool slash_within = text.len != 0 && memchr(text.data, '/', text.len) != NULL;
    return segment->kind == SEGMENT_LITERAL ? slice_equal(segment->text, text) && !slash_within : text.len != 0;
}

static void join(const struct parts *parts, size_t from, struct buf *out)
{
    for (size_t i = from; i < parts->count; i++) {
        buf_append_slice(out, i == from ? SLICE("") : SLICE("/"));
        buf_append_slice(out, buf_slice(&parts->items[i].text));
    }
}

/* What the last name stands for goes to `rest`. */
static bool slow_match(const struct route_pattern *pattern, const struct parts *parts, bool exact, struct buf *rest)
{
    bool takes_rest = pattern->count != 0 && pattern->segments[pattern->count - 1].kind == SEGMENT_REST;
    size_t single = pattern->count - takes_rest;
    bool slash = parts->items[parts->count - 1].raw.len == 0;
    size_t core = parts->count - slash;
    if (takes_rest ? parts->count < single + exact : core != single) {
        return false;
    }
    if (!takes_rest && exact && pattern->count != 0 && slash != pattern->slash) {
        return false;
    }
    for (size_t i = 0; i < single; i++) {
        if (!is_one(&pattern->segments[i], &parts->items[i])) {
            return false;
        }
    }
    if (takes_rest) {
        join(parts, single, rest);
    }
    return true;
}

static void check_captures(const struct route_pattern *pattern, const struct captures *captures,
                           const struct parts *parts, const struct buf *rest)
{
    size_t at = 0;
    must(captures->count == pattern->captures);
    for (size_t i = 0; i < pattern->count; i++) {
        const struct route_segment *segment = &pattern->segments[i];
        if (segment->kind != SEGMENT_LITERAL) {
            const struct buf *expected = segment->kind == SEGMENT_REST ? rest : &parts->items[i].text;
            must(slice_equal(captures->items[at].name, segment->text));
            must(slice_equal(captures->items[at++].value, buf_slice(expected)));
        }
    }
}

static void compare(const struct route_pattern *pattern, struct slice path, struct buf *decoded, bool exact)
{
    static struct parts parts;
    struct captures captures;
    struct buf rest = { 0 };
    bool matches = route_pattern_match(pattern, buf_slice(decoded), exact, &captures);
    route_path_restore(decoded);
    cut(&parts, path);
    must(slow_match(pattern, &parts, exact, &rest) == matches);
    if (matches) {
        check_captures(pattern, &captures, &parts, &rest);
    }
    release(&parts);
    buf_release(&rest);
}

/* A path as a request has it, which the parser has judged. */
static bool is_path(struct slice path, const struct buf *decoded)
{
    return path.len != 0 && path.data[0] == '/' && memchr(path.data, '\0', path.len) == NULL &&
           (decoded->len == 0 || memmem(path.data, path.len, "%00", 3) == NULL);
}

static void take(const uint8_t *data, size_t size)
{
    struct slice path = slice_make(data + 1, size == 0 ? 0 : size - 1), text;
    struct route_pattern pattern;
    struct buf problem = { 0 }, decoded = { 0 }, pattern_text = { 0 };
    if (path.len != 0 && slice_split(&path, '\n', &text) && path.data != NULL) {
        buf_append_slice(&pattern_text, text);
        if (route_pattern_compile(&pattern, NULL, buf_c_string(&pattern_text), &problem)) {
            must(route_pattern_order(&pattern, &pattern) == 0);
            if (route_path_decode(path, &decoded) && is_path(path, &decoded)) {
                compare(&pattern, path, &decoded, (data[0] & 1) != 0);
            }
            route_pattern_release(&pattern);
        } else {
            must(problem.len != 0);
        }
    }
    buf_release(&problem);
    buf_release(&decoded);
    buf_release(&pattern_text);
}

COST_FUZZER(take, 400)
