/* Patterns of paths: "/events", "/events/{stream}", "/files/{file...}". Pure.
 *
 * A pattern is segments behind slashes. A segment is literal, or a name in braces that stands for any one segment that is not
 * empty. A name with "..." behind it is the last, and stands for all that follows, with its slashes, or for nothing: "/files/"
 * and, where a slash at the end makes no difference, "/files". Literals are compared byte by byte.
 *
 * The paths that patterns are matched with are as route_path_decode makes them: percent-decoded, but a slash that was sent as
 * %2F is a NUL, which no path has otherwise, so that it parts no segments. */
#pragma once

#include "base/bytes.h"
#include "proto/front/captures.h"

#define ROUTE_SEGMENTS_MAX 32

enum route_segment_kind { SEGMENT_LITERAL, SEGMENT_ONE, SEGMENT_REST };

struct route_segment {
    enum route_segment_kind kind;
    struct slice text; /* the literal, or the name; in the pattern's own memory */
};

struct route_pattern {
    char *text; /* the whole, with its prefix; no slash at the end, but of "/" alone */
    size_t length;
    bool slash; /* there was one at its end */
    size_t count;
    struct route_segment *segments;
    size_t captures;
};

/* `prefix` may be NULL or "". False with a problem "found …, expected …" in `problem`; nothing is to be released. */
MUST_CHECK bool route_pattern_compile(struct route_pattern *pattern, const char *prefix, const char *path,
                                      struct buf *problem);
void route_pattern_release(struct route_pattern *pattern);

/* Whether it is one path, without captures. */
static inline bool route_pattern_is_path(const struct route_pattern *pattern)
{
    return pattern->captures == 0;
}

/* Whether it captures this name. */
bool route_pattern_has(const struct route_pattern *pattern, struct slice name);

/* Whether it stands for this path. `exact_slash`: "/a/" is not "/a". Values of *captures, which is set only then, are slices
 * of `path`, with its NULs. */
MUST_CHECK bool route_pattern_match(const struct route_pattern *pattern, struct slice path, bool exact_slash,
                                    struct captures *captures);

/* Which of two patterns is asked first: below 0 the first. Where they first differ a literal comes before a name, a name
 * before a rest. 0: they stand for the same paths. */
int route_pattern_order(const struct route_pattern *a, const struct route_pattern *b);

/* Appends the path percent-decoded, with %2F as NUL. False: an escape is not valid. */
MUST_CHECK bool route_path_decode(struct slice path, struct buf *out);

/* Makes the NULs slashes: after the match, for those who read the path or its captures. */
void route_path_restore(struct buf *path);
