/* Turns YAML text into plain nodes; the one file that knows libyaml. */
#include "config/yaml/document.h"

#include <yaml.h>

static struct slice line_at(struct slice text, size_t line)
{
    struct slice rest = text;
    struct slice piece = { NULL, 0 };
    for (size_t i = 0; i <= line; i++) {
        if (!slice_split(&rest, '\n', &piece)) {
            return (struct slice){ NULL, 0 };
        }
    }
    return piece;
}

static bool indented_with_tab(struct slice line)
{
    for (size_t i = 0; i < line.len && (line.data[i] == ' ' || line.data[i] == '\t'); i++) {
        if (line.data[i] == '\t') {
            return true;
        }
    }
    return false;
}

static void report(const yaml_parser_t *parser, const char *name, struct slice text, struct buf *problems)
{
    size_t line = parser->problem_mark.line;
    if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) { /* libyaml does not always say so */
        buf_printf(problems, "%s: out of memory\n", name);
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        /* the reader counts bytes, not lines */
        line = 0;
        for (size_t i = 0; i < parser->problem_offset && i < text.len; i++) {
            line += text.data[i] == '\n';
        }
    }
    buf_printf(problems, "%s:%zu: not YAML: %s", name, line + 1, parser->problem);
    if (parser->context != NULL) {
        buf_printf(problems, " %s (from line %zu)", parser->context, parser->context_mark.line + 1);
    }
    if (parser->context != NULL && strstr(parser->context, "flow") != NULL) {
        buf_append_string(problems, "; within { } and [ ] a text that has braces, brackets or commas needs quotes");
    }
    if (indented_with_tab(line_at(text, line))) {
        buf_append_string(problems, "; found a tab, expected spaces in front of a key or value");
    }
    buf_append_byte(problems, '\n');
}

static bool copy_children(struct config_memory *memory, const yaml_node_t *from, struct node *nodes, struct node *to)
{
    bool mapping = from->type == YAML_MAPPING_NODE;
    to->count = mapping ? (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start)
                        : (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
    to->items = memory_take(memory, to->count, sizeof *to->items);
    to->values = memory_take(memory, mapping ? to->count : 0, sizeof *to->values);
    if (to->items == NULL || to->values == NULL) {
        return false;
    }
    for (size_t i = 0; i < to->count; i++) {
        if (mapping) {
            to->items[i] = &nodes[from->data.mapping.pairs.start[i].key - 1];
            to->values[i] = &nodes[from->data.mapping.pairs.start[i].value - 1];
        } else {
            to->items[i] = &nodes[from->data.sequence.items.start[i] - 1];
        }
    }
    return true;
}

static bool copy_node(struct config_memory *memory, const struct node_file *file, const yaml_node_t *from,
                      struct node *nodes, struct node *to)
{
    to->file = file;
    to->line = (int)from->start_mark.line + 1;
    if (from->type != YAML_SCALAR_NODE) {
        to->kind = from->type == YAML_MAPPING_NODE ? NODE_MAPPING : NODE_SEQUENCE;
        return copy_children(memory, from, nodes, to);
    }
    struct slice text = slice_make(from->data.scalar.value, from->data.scalar.length);
    const char *copy = memory_copy(memory, text);
    to->kind = NODE_SCALAR;
    to->plain = from->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    to->text = slice_make(copy, text.len);
    return copy != NULL;
}

static bool copy_document(struct config_memory *memory, const struct node_file *file, const yaml_document_t *document,
                          const struct node **root)
{
    size_t count = (size_t)(document->nodes.top - document->nodes.start);
    struct node *nodes = memory_take(memory, count, sizeof *nodes);
    bool copied = nodes != NULL;
    for (size_t i = 0; copied && i < count; i++) {
        copied = copy_node(memory, file, &document->nodes.start[i], nodes, &nodes[i]);
    }
    *root = copied && count != 0 ? nodes : NULL;
    return copied;
}

/* Takes the first document and makes sure that it is the only one. */
static bool load(yaml_parser_t *parser, struct config_memory *memory, const struct node_file *file, struct slice text,
                 const struct node **root, struct buf *problems)
{
    const char *name = file->name;
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document)) {
        report(parser, name, text, problems);
        return false;
    }
    bool done = copy_document(memory, file, &document, root);
    yaml_document_delete(&document);
    if (!done) {
        buf_printf(problems, "%s: out of memory, or the file needs more than a configuration may take\n", name);
        return false;
    }
    if (*root == NULL) {
        return true;
    }
    if (!yaml_parser_load(parser, &document)) {
        report(parser, name, text, problems);
        return false;
    }
    bool only = yaml_document_get_root_node(&document) == NULL;
    if (!only) {
        buf_printf(problems, "%s:%zu: found a second document, expected one per file\n", name,
                   document.start_mark.line + 1);
    }
    yaml_document_delete(&document);
    return only;
}

bool document_read(struct config_memory *memory, const struct node_file *file, struct slice text,
                   const struct node **root, struct buf *problems)
{
    yaml_parser_t parser;
    *root = NULL;
    if (!yaml_parser_initialize(&parser)) {
        buf_printf(problems, "%s:1: out of memory\n", file->name);
        return false;
    }
    const char *input = text.data != NULL ? text.data : "";
    yaml_parser_set_input_string(&parser, (const unsigned char *)input, text.len);
    bool done = load(&parser, memory, file, text, root, problems);
    yaml_parser_delete(&parser);
    return done;
}

const struct node *node_member(const struct node *mapping, const char *key)
{
    for (size_t i = 0; mapping->kind == NODE_MAPPING && i < mapping->count; i++) {
        const struct node *name = mapping->items[i];
        if (name->kind == NODE_SCALAR && slice_equal(name->text, slice_from_string(key))) {
            return mapping->values[i];
        }
    }
    return NULL;
}

const char *node_description(const struct node *node)
{
    switch (node->kind) {
    case NODE_SCALAR: return node->plain && node->text.len == 0 ? "nothing" : "a single value";
    case NODE_SEQUENCE: return "a list";
    case NODE_MAPPING: return "a mapping of keys";
    }
    return "nothing";
}
