/* Does a text with holes always become JSON (RFC 8259), whatever its values are and whichever of its optional parts are
 * left out? An automaton that takes the text token by token. As parts may be left out, it can stand in several places of
 * the grammar at once: what follows must be right in each of them. Pure, no allocation. */
#pragma once

#include "base/bytes.h"

/* What may come next. Several bits at once: each of them is possible, as far as the parts before are optional. */
enum json_place {
    JSON_AT_VALUE = 1,      /* a value */
    JSON_AT_ELEMENT = 2,    /* the first value of an array, or its end */
    JSON_AT_MEMBER = 4,     /* the first name of an object, or its end */
    JSON_AT_NAME = 8,       /* a name, behind a comma */
    JSON_AT_COLON = 16,     /* the colon behind a name */
    JSON_BEHIND_VALUE = 32, /* a comma or an end; at depth 0 the end of the text */
};

#define JSON_SHAPE_DEPTH 64

/* Invariant: bits of `objects` at `depth` and above are 0. */
struct json_shape {
    uint64_t objects; /* bit d: the container at depth d + 1 is an object, not an array */
    unsigned depth;
    unsigned places; /* enum json_place, at least one */
    bool in_string;
};

static inline struct json_shape json_shape_start(void)
{
    return (struct json_shape){ .places = JSON_AT_VALUE };
}

/* Takes one token at the front of `text`, which is not empty: a bracket, a quote, a number, a word, blanks; within a string
 * a piece of it. *taken: its bytes. NULL, or what is wrong with it (a constant). */
const char *json_shape_take(struct json_shape *shape, struct slice text, size_t *taken);

/* A hole stands here: within a string it is a part of it, else a value of any kind. */
const char *json_shape_take_hole(struct json_shape *shape);

/* What stands between two points may be left out: `shape`, behind it, can be as `before` as well. */
const char *json_shape_join(struct json_shape *shape, const struct json_shape *before);

/* The text ends here. */
const char *json_shape_end(const struct json_shape *shape);
