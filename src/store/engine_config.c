/* Turns a file for the engine into what is wrong with it. */
#include "store/engine_config.h"

#include "config/include.h"
#include "config/yaml/document.h"
#include "config/yaml/memory.h"

#define DEEPEST 64

struct xml {
    struct slice rest;
    int line;
    struct slice open[DEEPEST]; /* names of the elements around */
    size_t depth;
    size_t roots;
};

static void step(struct xml *xml, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        xml->line += xml->rest.data[i] == '\n';
    }
    xml->rest = slice_after(xml->rest, length);
}

/* <!-- … -->, <![CDATA[ … ]]>, <? … ?>, <!DOCTYPE … >: its length, 0 if it does not end. SIZE_MAX: it is none of them. */
static size_t aside_length(struct slice text)
{
    static const struct {
        struct slice begin, end;
    } kinds[] = { { { "<!--", 4 }, { "-->", 3 } },
                  { { "<![CDATA[", 9 }, { "]]>", 3 } },
                  { { "<?", 2 }, { "?>", 2 } },
                  { { "<!", 2 }, { ">", 1 } } };
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (slice_starts_with(text, kinds[i].begin)) {
            size_t begin = kinds[i].begin.len;
            const char *end = memmem(text.data + begin, text.len - begin, kinds[i].end.data, kinds[i].end.len);
            return end == NULL ? 0 : (size_t)(end - text.data) + kinds[i].end.len;
        }
    }
    return SIZE_MAX;
}

/* The length of a tag with its attributes; 0: it does not end. */
static size_t tag_length(struct slice text)
{
    char quote = '\0';
    for (size_t i = 1; i < text.len; i++) {
        char c = text.data[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '>') {
            return i + 1;
        } else if (c == '<') {
            return 0;
        }
    }
    return 0;
}

static struct slice name_in(struct slice tag, size_t from)
{
    size_t end = from;
    while (end < tag.len && strchr(" \t\r\n/>", tag.data[end]) == NULL) {
        end++;
    }
    return slice_make(tag.data + from, end - from);
}

/* False: it ends what is not open, or it is no tag. */
static bool take_tag(struct xml *xml, struct slice tag)
{
    if (tag.len < 3) {
        return false;
    }
    if (tag.data[1] == '/') {
        return xml->depth != 0 && slice_equal(xml->open[--xml->depth], name_in(tag, 2));
    }
    struct slice name = name_in(tag, 1);
    xml->roots += xml->depth == 0;
    if (tag.data[tag.len - 2] == '/') {
        return name.len != 0;
    }
    bool room = xml->depth < DEEPEST;
    if (room) {
        xml->open[xml->depth++] = name;
    }
    return room && name.len != 0;
}

/* Text between tags: none stands outside of the root. */
static bool take_text(struct xml *xml)
{
    bool blank = (uint8_t)xml->rest.data[0] <= ' ';
    step(xml, 1);
    return blank || xml->depth != 0;
}

bool engine_config_is_xml(struct slice text, int *line)
{
    struct xml xml = { .rest = text, .line = 1 };
    bool fine = true;
    while (fine && xml.rest.len != 0) {
        *line = xml.line;
        if (xml.rest.data[0] != '<') {
            fine = take_text(&xml);
            continue;
        }
        size_t length = aside_length(xml.rest);
        bool is_tag = length == SIZE_MAX;
        length = is_tag ? tag_length(xml.rest) : length;
        fine = length != 0 && (!is_tag || take_tag(&xml, slice_make(xml.rest.data, length)));
        step(&xml, length);
    }
    *line = fine ? xml.line : *line;
    return fine && xml.depth == 0 && xml.roots == 1;
}

static bool is_yaml(const char *path, struct slice text, struct buf *problem)
{
    struct config_memory *memory = memory_new();
    const struct node_file file = { .name = path, .scope = "", .prefix = "" };
    const struct node *root = NULL;
    bool fine = memory != NULL && document_read(memory, &file, text, &root, problem);
    if (fine && (root == NULL || root->kind != NODE_MAPPING)) {
        buf_printf(problem, "%s: found no mapping, expected the engine's configuration\n", path);
        fine = false;
    }
    memory_free(memory);
    return fine;
}

static bool ends_in(const char *path, const char *end)
{
    size_t length = strlen(path), tail = strlen(end);
    return length >= tail && strcmp(path + length - tail, end) == 0;
}

bool engine_config_check(const char *path, struct buf *problem)
{
    struct buf text = { 0 };
    int line = 1;
    bool fine = include_read_file(path, INCLUDE_FILE_LIMIT, &text, problem);
    if (fine && (ends_in(path, ".yaml") || ends_in(path, ".yml"))) {
        fine = is_yaml(path, buf_slice(&text), problem);
    } else if (fine && !ends_in(path, ".xml")) {
        buf_printf(problem, "%s: found another ending, expected a file of .xml, .yaml or .yml: the engine goes by it\n",
                   path);
        fine = false;
    } else if (fine && !engine_config_is_xml(buf_slice(&text), &line)) {
        buf_printf(problem, "%s:%d: found no XML that is well-formed, expected <clickhouse> … </clickhouse>\n", path,
                   line);
        fine = false;
    }
    buf_release(&text);
    return fine;
}
