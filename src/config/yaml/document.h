/* A YAML document as plain nodes, each of which knows its line.
 *
 * Aliases make it a graph, perhaps one with cycles: walk it only to a depth known beforehand. */
#pragma once

#include "config/yaml/memory.h"

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct string_list;

/* Where nodes come from, and what the file that included it says of its items. */
struct node_file {
    const char *name;
    const char *scope;               /* what the names of its items begin with; "" */
    const char *prefix;              /* likewise of their paths */
    const struct string_list *hosts; /* NULL: none are said */
};

struct node {
    enum node_kind kind;
    int line; /* from 1 */
    const struct node_file *file;
    bool plain;                 /* a scalar without quotes */
    struct slice text;          /* of a scalar */
    size_t count;               /* items of a sequence, pairs of a mapping */
    const struct node **items;  /* of a sequence; the keys of a mapping */
    const struct node **values; /* of a mapping */
};

/* Reads the one document of `text` into `memory`; *root is NULL if the document is empty. `file` lives as long as the nodes. On
 * failure false with one line "name:line: …" in *problems. */
MUST_CHECK bool document_read(struct config_memory *memory, const struct node_file *file, struct slice text,
                              const struct node **root, struct buf *problems);

/* The value of a mapping's key; NULL: it has none. */
const struct node *node_member(const struct node *mapping, const char *key);

/* What it is, for a message: "a list". */
const char *node_description(const struct node *node);
