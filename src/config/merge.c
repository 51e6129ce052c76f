/* Turns two documents into one, section by section. Only groups of the tables are entered: aliases can make circles. */
#include "config/merge.h"

#include "config/option_forms.h"
#include "config/option_read.h"

#include <stdio.h>

static struct node *new_node(const struct merge *merge, enum node_kind kind, const struct node *at, size_t count)
{
    struct node *node = memory_take(merge->nodes, 1, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    *node = (struct node){ .kind = kind, .line = at->line, .file = at->file };
    node->items = memory_take(merge->nodes, count, sizeof *node->items);
    node->values = memory_take(merge->nodes, count, sizeof *node->values);
    return node->items != NULL && node->values != NULL ? node : NULL;
}

/* What stands for a list of one. */
static bool is_one(const struct option *option, const struct node *node)
{
    bool is_short = option->type == OPTION_LIST && option->table->short_for != NULL && option->named_by == NULL;
    return (node->kind == NODE_SCALAR && !node_is_empty(node)) || (node->kind == NODE_MAPPING && is_short);
}

static size_t item_count(const struct option *option, const struct node *list)
{
    return is_one(option, list) ? 1 : node_is_empty(list) ? 0 : list->count;
}

static void add_items(const struct merge *merge, const struct option *option, const struct node *list, struct node *to)
{
    for (size_t i = 0; i < item_count(option, list); i++) {
        const struct node *item = is_one(option, list) ? list : list->items[i];
        if (list->kind == NODE_MAPPING && option->named_by != NULL) {
            item = form_named_item(merge->nodes, option, item, list->values[i]);
        }
        if (item != NULL) {
            to->items[to->count++] = item;
        }
    }
}

/* What is no list is left to the reader, who refuses it. */
static bool is_list(const struct option *option, const struct node *node)
{
    return node->kind == NODE_SEQUENCE || (node->kind == NODE_MAPPING && option->named_by != NULL) ||
           node_is_empty(node) ||
           (is_one(option, node) && (option->type == OPTION_STRINGS || option->table->short_for != NULL));
}

static const struct node *join_lists(const struct merge *merge, const struct option *option, const struct node *first,
                                     const struct node *second)
{
    if (!is_list(option, first) || !is_list(option, second)) {
        return is_list(option, first) ? second : first;
    }
    struct node *joined = new_node(merge, NODE_SEQUENCE, first, item_count(option, first) + item_count(option, second));
    if (joined != NULL) {
        add_items(merge, option, first, joined);
        add_items(merge, option, second, joined);
    }
    return joined;
}

#define COMPARED_DEPTH 8 /* aliases can make circles */

/* What lies deeper than that is taken for different. */
static bool say_the_same(const struct node *first, const struct node *second, int depth)
{
    bool same = first->kind == second->kind && first->count == second->count && depth != 0;
    if (first == second || !same || first->kind == NODE_SCALAR) {
        return first == second || (same && slice_equal(first->text, second->text));
    }
    for (size_t i = 0; same && i < first->count; i++) {
        same = say_the_same(first->items[i], second->items[i], depth - 1) &&
               (first->kind != NODE_MAPPING || say_the_same(first->values[i], second->values[i], depth - 1));
    }
    return same;
}

static const struct node *choose(const struct merge *merge, const struct option *option, const char *parent,
                                 const struct node *first, const struct node *second)
{
    if (first->file != merge->own && !say_the_same(first, second, COMPARED_DEPTH)) {
        const char *file = merge->reader->file;
        char path[64];
        snprintf(path, sizeof path, "%s%s%s", parent, *parent != '\0' ? "." : "", option->key);
        merge->reader->file = second->file->name;
        option_problem(merge->reader, second->line, path,
                       "found another value than in line %d of %s, expected the file that includes both to say which",
                       first->line, first->file->name);
        merge->reader->file = file;
    }
    return first;
}

static const struct node *merge_groups(const struct merge *merge, const struct option_table *table, const char *parent,
                                       const struct node *first, const struct node *second);

static const struct node *merge_values(const struct merge *merge, const struct option *option, const char *parent,
                                       const struct node *first, const struct node *second)
{
    if (option->joined) {
        return join_lists(merge, option, first, second);
    }
    if (option->type == OPTION_GROUP && first->kind == NODE_MAPPING && second->kind == NODE_MAPPING) {
        return merge_groups(merge, option->table, option->key, first, second);
    }
    return choose(merge, option, parent, first, second);
}

static void add_pair(struct node *mapping, const struct node *key, const struct node *value)
{
    if (value != NULL) {
        mapping->items[mapping->count] = key;
        mapping->values[mapping->count++] = value;
    }
}

/* `include` of an included file has been followed. */
static bool is_followed(const struct node *key)
{
    return key->kind == NODE_SCALAR && slice_equal(key->text, SLICE("include"));
}

static const struct node *merge_groups(const struct merge *merge, const struct option_table *table, const char *parent,
                                       const struct node *first, const struct node *second)
{
    struct node *merged = new_node(merge, NODE_MAPPING, first, first->count + second->count);
    for (size_t i = 0; merged != NULL && i < first->count; i++) {
        const struct node *key = first->items[i];
        const struct option *option = key->kind == NODE_SCALAR ? option_find(table, key->text) : NULL;
        const struct node *other = option != NULL && !is_followed(key) ? node_member(second, option->key) : NULL;
        const struct node *value = first->values[i];
        add_pair(merged, key, other != NULL ? merge_values(merge, option, parent, value, other) : value);
    }
    for (size_t i = 0; merged != NULL && i < second->count; i++) {
        const struct node *key = second->items[i];
        const char *name = key->kind == NODE_SCALAR ? memory_copy(merge->nodes, key->text) : NULL;
        bool known = name != NULL && node_member(first, name) != NULL;
        if (!known && !(table == &option_sections && is_followed(key))) {
            add_pair(merged, key, second->values[i]);
        }
    }
    return merged;
}

const struct node *merge_roots(const struct merge *merge, const struct node *first, const struct node *second)
{
    if (node_is_empty(first) || node_is_empty(second)) {
        return node_is_empty(first) ? second : first;
    }
    if (first->kind != NODE_MAPPING || second->kind != NODE_MAPPING) {
        return first->kind != NODE_MAPPING ? first : second; /* which its reader refuses */
    }
    return merge_groups(merge, &option_sections, "", first, second);
}
