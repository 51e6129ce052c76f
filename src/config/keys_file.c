/* Turns a file of keys into more keys of a configuration. */
#include "config/keys_file.h"

#include "config/include.h"
#include "config/option_read.h"
#include "config/options/access_options.h"
#include "config/tables/option_table.h"
#include "config/yaml/document.h"
#include "config/yaml/memory.h"

#define FILE_LIMIT ((size_t)4 * 1024 * 1024) /* ACCESS_KEYS_MAX keys take less */

/* A list, or what stands behind the one key `keys:`, as the configuration itself has it. */
static const struct node *list_of(const struct node *root, const struct option *option)
{
    const struct node *inside = node_member(root, option->key);
    return inside != NULL && root->count == 1 ? inside : root;
}

static void append(struct option_reader *reader, const struct key_list *said, struct key_list *list)
{
    size_t count = list->count + said->count;
    struct key_options *keys = memory_take(reader->memory, count, sizeof *keys);
    if (count > ACCESS_KEYS_MAX) {
        option_problem(reader, 0, "keys", "found %zu keys in all, expected at most %d", count, ACCESS_KEYS_MAX);
    } else if (keys != NULL) {
        if (list->count != 0) {
            memcpy(keys, list->keys, list->count * sizeof *keys);
        }
        memcpy(keys + list->count, said->keys, said->count * sizeof *keys);
        *list = (struct key_list){ keys, count };
    }
}

static void read_keys(struct option_reader *reader, const struct node *root, struct key_list *list)
{
    struct option option = *option_find(&option_sections, SLICE("keys"));
    struct key_list said = { 0 };
    size_t before = reader->problems->len;
    option.offset = offsetof(struct key_list, keys);
    option.count_offset = offsetof(struct key_list, count);
    if (root != NULL) {
        option_read(reader, &option, list_of(root, &option), option.key, &said);
    }
    if (said.count != 0) {
        append(reader, &said, list);
    } else if (reader->problems->len == before) {
        option_problem(reader, 0, option.key, "found no key, expected one or more: without keys everybody may come in");
    }
}

/* `sluice key new` prints the key before its lines: whoever appends all of that has put a secret there. False, with a problem. */
static bool holds_no_key(struct option_reader *reader, struct slice text)
{
    struct slice line;
    for (int number = 1; slice_split(&text, '\n', &line); number++) {
        if (line.len > 4 && memcmp(line.data, "sl", 2) == 0 && strchr("wra", line.data[2]) != NULL &&
            line.data[3] == '_') {
            option_problem(reader, number, "keys",
                           "found a key itself, expected what stands behind it, from \"- name:\" on; delete this line");
            return false;
        }
    }
    return true;
}

void settle_keys(struct option_reader *reader, const char *path, struct key_list *list)
{
    if (*path == '\0') {
        return;
    }
    struct config_memory *nodes = memory_new();
    struct buf text = { 0 };
    const char *around = reader->file;
    const struct node *root;
    if (nodes == NULL) {
        option_problem(reader, 0, "keys_file", "out of memory");
        return;
    }
    const struct node_file file = { .name = include_beside(reader->memory, around, path), .scope = "", .prefix = "" };
    if (file.name != NULL && include_read_file(file.name, FILE_LIMIT, &text, reader->problems)) {
        reader->file = file.name;
        if (holds_no_key(reader, buf_slice(&text)) &&
            document_read(nodes, &file, buf_slice(&text), &root, reader->problems)) {
            read_keys(reader, root, list);
        }
        reader->file = around;
    }
    memory_free(nodes);
    buf_release(&text);
}
