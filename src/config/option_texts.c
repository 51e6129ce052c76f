/* Turns scalars, sequences and mappings into lists and pairs of texts. */
#include "config/option_texts.h"

#include "config/option_forms.h"
#include "config/option_problem.h"
#include "config/option_scalar.h"
#include "config/yaml/document.h"

/* A list of strings: a sequence, or one scalar that stands for a list of one, or of none if it is empty. */
void texts_read_list(struct option_reader *reader, const struct option *option, const struct node *node,
                     const char *path, struct string_list *list)
{
    const struct option item = { .type = OPTION_STRING, .min = "1", .any_text = option->any_text };
    if (node->kind == NODE_MAPPING) {
        option_problem(reader, node->line, path, "found a mapping of keys, expected a value or a list of values");
        return;
    }
    const struct node *const one[] = { node };
    const struct node *const *nodes = node->kind == NODE_SEQUENCE ? node->items : one;
    size_t count = node->kind == NODE_SEQUENCE ? node->count : 1;
    if (node->kind == NODE_SCALAR) {
        struct buf text = { 0 };
        count = option_expand(reader, node, path, &text) && text.len != 0 ? 1 : 0;
        buf_release(&text);
    }
    list->items = memory_take(reader->memory, count, sizeof *list->items);
    list->count = list->items != NULL ? count : 0;
    for (size_t i = 0; i < list->count; i++) {
        option_read_single(reader, &item, nodes[i], path, &list->items[i]);
    }
}

static bool is_named_before(const struct string_pairs *pairs, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (pairs->names[i] != NULL && pairs->names[index] != NULL &&
            strcmp(pairs->names[i], pairs->names[index]) == 0) {
            return true;
        }
    }
    return false;
}

/* Texts with names: a mapping; of a sequence, or one scalar, each text is its own name. */
void texts_read_pairs(struct option_reader *reader, const struct option *option, const struct node *node,
                      const char *path, struct string_pairs *pairs)
{
    const struct option name = { .type = OPTION_STRING, .min = "1" };
    const struct option text = { .type = OPTION_STRING, .any_text = option->any_text };
    const struct node *const one[] = { node };
    const struct node *const *names = node->kind == NODE_SCALAR ? one : node->items;
    const struct node *const *texts = node->kind == NODE_MAPPING ? node->values : names;
    size_t count = node->kind == NODE_SCALAR ? !node_is_empty(node) : node->count;
    pairs->names = memory_take(reader->memory, count, sizeof *pairs->names);
    pairs->values = memory_take(reader->memory, count, sizeof *pairs->values);
    pairs->count = pairs->names != NULL && pairs->values != NULL ? count : 0;
    for (size_t i = 0; i < pairs->count; i++) {
        option_read_single(reader, &name, names[i], path, &pairs->names[i]);
        option_read_single(reader, &text, texts[i], path, &pairs->values[i]);
        if (is_named_before(pairs, i)) {
            option_problem(reader, names[i]->line, path, "found \"%s\" a second time, expected each name once",
                           pairs->names[i]);
        }
    }
}

/* A set of words: a sequence, or one scalar. */
void texts_read_set(struct option_reader *reader, const struct option *option, const struct node *node,
                    const char *path, void *place)
{
    if (node->kind == NODE_MAPPING || (node->kind == NODE_SEQUENCE && node->count == 0)) {
        option_problem(reader, node->line, path, "found %s, expected a word or a list of words",
                       node->kind == NODE_MAPPING ? "a mapping of keys" : "an empty list");
    } else if (node->kind == NODE_SCALAR) {
        option_read_single(reader, option, node, path, place);
    } else {
        for (size_t i = 0; i < node->count; i++) {
            option_read_single(reader, option, node->items[i], path, place);
        }
    }
}

/* The default of a list of strings, "a, b". */
void texts_default(struct option_reader *reader, struct slice text, struct string_list *list)
{
    struct slice rest = text;
    struct slice piece;
    size_t count = 0;
    while (text.len != 0 && slice_split(&rest, ',', &piece)) {
        count++;
    }
    list->items = memory_take(reader->memory, count, sizeof *list->items);
    list->count = list->items != NULL ? count : 0;
    rest = text;
    for (size_t i = 0; i < list->count && slice_split(&rest, ',', &piece); i++) {
        list->items[i] = memory_copy(reader->memory, slice_trim(piece));
    }
}
