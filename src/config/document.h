/* A YAML document as plain nodes, each of which knows its line.
 *
 * Aliases make it a graph, perhaps one with cycles: walk it only to a depth known beforehand. */
#pragma once

#include "config/memory.h"

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
    enum node_kind kind;
    int line;                   /* from 1 */
    const char *file;           /* as its reader named it */
    bool plain;                 /* a scalar without quotes */
    struct slice text;          /* of a scalar */
    size_t count;               /* items of a sequence, pairs of a mapping */
    const struct node **items;  /* of a sequence; the keys of a mapping */
    const struct node **values; /* of a mapping */
};

/* Reads the one document of `text` into `memory`; *root is NULL if the document is empty. On failure false with one line
 * "name:line: …" in *problems. */
MUST_CHECK bool document_read(struct config_memory *memory, const char *name, struct slice text,
                              const struct node **root, struct buf *problems);
