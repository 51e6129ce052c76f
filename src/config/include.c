/* Turns a document and those that it includes into one. */
#include "config/include.h"

#include "config/merge.h"
#include "config/options/include_options.h"

#include <errno.h>
#include <stdio.h>

struct include_list {
    struct include_options *items;
    size_t count;
};

struct joining {
    struct option_reader *reader;
    struct config_memory *nodes;
    struct buf *text;
    int depth;
};

/* One byte more than may be, so that a larger file is seen to be one. */
static bool read_stream(FILE *file, size_t limit, struct buf *text)
{
    size_t before = text->len;
    if (!buf_reserve(text, limit + 1)) {
        return false;
    }
    text->len += fread(text->data + before, 1, limit + 1, file);
    return ferror(file) == 0;
}

bool include_read_file(const char *path, size_t limit, struct buf *text, struct buf *problems)
{
    size_t before = text->len;
    FILE *file = fopen(path, "rbe");
    bool whole = file != NULL && read_stream(file, limit, text);
    if (!whole) {
        buf_printf(problems, "%s: cannot be read: %s\n", path, strerror(errno));
    } else if (text->len - before > limit) {
        buf_printf(problems, "%s: found more than %zu bytes, expected a file of at most that\n", path, limit);
        whole = false;
    }
    if (file != NULL) {
        fclose(file);
    }
    return whole;
}

const char *include_beside(struct config_memory *memory, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || slash == NULL) {
        return path;
    }
    const char *folder = memory_copy(memory, slice_make(file, (size_t)(slash - file) + 1));
    return memory_join(memory, folder, path);
}

/* What is said of the file where it is included, and of the files around it. */
static const struct node_file *file_of(const struct joining *joining, const struct include_options *include,
                                       const struct node_file *around)
{
    struct node_file *file = memory_take(joining->nodes, 1, sizeof *file);
    if (file == NULL) {
        return NULL;
    }
    file->name = include_beside(joining->nodes, include->file, include->path);
    file->scope = memory_join(joining->nodes, around->scope, include->names);
    file->prefix = memory_join(joining->nodes, around->prefix, include->prefix);
    file->hosts = include->hosts.count != 0 ? &include->hosts : around->hosts;
    return file->name != NULL && file->scope != NULL && file->prefix != NULL ? file : NULL;
}

static bool join_includes(const struct joining *joining, const struct node_file *file, const struct node **root);

static bool read_included(const struct joining *joining, const struct include_options *include,
                          const struct node_file *around, const struct node **root)
{
    struct option_reader *reader = joining->reader;
    const struct node_file *file = file_of(joining, include, around);
    size_t before = joining->text->len;
    *root = NULL;
    if (file == NULL) {
        return false; /* told with all else that memory was short for */
    }
    if (joining->depth == INCLUDE_DEPTH) {
        option_problem(reader, include->line, "include",
                       "found a file included by a file included by …, expected at most %d such steps", INCLUDE_DEPTH);
        return false;
    }
    if (!include_read_file(file->name, INCLUDE_FILE_LIMIT, joining->text, reader->problems)) {
        option_problem(reader, include->line, "include", "found \"%s\", expected a file that can be read",
                       include->path);
        return false;
    }
    struct slice text = slice_after(buf_slice(joining->text), before);
    struct joining inner = *joining;
    inner.depth++;
    return document_read(joining->nodes, file, text, root, reader->problems) && join_includes(&inner, file, root);
}

static bool prefix_is_valid(struct option_reader *reader, const struct include_options *include)
{
    size_t len = strlen(include->prefix);
    if (len == 0 || (include->prefix[0] == '/' && include->prefix[len - 1] != '/')) {
        return true;
    }
    option_problem(reader, include->line, "include.prefix", "found \"%s\", expected the beginning of a path: \"/shop\"",
                   include->prefix);
    return false;
}

/* Joins the files that *root, of `file`, includes. */
static bool join_all(const struct joining *joining, const struct include_list *said, const struct node_file *file,
                     const struct node **root)
{
    const struct merge merge = { joining->reader, joining->nodes, .own = file };
    bool whole = true;
    for (size_t i = 0; i < said->count; i++) {
        const struct include_options *include = &said->items[i];
        const struct node *included = NULL;
        whole = prefix_is_valid(joining->reader, include) && read_included(joining, include, file, &included) && whole;
        *root = merge_roots(&merge, *root, included);
    }
    return whole;
}

static bool join_includes(const struct joining *joining, const struct node_file *file, const struct node **root)
{
    struct option option = *option_find(&option_sections, SLICE("include"));
    const struct node *node = *root != NULL ? node_member(*root, option.key) : NULL;
    option.offset = offsetof(struct include_list, items);
    option.count_offset = offsetof(struct include_list, count);
    struct include_list said = { 0 };
    if (node == NULL) {
        return true;
    }
    struct option_reader *reader = joining->reader;
    const char *name = reader->file;
    size_t before = reader->problems->len;
    reader->file = file->name;
    option_read(reader, &option, node, option.key, &said);
    bool whole = reader->problems->len == before && join_all(joining, &said, file, root);
    reader->file = name;
    return whole;
}

bool include_join(struct option_reader *reader, struct config_memory *nodes, const struct node **root, struct buf *text)
{
    struct joining joining = { .reader = reader, .nodes = nodes, .text = text };
    return *root == NULL || join_includes(&joining, (*root)->file, root);
}
