/* Walks one JSON object through a stream's tree of paths and notes where each column's value stands; nothing is checked
 * or copied yet. Private to validate.c. */
#pragma once

#include "pipeline/json/json.h"

struct defaulted;

/* Where a column's value stands. */
struct place {
    json_at at;
    int rank;                      /* of the path that led there: a lower one wins, of equal ones the last */
    const struct path_node *array; /* not NULL: `at` is an array, each of whose elements gives one value by this node */
};

/* Invariant: places[c] means something only if bit c is set. */
struct places {
    struct place *places;
    uint64_t *bits;  /* which columns were found */
    json_at *passed; /* by number of a node: the value that was walked for it; 0: none */
};

static inline bool places_has(const struct places *places, size_t column)
{
    return (places->bits[column / 64] >> (column % 64) & 1) != 0;
}

static inline void places_forget(struct places *places, size_t column)
{
    places->bits[column / 64] &= ~(UINT64_C(1) << (column % 64));
}

struct scan {
    const struct json_document *document;
    struct places places;
    bool reject_unknown;
    struct defaulted *defaulted; /* what stands in the way of a path is noted there; NULL: it is an error */
    int taken;                   /* objects around that a column takes whole: no key of them is unknown */
    bool found_unknown;          /* set: a key is unknown, those of items not looked at */
    struct slice culprit;        /* the key at fault, if a scan fails */
    const char *expected;        /* what should have stood there; NULL: the key is not known */
};

/* The event, an object. False: a key is unknown (and they are rejected), or a value on the way of a path is neither object
 * nor array. */
MUST_CHECK bool scan_event(struct scan *scan, const struct path_node *root, json_at object);

/* The same for one element of an array. */
MUST_CHECK bool scan_element(struct scan *scan, const struct path_node *node, json_at at);
