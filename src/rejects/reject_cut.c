/* Turns a parsed event into what is left of it without what is personal. */
#include "rejects/reject_cut.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/path.h"
#include "event/personal.h"
#include "event/stream.h"
#include "pipeline/validate/json_write.h"
#include "rejects/reject_rules.h"

#define MOST_LISTED 50
#define LONGEST_PATH 200

static void write_object(struct reject_cut *cut, json_at at, const struct path_node *node);
static bool write_field(struct reject_cut *cut, json_at at, const struct column_spec *spec);

void reject_cut_release(struct reject_cut *cut)
{
    buf_release(&cut->out);
    buf_release(&cut->paths);
    buf_release(&cut->path);
}

void reject_cut_begin(struct reject_cut *cut, const struct reject_rules *rules, const struct stream *stream,
                      const char *fault)
{
    buf_clear(&cut->out);
    buf_clear(&cut->paths);
    buf_clear(&cut->path);
    cut->rules = rules;
    cut->stream = stream;
    cut->fault = fault;
    cut->cut = cut->listed = 0;
    cut->fault_cut = false;
}

void reject_cut_note(struct reject_cut *cut, struct slice path)
{
    cut->cut++;
    if (cut->listed == MOST_LISTED) {
        return;
    }
    path.len = path.len < LONGEST_PATH ? path.len : LONGEST_PATH;
    path.len -= utf8_unfinished(path);
    buf_append_string(&cut->paths, cut->listed == 0 ? "" : ",");
    buf_append_json_string(&cut->paths, personal_text(path) ? SLICE("(a name)") : path);
    cut->listed++;
}

static void write_whole(struct reject_cut *cut, json_at at)
{
    struct buf path = { 0 };
    struct json_extent extent;
    if (json_write(cut->document, at, false, &cut->out, &path, &extent) != OK) {
        cut->out.failed = true;
    }
    buf_release(&path);
}

static bool is_plain(char type)
{
    return type == 't' || type == 'f' || type == 'n';
}

/* Texts of fields that take other things look like numbers, as times do. */
static bool is_personal_text(const struct column_spec *spec, struct slice text)
{
    enum kind_family family = kind_family(spec->type.kind);
    return family == FAMILY_TEXT || family == FAMILY_OTHER ? personal_text(text) : personal_address(text);
}

/* Whatever its values are. */
static bool is_personal_field(const struct column_spec *spec)
{
    return spec->options->anonymize || spec->type.kind == KIND_IPV4 || spec->type.kind == KIND_IPV6;
}

static void drop(struct reject_cut *cut, const struct column_spec *spec)
{
    cut->fault_cut = cut->fault_cut || (spec != NULL && strcmp(spec->name, cut->fault) == 0);
    reject_cut_note(cut, buf_slice(&cut->path));
}

/* Items that are dropped leave no gap. */
static void write_items(struct reject_cut *cut, json_at at, const struct path_node *items,
                        const struct column_spec *spec)
{
    const struct json_document *document = cut->document;
    bool first = true;
    buf_append_byte(&cut->out, '[');
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
        size_t before = cut->out.len;
        bool written = true;
        buf_append_string(&cut->out, first ? "" : ",");
        if (items != NULL && json_type(document, m) == '{') {
            write_object(cut, m, items);
        } else {
            written = spec != NULL ? write_field(cut, m, spec) : is_plain(json_type(document, m));
            if (written && spec == NULL) {
                write_whole(cut, m);
            }
        }
        if (!written) {
            cut->out.len = before;
            drop(cut, spec);
        }
        first = first && !written;
    }
    buf_append_byte(&cut->out, ']');
}

/* A value of a column. False: it is to be cut, and nothing was written. */
static bool write_field(struct reject_cut *cut, json_at at, const struct column_spec *spec)
{
    char type = json_type(cut->document, at);
    if (type != 'n' && is_personal_field(spec)) {
        return false;
    }
    if (type == '{') {
        write_object(cut, at, NULL);
        return true;
    }
    if (type == '[') {
        write_items(cut, at, NULL, spec);
        return true;
    }
    if (type == '"' && is_personal_text(spec, json_string(cut->document, at))) {
        return false;
    }
    write_whole(cut, at);
    return true;
}

/* A value that `node` stands for; NULL: nobody reads it. False: it is to be cut. */
static bool write_value(struct reject_cut *cut, json_at at, const struct path_node *node,
                        const struct column_spec *spec)
{
    char type = json_type(cut->document, at);
    if (type == '{' && node != NULL && node->child_count != 0) {
        write_object(cut, at, node);
        return true;
    }
    if (type == '[' && node != NULL && node->array != NULL) {
        const struct path_node *items = node->array;
        write_items(cut, at, items, items->column >= 0 ? &cut->stream->columns[items->column] : NULL);
        return true;
    }
    if (spec != NULL) {
        return write_field(cut, at, spec);
    }
    if (is_plain(type)) {
        write_whole(cut, at);
    }
    return is_plain(type);
}

/* False: it is to be cut. */
static bool write_member(struct reject_cut *cut, json_at key, const struct path_node *child)
{
    bool column = child != NULL && child->column >= 0 && (size_t)child->column < cut->stream->column_count;
    const struct column_spec *spec = column ? &cut->stream->columns[child->column] : NULL;
    struct slice name = json_string(cut->document, key);
    enum reject_named named =
        reject_rules_judge(cut->rules, name, buf_slice(&cut->path), spec != NULL ? spec->name : "");
    size_t before = cut->out.len;
    buf_append_json_string(&cut->out, name);
    buf_append_byte(&cut->out, ':');
    bool written = true;
    if (named == NAMED_SHOWN || json_type(cut->document, key + 1) == 'n') {
        write_whole(cut, key + 1);
    } else {
        written = named == NAMED_NOTHING && write_value(cut, key + 1, child, spec);
    }
    if (!written) {
        cut->out.len = before;
        drop(cut, spec);
    }
    return written;
}

/* Recursion is bounded by JSON_MAX_DEPTH. */
static void write_object(struct reject_cut *cut, json_at at, const struct path_node *node)
{
    const struct json_document *document = cut->document;
    size_t outer = cut->path.len;
    bool first = true;
    ASSERT_EQUAL(json_type(document, at), '{');
    buf_append_byte(&cut->out, '{');
    for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        struct slice name = json_string(document, m);
        size_t before = cut->out.len;
        buf_append_string(&cut->path, outer == 0 ? "" : ".");
        buf_append_slice(&cut->path, name);
        buf_append_string(&cut->out, first ? "" : ",");
        const struct path_node *child = node != NULL ? path_child(node, name.data, name.len) : NULL;
        if (write_member(cut, m, child)) {
            first = false;
        } else {
            cut->out.len = before;
        }
        cut->path.len = outer;
    }
    buf_append_byte(&cut->out, '}');
}

void reject_cut_object(struct reject_cut *cut, const struct json_document *document, json_at at,
                       const struct path_node *node, struct slice prefix)
{
    cut->document = document;
    buf_clear(&cut->path);
    buf_append_slice(&cut->path, prefix);
    write_object(cut, at, node);
}
