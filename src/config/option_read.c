/* Turns a mapping into an option struct, row by row of its table. */
#include "config/option_read.h"

#include <stdio.h>

#include "config/option_forms.h"
#include "config/option_scalar.h"
#include "config/option_texts.h"
#include "config/options/string_list.h"
#include "config/secret.h"
#include "config/yaml/document.h"
#include "config/yaml/environment.h"
#include "config/yaml/memory.h"
#include "config/yaml/scalar.h"

enum { PATH_LIMIT = 160, ROW_LIMIT = 64, FEW_KEYS = 14 };

static void *place_of(const struct option *option, void *target)
{
    return (char *)target + option->offset;
}

/* Paths are as short as the tables' keys are; a longer one would be cut. */
PRINTF_LIKE(2, 3) static void set_path(char path[PATH_LIMIT], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(path, PATH_LIMIT, format, args);
    va_end(args);
}

static void join_path(char path[PATH_LIMIT], const char *parent, const char *key)
{
    set_path(path, "%s%s%s", parent, *parent != '\0' ? "." : "", key);
}

static void set_default(struct option_reader *reader, const struct option *option, const char *path, void *place)
{
    static const int64_t not_given = -1;
    if (option->type == OPTION_GROUP) {
        option_read_group(reader, NULL, 0, path, option->table, place);
    } else if (option->default_text == NULL) {
        if (option->type == OPTION_DURATION) {
            memcpy(place, &not_given, sizeof not_given);
        }
    } else if (option->type == OPTION_STRINGS) {
        texts_default(reader, slice_from_string(option->default_text), place);
    } else {
        option_read_scalar(reader, option, 0, path, slice_from_string(option->default_text), place);
    }
}

static bool count_allowed(struct option_reader *reader, const struct option *option, const struct node *node,
                          const char *path)
{
    const char *least = option->min != NULL ? option->min : "0";
    uint64_t min = 0, max = 0;
    if (slice_to_u64(slice_from_string(least), &min) && slice_to_u64(slice_from_string(option->max), &max) &&
        node->count >= min && node->count <= max) {
        return true;
    }
    option_problem(reader, node->line, path, "found %zu entries, expected %s to %s", node->count, least, option->max);
    return false;
}

/* What is said of the item's file where that is included. Names begin with its scope. */
static void inherit(struct option_reader *reader, const struct option_table *table, const struct option *option,
                    const struct node_file *file, char *item)
{
    const char *scope = memory_copy(reader->memory, slice_from_string(file->scope));
    const char *prefix = memory_copy(reader->memory, slice_from_string(file->prefix));
    const struct option *name = option_find(table, SLICE("name"));
    switch (option->inherits) {
    case INHERITS_NOTHING: break;
    case INHERITS_PREFIX: memcpy(place_of(option, item), &prefix, sizeof prefix); break;
    case INHERITS_HOSTS:
        if (file->hosts != NULL) {
            memcpy(place_of(option, item), file->hosts, sizeof *file->hosts);
        }
        break;
    case INHERITS_SCOPE:
        memcpy(place_of(option, item), &scope, sizeof scope);
        if (name != NULL && *file->scope != '\0') {
            const char *own;
            memcpy(&own, place_of(name, item), sizeof own);
            own = memory_join(reader->memory, scope, own);
            memcpy(place_of(name, item), &own, sizeof own);
        }
    }
}

static void read_item(struct option_reader *reader, const struct option *option, const struct node *node,
                      const char *path, char *item)
{
    const char *file = memory_copy(reader->memory, slice_from_string(node->file->name));
    memcpy(item, &node->line, sizeof(int));
    memcpy(item + sizeof file, &file, sizeof file);
    option_read_group(reader, node, node->line, path, option->table, item);
    for (size_t i = 0; i < option->table->count; i++) {
        inherit(reader, option->table, &option->table->rows[i], node->file, item);
    }
}

static bool is_list(struct option_reader *reader, const struct option *option, const struct node *node,
                    const char *path)
{
    if (node->kind == NODE_SEQUENCE || (node->kind == NODE_MAPPING && option->named_by != NULL)) {
        return true;
    }
    option_problem(reader, node->line, path, "found %s, expected a list, each entry behind a \"- \"%s",
                   node_description(node), option->named_by != NULL ? ", or a mapping of their names" : "");
    return false;
}

