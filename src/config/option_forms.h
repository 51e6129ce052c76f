/* The short ways to write an option, as the long ones: mappings made of other nodes. */
#pragma once

#include "config/tables/option_table.h"
#include "config/yaml/document.h"

/* Nothing stands there. */
static inline bool node_is_empty(const struct node *node)
{
    return node == NULL || (node->kind == NODE_SCALAR && node->plain && node->text.len == 0);
}

/* {short_for: node}, of a table that has such an option. NULL: memory is short. */
const struct node *form_short(struct config_memory *memory, const struct option_table *table, const struct node *node);

/* [node], of what is no list. NULL: memory is short. */
const struct node *form_list_of_one(struct config_memory *memory, const struct node *node);

/* Of a list that is a mapping one item: `key: {…}` is {named_by: key, …}. What is no mapping stands for the short_for of the
 * list's table. NULL: memory is short. */
const struct node *form_named_item(struct config_memory *memory, const struct option *option, const struct node *key,
                                   const struct node *value);
