/* Turns the text of a pattern into segments, and paths into what the names among them stand for. */
#include "proto/route/route_pattern.h"

#include "base/assert.h"

#include <stdlib.h>

/* Compiling. */

static const char between[] = "expected something between two slashes";
static const char behind_rest[] = "expected nothing behind {name...}, which stands for all that follows";

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return text.len != 0;
}

static bool has_byte(struct slice text, char byte)
{
    return text.len != 0 && memchr(text.data, byte, text.len) != NULL;
}

/* What is in the braces; the whole segment is a name, or none of it. */
static const char *read_name(struct slice text, struct route_segment *segment)
{
    struct slice name = slice_make(text.data + 1, text.len - 2);
    struct slice dots = SLICE("...");
    segment->kind = SEGMENT_ONE;
    if (name.len > dots.len && slice_equal(slice_after(name, name.len - dots.len), dots)) {
        segment->kind = SEGMENT_REST;
        name.len -= dots.len;
    }
    segment->text = name;
    return is_name(name) ? NULL : "expected a name of letters, digits and \"_\" in the braces: {name} or {name...}";
}

static const char *read_segment(struct slice text, struct route_segment *segment)
{
    *segment = (struct route_segment){ SEGMENT_LITERAL, text };
    if (text.len == 0) {
        return between;
    }
    if (text.len > 2 && text.data[0] == '{' && text.data[text.len - 1] == '}') {
        return read_name(text, segment);
    }
    return has_byte(text, '{') || has_byte(text, '}') ? "expected braces around a whole segment: /a/{name}" : NULL;
}

static bool is_known(const struct route_pattern *pattern, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (pattern->segments[i].kind != SEGMENT_LITERAL && slice_equal(pattern->segments[i].text, name)) {
            return true;
        }
    }
    return false;
}

static const char *read_segments(struct route_pattern *pattern, struct slice rest)
{
    struct slice text;
    while (slice_split(&rest, '/', &text)) {
        if (pattern->count == ROUTE_SEGMENTS_MAX) {
            return "expected at most 32 segments";
        }
        struct route_segment *segment = &pattern->segments[pattern->count];
        const char *problem = read_segment(text, segment);
        if (problem != NULL) {
            return problem;
        }
        if (segment->kind != SEGMENT_LITERAL && is_known(pattern, pattern->count, segment->text)) {
            return "expected each name once";
        }
        if (segment->kind == SEGMENT_REST && rest.data != NULL) {
            return behind_rest;
        }
        pattern->captures += segment->kind != SEGMENT_LITERAL;
        pattern->count++;
    }
    return pattern->captures > CAPTURES_MAX ? "expected at most 8 names" : NULL;
}

/* Of what a client sends escaped, the plain byte stands here. */
static const char *judge_text(struct slice text)
{
    if (text.len == 0 || text.data[0] != '/') {
        return "expected a path that begins with \"/\"";
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (c <= ' ' || c == 0x7f || c == '?' || c == '#' || c == '%') {
            return "expected a path without blanks, \"?\", \"#\" and \"%\"";
        }
    }
    return NULL;
}

static const char *compile(struct route_pattern *pattern)
{
    struct slice text = slice_make(pattern->text, pattern->length);
    const char *problem = judge_text(text);
    if (problem != NULL) {
        return problem;
    }
    pattern->slash = text.len > 1 && text.data[text.len - 1] == '/';
    pattern->length -= pattern->slash;
    problem = pattern->length == 1 ? (pattern->slash ? between : NULL)
                                   : read_segments(pattern, slice_make(text.data + 1, pattern->length - 1));
    bool rest = pattern->count != 0 && pattern->segments[pattern->count - 1].kind == SEGMENT_REST;
    return problem == NULL && rest && pattern->slash ? behind_rest : problem;
}

/* The prefix and the path, one behind the other: a slash between them is not doubled. */
static bool join(struct route_pattern *pattern, const char *prefix, const char *path)
{
    struct slice front = slice_from_string(prefix != NULL ? prefix : ""), back = slice_from_string(path);
    while (front.len != 0 && front.data[front.len - 1] == '/' && slice_starts_with(back, SLICE("/"))) {
        front.len--;
    }
    pattern->length = front.len + back.len;
    pattern->text = malloc(pattern->length + 1);
    pattern->segments = calloc(ROUTE_SEGMENTS_MAX, sizeof *pattern->segments);
    if (pattern->text == NULL || pattern->segments == NULL) {
        return false;
    }
    if (front.len != 0) {
        memcpy(pattern->text, front.data, front.len);
    }
    memcpy(pattern->text + front.len, back.data, back.len + 1);
    return true;
}

