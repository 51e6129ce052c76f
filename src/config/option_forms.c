/* Turns the short forms of options into mappings. */
#include "config/option_forms.h"

static const struct node *node_of_text(struct config_memory *memory, const char *text, const struct node *at)
{
    struct node *node = memory_take(memory, 1, sizeof *node);
    if (node != NULL) {
        *node =
            (struct node){ .kind = NODE_SCALAR, .line = at->line, .file = at->file, .text = slice_from_string(text) };
    }
    return node;
}

/* With room for `count` pairs. */
static struct node *new_mapping(struct config_memory *memory, size_t count, const struct node *at)
{
    struct node *node = memory_take(memory, 1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    *node = (struct node){ .kind = NODE_MAPPING, .line = at->line, .file = at->file };
    node->items = memory_take(memory, count, sizeof *node->items);
    node->values = memory_take(memory, count, sizeof *node->values);
    return node->items != NULL && node->values != NULL ? node : NULL;
}

static bool add(struct config_memory *memory, struct node *mapping, const char *key, const struct node *value)
{
    const struct node *name = node_of_text(memory, key, value);
    mapping->items[mapping->count] = name;
    mapping->values[mapping->count++] = value;
    return name != NULL;
}

const struct node *form_short(struct config_memory *memory, const struct option_table *table, const struct node *node)
{
    struct node *mapping = new_mapping(memory, 1, node);
    return mapping != NULL && add(memory, mapping, table->short_for, node) ? mapping : NULL;
}

const struct node *form_list_of_one(struct config_memory *memory, const struct node *node)
{
    struct node *list = new_mapping(memory, 1, node);
    if (node->kind == NODE_SEQUENCE || list == NULL) {
        return list != NULL ? node : NULL;
    }
    list->kind = NODE_SEQUENCE;
    list->items[list->count++] = node;
    return list;
}

const struct node *form_named_item(struct config_memory *memory, const struct option *option, const struct node *key,
                                   const struct node *value)
{
    if (value->kind != NODE_MAPPING && !node_is_empty(value)) {
        if (option->table->short_for == NULL) {
            return value; /* which its reader refuses */
        }
        value = form_short(memory, option->table, value);
    }
    size_t count = node_is_empty(value) ? 0 : value->count;
    struct node *item = new_mapping(memory, count + 1, key);
    if (item == NULL || !add(memory, item, option->named_by, key)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        item->items[item->count] = value->items[i];
        item->values[item->count++] = value->values[i];
    }
    return item;
}
