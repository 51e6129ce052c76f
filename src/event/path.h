/* The tree of keys of a stream: where each value of an event goes.
 *
 * The root stands for the event. A child is found by its key. A node may end a path (column >= 0), have children, or
 * stand for an array whose elements are walked (`items[]`). In the last case `array` is the node of one element, and
 * `array_columns` lists every column that takes one value per element. So parallel arrays stay aligned. */
#pragma once

#include "base/bytes.h"

struct path_node {
    struct slice key;            /* borrowed from the options */
    int column;                  /* -1: no path ends here */
    int rank;                    /* among the alternatives of `from`: a lower rank wins over a higher one */
    struct path_node **children; /* open addressing by path_hash(key), child_slots a power of two */
    size_t child_slots;
    size_t child_count;
    size_t number;           /* of a node that has children or an array, among all such of the tree */
    struct path_node *array; /* "[]": NULL if no path goes through an array here */
    int *array_columns;      /* columns below `array` */
    int *array_ranks;        /* the lowest rank that each of them has there */
    size_t array_column_count;
    size_t number_count; /* the root: how many numbers were given */
};

/* At most eight bytes as a number: every one is in it. */
static inline uint64_t path_word(const char *key, size_t len)
{
    if (len >= 4) {
        return load_u32(key) | (uint64_t)load_u32(key + len - 4) << 32;
    }
    return len == 0 ? 0
                    : (uint8_t)key[0] | (uint64_t)(uint8_t)key[len / 2] << 8 | (uint64_t)(uint8_t)key[len - 1] << 16;
}

/* All bytes count, for names of fields are alike. */
static inline size_t path_hash(const char *key, size_t len)
{
    const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t hash = len;
    for (; len > 8; key += 8, len -= 8) {
        hash = (hash ^ load_u64(key)) * factor;
        hash ^= hash >> 32;
    }
    hash = (hash ^ path_word(key, len)) * factor;
    return (size_t)(hash ^ hash >> 32);
}

/* NULL if there is no such child. */
static inline const struct path_node *path_child(const struct path_node *node, const char *key, size_t len)
{
    if (node->child_count == 0) {
        return NULL;
    }
    for (size_t slot = path_hash(key, len) & (node->child_slots - 1);; slot = (slot + 1) & (node->child_slots - 1)) {
        const struct path_node *child = node->children[slot];
        if (child == NULL) {
            return NULL;
        }
        if (child->key.len == len && memcmp(child->key.data, key, len) == 0) {
            return child;
        }
    }
}

/* A value of the request instead of a member of the event: "@query.x", "@path.x", "@cookie.x", "@header.x", "@form.x", "@envelope.x" and
 * "envelope.x". Their first keys in a tree begin with a byte that no text in JSON holds, so that no event can forge them. */
enum path_source {
    PATH_OF_NONE,
    PATH_OF_QUERY,
    PATH_OF_CAPTURE,
    PATH_OF_COOKIE,
    PATH_OF_HEADER,
    PATH_OF_FORM,
    PATH_OF_ENVELOPE,
    PATH_OF_COUNT
};

/* The key that stands for a source in the root of a tree; of PATH_OF_NONE none. */
struct slice path_source_key(enum path_source source);

/* The node of a source; NULL: no path of the tree begins with it. */
static inline const struct path_node *path_source_node(const struct path_node *root, enum path_source source)
{
    struct slice key = path_source_key(source);
    return path_child(root, key.data, key.len);
}

/* Does the tree read anything of a request? */
bool path_reads_request(const struct path_node *root);

/* Where the keys of "a.b" lead from `node`; NULL: nowhere. What has an empty key, or more than a path may have, is one key. */
const struct path_node *path_find(const struct path_node *node, struct slice keys);

/* The next key of what path_find takes; false: there is none. *rest begins as path_steps says. */
struct path_steps {
    struct slice rest;
    bool whole; /* it is one key */
};
struct path_steps path_steps(struct slice keys);
bool path_next_step(struct path_steps *steps, struct slice *key);

/* Adds "a.b[].c" for a column. False (with *problem) if the path is malformed, or already leads to another column. */
MUST_CHECK bool path_add(struct path_node *root, struct slice path, int column, int rank, struct buf *problem);
/* Makes a key of the root known without a column: it is no unknown field, and its value goes nowhere. False if memory is
 * short. */
MUST_CHECK bool path_ignore(struct path_node *root, struct slice key);
struct path_node *path_new(void);
void path_free(struct path_node *root);