static void read_list(struct option_reader *reader, const struct option *option, const struct node *node,
                      const char *path, void *target)
{
    const struct node *one = option->table->short_for != NULL && option->named_by == NULL && !node_is_empty(node)
                                 ? form_list_of_one(reader->memory, node)
                                 : NULL;
    node = one != NULL ? one : node;
    if (!is_list(reader, option, node, path) || !count_allowed(reader, option, node, path)) {
        return;
    }
    char *items = memory_take(reader->memory, node->count, option->item_size);
    if (items == NULL || node->count == 0) {
        return;
    }
    memcpy(place_of(option, target), &items, sizeof items);
    memcpy((char *)target + option->count_offset, &node->count, sizeof node->count);
    for (size_t i = 0; i < node->count; i++) {
        char item_path[PATH_LIMIT];
        const struct node *item = node->items[i];
        if (node->kind == NODE_MAPPING) {
            item = form_named_item(reader->memory, option, node->items[i], node->values[i]);
            set_path(item_path, "%s.%.*s", path, (int)node->items[i]->text.len,
                     (const char *)node->items[i]->text.data);
        } else {
            set_path(item_path, "%s[%zu]", path, i);
        }
        if (item != NULL) {
            read_item(reader, option, item, item_path, items + i * option->item_size);
        }
    }
}

void option_read(struct option_reader *reader, const struct option *option, const struct node *node, const char *path,
                 void *target)
{
    switch (option->type) {
    case OPTION_GROUP:
        option_read_group(reader, node, node->line, path, option->table, place_of(option, target));
        break;
    case OPTION_LIST: read_list(reader, option, node, path, target); break;
    case OPTION_PAIRS: texts_read_pairs(reader, option, node, path, place_of(option, target)); break;
    case OPTION_STRINGS: texts_read_list(reader, option, node, path, place_of(option, target)); break;
    case OPTION_SET: texts_read_set(reader, option, node, path, place_of(option, target)); break;
    default: option_read_single(reader, option, node, path, place_of(option, target)); break;
    }
}

/* What may stand there: the key that was meant, all of them if they are few, or where they are listed. */
static void say_keys(const struct node *key, const char *const *names, size_t count, struct buf *out)
{
    const char *nearest = key->kind == NODE_SCALAR ? scalar_nearest(key->text, names, count) : NULL;
    bool torn = key->kind == NODE_SCALAR && key->text.len != 0 && memchr(key->text.data, ')', key->text.len) != NULL;
    if (nearest != NULL) {
        buf_printf(out, "perhaps \"%s\"", nearest);
    } else if (torn || count > FEW_KEYS) {
        buf_printf(out, "a key of docs/configuration.md%s", torn ? "; a type with a comma needs quotes around it" : "");
    } else {
        buf_append_string(out, count == 1 ? "" : "one of ");
        for (size_t i = 0; i < count; i++) {
            buf_printf(out, "%s%s", i == 0 ? "" : ", ", names[i]);
        }
    }
}

static void refuse_key(struct option_reader *reader, const struct node *key, const char *path,
                       const struct option_table *table)
{
    const char *names[ROW_LIMIT];
    for (size_t i = 0; i < table->count; i++) {
        names[i] = table->rows[i].key;
    }
    if (key->kind == NODE_SCALAR && slice_equal(key->text, SLICE("<<"))) {
        option_problem(reader, key->line, path, "found a merge key \"<<\", expected the keys themselves");
        return;
    }
    struct buf found = { 0 };
    if (key->kind == NODE_SCALAR) {
        option_quote(&found, key->text);
    } else {
        buf_append_string(&found, node_description(key));
    }
    buf_append_string(&found, ", expected ");
    say_keys(key, names, table->count, &found);
    option_problem(reader, key->line, path, "found the unknown key %.*s", (int)found.len, found.data);
    buf_release(&found);
}

const struct option *option_find(const struct option_table *table, struct slice key)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        if (option->inherits == INHERITS_NOTHING && slice_equal(key, slice_from_string(option->key))) {
            return option;
        }
    }
    return NULL;
}