bool route_pattern_compile(struct route_pattern *pattern, const char *prefix, const char *path, struct buf *problem)
{
    *pattern = (struct route_pattern){ 0 };
    const char *why = join(pattern, prefix, path) ? compile(pattern) : "out of memory";
    if (why == NULL) {
        return true;
    }
    buf_printf(problem, "found \"%s%s\", %s", prefix != NULL ? prefix : "", path, why);
    route_pattern_release(pattern);
    return false;
}

void route_pattern_release(struct route_pattern *pattern)
{
    free(pattern->text);
    free(pattern->segments);
    *pattern = (struct route_pattern){ 0 };
}

bool route_pattern_has(const struct route_pattern *pattern, struct slice name)
{
    return is_known(pattern, pattern->count, name);
}

/* Matching. */

static bool add_capture(struct captures *captures, struct slice name, struct slice value)
{
    ASSERT_BELOW(captures->count, CAPTURES_MAX);
    captures->items[captures->count++] = (struct capture){ name, value };
    return true;
}

static bool match_segment(const struct route_segment *segment, struct slice text, struct captures *captures)
{
    if (segment->kind == SEGMENT_LITERAL) {
        return slice_equal(segment->text, text);
    }
    return text.len != 0 && add_capture(captures, segment->text, text);
}

/* `rest` is behind a slash; its data is NULL: the path ends before that. */
static bool match_rest(const struct route_segment *segment, struct slice rest, bool exact_slash,
                       struct captures *captures)
{
    if (rest.data == NULL && exact_slash) {
        return false;
    }
    return add_capture(captures, segment->text, rest.data != NULL ? rest : SLICE(""));
}

/* All segments are matched: of the path nothing may be left, but for a slash at its end. */
static bool ends_well(const struct route_pattern *pattern, struct slice rest, bool exact_slash)
{
    bool slash = rest.data != NULL && pattern->count != 0; /* of "/" it is the path itself */
    return rest.len == 0 && (!exact_slash || slash == pattern->slash);
}

bool route_pattern_match(const struct route_pattern *pattern, struct slice path, bool exact_slash,
                         struct captures *captures)
{
    captures->count = 0;
    if (path.len == 0 || path.data[0] != '/') {
        return false;
    }
    struct slice rest = slice_after(path, 1), text;
    for (size_t i = 0; i < pattern->count; i++) {
        const struct route_segment *segment = &pattern->segments[i];
        if (segment->kind == SEGMENT_REST) {
            return match_rest(segment, rest, exact_slash, captures);
        }
        if (!slice_split(&rest, '/', &text) || !match_segment(segment, text, captures)) {
            return false;
        }
    }
    return ends_well(pattern, rest, exact_slash);
}

/* Comparing. */

static int order_segments(const struct route_segment *a, const struct route_segment *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind != SEGMENT_LITERAL || slice_equal(a->text, b->text)) {
        return 0;
    }
    size_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = memcmp(a->text.data, b->text.data, least);
    return order != 0 ? order : a->text.len < b->text.len ? -1 : 1;
}

int route_pattern_order(const struct route_pattern *a, const struct route_pattern *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = order_segments(&a->segments[i], &b->segments[i]);
        if (order != 0) {
            return order;
        }
    }
    return a->count == b->count ? 0 : a->count < b->count ? -1 : 1;
}

/* Paths. */

bool route_path_decode(struct slice path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        if (c == '%') {
            int byte = i + 2 < path.len ? hex_pair(path.data + i + 1) : -1;
            if (byte < 0) {
                return false;
            }
            c = byte == '/' ? '\0' : (char)byte;
            i += 2;
        }
        buf_append_byte(out, (uint8_t)c);
    }
    return true;
}

void route_path_restore(struct buf *path)
{
    for (char *at = path->data; path->len != 0; at++) {
        at = memchr(at, '\0', (size_t)(path->data + path->len - at));
        if (at == NULL) {
            return;
        }
        *at = '/';
    }
}
