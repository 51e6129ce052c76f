/* The values of a request as the members of an object that they would be: names with dots are objects in it. Private to this
 * room. Bounded, and empty again at once: no memory but its own. */
#pragma once

#include "event/path.h"
#include "pipeline/json/json.h"

#define VALUE_NODES_MAX 1024 /* names, and the objects that dots make */
#define VALUE_SLOTS (2 * VALUE_NODES_MAX)
#define VALUE_ROOT 0

/* A member. Of a leaf either texts wait to be written, or `at` says where its value stands. */
struct value_node {
    struct slice key;
    uint32_t parent;
    uint32_t first, last, next;     /* its members, and its own neighbour; 0: none */
    const struct path_node *place;  /* where the stream reads it; NULL: nowhere */
    uint32_t first_text, last_text; /* their indices and 1 */
    uint32_t texts;
    uint16_t group;
    bool linked; /* it is a member of its parent */
    bool leaf;
    bool wins; /* over what an event has there */
    bool met;  /* the event that is merged has it, and keeps it */
    json_at key_at, at;
};

/* Invariant: slots[h] is the node of the first free probe at its hash, as in path.h; 0: none, as nobody looks for the root. */
struct value_tree {
    uint32_t count;
    struct value_node nodes[VALUE_NODES_MAX];
    uint16_t slots[VALUE_SLOTS];
};

/* `place`: of the stream's tree, for the root. */
void value_tree_clear(struct value_tree *tree, const struct path_node *place);

static inline size_t value_tree_slot(uint32_t parent, struct slice key)
{
    return (path_hash(key.data, key.len) + parent * (size_t)0x9E3779B1) & (VALUE_SLOTS - 1);
}

/* The member of this name; 0: there is none. */
static inline uint32_t value_tree_find(const struct value_tree *tree, uint32_t parent, struct slice key)
{
    for (size_t slot = value_tree_slot(parent, key); tree->slots[slot] != 0; slot = (slot + 1) & (VALUE_SLOTS - 1)) {
        const struct value_node *node = &tree->nodes[tree->slots[slot]];
        if (node->parent == parent && node->linked && slice_equal(node->key, key)) {
            return tree->slots[slot];
        }
    }
    return 0;
}

/* The leaf of a name below `parent`, made if it is not there, objects on its way included; what stood in its way goes. 0: there
 * is no room. */
uint32_t value_tree_leaf(struct value_tree *tree, uint32_t parent, struct slice keys);

/* The object of a source. 0: there is no room. */
uint32_t value_tree_source(struct value_tree *tree, enum path_source source);

/* Behind the last leaf: an object wins where one of its members does. */
void value_tree_settle(struct value_tree *tree);