static void read_pairs(struct option_reader *reader, const struct node *node, const char *path,
                       const struct option_table *table, void *target, int seen[ROW_LIMIT])
{
    const char *file = reader->file;
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node->items[i];
        reader->file = key->file->name;
        const struct option *option = key->kind == NODE_SCALAR ? option_find(table, key->text) : NULL;
        if (option == NULL) {
            refuse_key(reader, key, path, table);
            continue;
        }
        size_t index = (size_t)(option - table->rows);
        char option_path[PATH_LIMIT];
        join_path(option_path, path, option->key);
        if (seen[index] != 0) {
            option_problem(reader, key->line, option_path,
                           "found the key a second time (first in line %d), expected "
                           "it once",
                           seen[index]);
            continue;
        }
        seen[index] = key->line;
        option_read(reader, option, node->values[i], option_path, target);
    }
    reader->file = file;
}

/* The value of the option's variable; NULL: it has none, or that is not set. */
static const char *environment_value(const struct option_reader *reader, const char *path)
{
    const char *variable = environment_variable(path);
    const char *value = variable != NULL ? reader->lookup(variable) : NULL;
    return value != NULL && *value != '\0' ? value : NULL;
}

/* The environment wins over what the file says, or leaves out. False: it says nothing of this option. */
static bool read_environment(struct option_reader *reader, const struct option *option, const char *path, void *place)
{
    const char *variable = environment_variable(path);
    const char *file = reader->file;
    reader->file = "environment";
    const char *secret = variable != NULL && option->secret ? secret_of_variable(reader, variable) : NULL;
    const char *value = secret != NULL ? secret : environment_value(reader, path);
    if (value != NULL) {
        option_read_scalar(reader, option, 0, variable, slice_from_string(value), place);
    }
    reader->file = file;
    return value != NULL;
}

/* A list that the file leaves empty has one entry if a variable means an option of it. */
static void read_environment_item(struct option_reader *reader, const struct option *option, const char *path,
                                  void *target)
{
    static const size_t one = 1;
    char item_path[PATH_LIMIT];
    char option_path[PATH_LIMIT];
    size_t count;
    memcpy(&count, (char *)target + option->count_offset, sizeof count);
    set_path(item_path, "%s[0]", path);
    for (size_t i = 0; count == 0 && i < option->table->count; i++) {
        join_path(option_path, item_path, option->table->rows[i].key);
        if (environment_value(reader, option_path) != NULL) {
            void *item = memory_take(reader->memory, one, option->item_size);
            if (item != NULL) {
                memcpy(place_of(option, target), &item, sizeof item);
                memcpy((char *)target + option->count_offset, &one, sizeof one);
                option_read_group(reader, NULL, 0, item_path, option->table, item);
            }
            return;
        }
    }
}

void option_read_group(struct option_reader *reader, const struct node *node, int line, const char *path,
                       const struct option_table *table, void *target)
{
    int seen[ROW_LIMIT] = { 0 }; /* the line of each row's key, 0: not given */
    char option_path[PATH_LIMIT];
    for (size_t i = 0; i < table->count; i++) {
        join_path(option_path, path, table->rows[i].key);
        set_default(reader, &table->rows[i], option_path, place_of(&table->rows[i], target));
    }
    if (!node_is_empty(node)) {
        bool is_short = node->kind != NODE_MAPPING && table->short_for != NULL;
        const struct node *mapping = is_short ? form_short(reader->memory, table, node) : node;
        if (mapping == NULL || mapping->kind != NODE_MAPPING) {
            option_problem(reader, line, path, "found %s, expected a mapping of keys", node_description(node));
            return;
        }
        read_pairs(reader, mapping, path, table, target, seen);
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->rows[i];
        join_path(option_path, path, option->key);
        if (option->type == OPTION_LIST) {
            read_environment_item(reader, option, option_path, target);
        }
        if (!read_environment(reader, option, option_path, place_of(option, target)) && option->required &&
            seen[i] == 0) {
            option_problem(reader, line, option_path, "found nothing, expected it to be given");
        }
    }
}
