/* Turns names of values into members of objects. */
#include "pipeline/payload/value_tree.h"

#include "base/assert.h"

_Static_assert(VALUE_NODES_MAX <= UINT16_MAX, "a slot holds the number of a node");

void value_tree_clear(struct value_tree *tree, const struct path_node *place)
{
    memset(tree->slots, 0, sizeof tree->slots);
    tree->nodes[VALUE_ROOT] = (struct value_node){ .place = place, .linked = true };
    tree->count = 1;
}

static void unlink_members(struct value_tree *tree, struct value_node *node)
{
    for (uint32_t at = node->first; at != 0; at = tree->nodes[at].next) {
        tree->nodes[at].linked = false;
        unlink_members(tree, &tree->nodes[at]);
    }
    node->first = node->last = 0;
}

static uint32_t add(struct value_tree *tree, uint32_t parent, struct slice key)
{
    if (tree->count == VALUE_NODES_MAX) {
        return 0;
    }
    uint32_t added = tree->count++;
    struct value_node *above = &tree->nodes[parent];
    const struct path_node *place = above->place != NULL ? path_child(above->place, key.data, key.len) : NULL;
    tree->nodes[added] = (struct value_node){ .key = key, .parent = parent, .place = place, .linked = true };
    if (above->last != 0) {
        tree->nodes[above->last].next = added;
    } else {
        above->first = added;
    }
    above->last = added;
    size_t slot = value_tree_slot(parent, key);
    while (tree->slots[slot] != 0) {
        slot = (slot + 1) & (VALUE_SLOTS - 1);
    }
    tree->slots[slot] = (uint16_t)added;
    ASSERT_BELOW(added, VALUE_NODES_MAX);
    return added;
}

static uint32_t enter(struct value_tree *tree, uint32_t parent, struct slice key)
{
    uint32_t found = value_tree_find(tree, parent, key);
    return found != 0 ? found : add(tree, parent, key);
}

/* It was a leaf until now, or is an object already. */
static void make_object(struct value_node *node)
{
    node->leaf = false;
    node->texts = node->first_text = node->last_text = 0;
    node->wins = false;
}

uint32_t value_tree_leaf(struct value_tree *tree, uint32_t parent, struct slice keys)
{
    struct path_steps steps = path_steps(keys);
    struct slice key;
    uint32_t at = parent;
    while (path_next_step(&steps, &key)) {
        if (tree->nodes[at].leaf) {
            make_object(&tree->nodes[at]);
        }
        at = enter(tree, at, key);
        if (at == 0) {
            return 0;
        }
    }
    ASSERT(at != parent);
    unlink_members(tree, &tree->nodes[at]);
    tree->nodes[at].leaf = true;
    return at;
}

uint32_t value_tree_source(struct value_tree *tree, enum path_source source)
{
    ASSERT(source != PATH_OF_NONE);
    return enter(tree, VALUE_ROOT, path_source_key(source));
}

/* Members were added behind what they are in. */
void value_tree_settle(struct value_tree *tree)
{
    for (uint32_t at = tree->count; at-- > 1;) {
        struct value_node *node = &tree->nodes[at];
        if (node->linked && node->wins) {
            tree->nodes[node->parent].wins = true;
        }
    }
}
