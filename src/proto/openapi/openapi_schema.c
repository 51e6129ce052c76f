/* Turns the tree of a stream's paths into a JSON Schema. */
#include "proto/openapi/openapi_schema.h"

#include "base/assert.h"
#include "config/options/stream_options.h"
#include "event/column.h"
#include "event/path.h"
#include "event/stream.h"
#include "proto/openapi/json_out.h"
#include "proto/openapi/openapi_column.h"

#include <stdlib.h>

/* The first column that a node leads to, and among alternatives the one that wins: the order in which members are written. */
static int64_t order_of(const struct path_node *node)
{
    int64_t first = node->column < 0 ? INT64_MAX : (int64_t)node->column << 16 | node->rank;
    for (size_t i = 0; i < node->child_slots; i++) {
        if (node->children[i] != NULL) {
            int64_t order = order_of(node->children[i]);
            first = order < first ? order : first;
        }
    }
    if (node->array != NULL) {
        int64_t order = order_of(node->array);
        first = order < first ? order : first;
    }
    return first;
}

static bool leads_to(const struct path_node *node, int column)
{
    if (node->column == column || (node->array != NULL && leads_to(node->array, column))) {
        return true;
    }
    for (size_t i = 0; i < node->child_slots; i++) {
        if (node->children[i] != NULL && leads_to(node->children[i], column)) {
            return true;
        }
    }
    return false;
}

struct child {
    const struct path_node *node;
    int64_t order;
};

static int compare(const void *a, const void *b)
{
    const struct child *left = a, *right = b;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* The children that lead to a column, in order; the caller frees them. NULL: none, or memory is short. */
static struct child *sorted_children(const struct path_node *node, size_t *count, struct buf *out)
{
    struct child *children = calloc(node->child_count + 1, sizeof *children);
    *count = 0;
    out->failed |= children == NULL;
    for (size_t i = 0; children != NULL && i < node->child_slots; i++) {
        int64_t order = node->children[i] == NULL ? INT64_MAX : order_of(node->children[i]);
        if (order != INT64_MAX) {
            children[(*count)++] = (struct child){ node->children[i], order };
        }
    }
    if (children != NULL) {
        qsort(children, *count, sizeof *children, compare);
    }
    return children;
}

/* How many of them lead to the column. */
static size_t ways_to(const struct child *children, size_t count, int column)
{
    size_t ways = 0;
    for (size_t i = 0; i < count; i++) {
        ways += leads_to(children[i].node, column);
    }
    return ways;
}

/* Has each event with a value of every required column this member? */
static bool is_required(const struct stream *stream, const struct child *children, size_t count,
                        const struct path_node *node)
{
    for (size_t c = 0; c < stream->column_count; c++) {
        if (stream->columns[c].required && leads_to(node, (int)c) && ways_to(children, count, (int)c) == 1) {
            return true;
        }
    }
    return false;
}

typedef bool comes_elsewhere(const void *context, struct slice member);

static bool comes_in_the_body(const void *context, struct slice member)
{
    (void)context, (void)member;
    return false;
}

static void write_required(struct buf *out, const struct stream *stream, const struct child *children, size_t count,
                           comes_elsewhere *elsewhere, const void *context)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (is_required(stream, children, count, children[i].node) && !elsewhere(context, children[i].node->key)) {
            if (!any) {
                json_out_open(out, "required", '[');
            }
            any = true;
            json_out_text(out, NULL, children[i].node->key);
        }
    }
    if (any) {
        json_out_close(out, ']');
    }
}

/* Of a required column that several members may give, one must be there. */
static void write_alternatives(struct buf *out, const struct stream *stream, const struct child *children, size_t count)
{
    bool any = false;
    for (size_t c = 0; c < stream->column_count; c++) {
        if (!stream->columns[c].required || ways_to(children, count, (int)c) < 2) {
            continue;
        }
        if (!any) {
            json_out_open(out, "allOf", '[');
        }
        any = true;
        json_out_open(out, NULL, '{');
        json_out_open(out, "anyOf", '[');
        for (size_t i = 0; i < count; i++) {
            if (leads_to(children[i].node, (int)c)) {
                json_out_open(out, NULL, '{');
                json_out_open(out, "required", '[');
                json_out_text(out, NULL, children[i].node->key);
                json_out_close(out, ']');
                json_out_close(out, '}');
            }
        }
        json_out_close(out, ']');
        json_out_close(out, '}');
    }
    if (any) {
        json_out_close(out, ']');
    }
}

static void write_node(struct buf *out, struct slice key, const struct stream *stream, const struct path_node *node,
                       bool in_array, bool whole);

/* The members of an object's schema. `whole`: what is required of it is said. */
static void write_object(struct buf *out, const struct stream *stream, const struct path_node *node, bool in_array,
                         bool whole)
{
    size_t count;
    struct child *children = sorted_children(node, &count, out);
    json_out_string(out, "type", "object");
    if (children == NULL || count == 0) {
        free(children);
        return;
    }
    json_out_open(out, "properties", '{');
    for (size_t i = 0; i < count; i++) {
        bool sole = whole && is_required(stream, children, count, children[i].node);
        write_node(out, children[i].node->key, stream, children[i].node, in_array, sole);
    }
    json_out_close(out, '}');
    if (whole && !in_array) {
        write_required(out, stream, children, count, comes_in_the_body, NULL);
        write_alternatives(out, stream, children, count);
    }
    free(children);
}

static void write_node(struct buf *out, struct slice key, const struct stream *stream, const struct path_node *node,
                       bool in_array, bool whole)
{
    ASSERT(node->column < (int)stream->column_count);
    json_out_key(out, key);
    json_out_open(out, NULL, '{');
    if (node->array != NULL && node->column < 0) {
        json_out_string(out, "type", "array");
        write_node(out, SLICE("items"), stream, node->array, true, whole);
    } else if (node->child_count != 0) {
        write_object(out, stream, node, in_array, whole);
    } else if (node->column >= 0) {
        openapi_column_schema(out, &stream->columns[node->column], in_array);
    }
    json_out_close(out, '}');
}

void openapi_schema_event(struct buf *out, const char *key, const struct stream *stream, bool whole)
{
    json_out_open(out, key, '{');
    write_object(out, stream, stream->paths, false, whole);
    if (stream->options->unknown_fields == UNKNOWN_REJECT) {
        json_out_bool(out, "additionalProperties", false);
    }
    json_out_close(out, '}');
}

void openapi_schema_required(struct buf *out, const struct stream *stream, comes_elsewhere *elsewhere,
                             const void *context)
{
    size_t count;
    struct child *children = sorted_children(stream->paths, &count, out);
    if (children != NULL) {
        write_required(out, stream, children, count, elsewhere, context);
    }
    free(children);
}

void openapi_schema_member(struct buf *out, const char *key, const struct stream *stream, struct slice path)
{
    const struct path_node *node = stream == NULL ? NULL : stream->paths;
    struct slice step;
    while (node != NULL && slice_split(&path, '.', &step)) {
        node = path_child(node, step.data, step.len);
    }
    json_out_open(out, key, '{');
    if (node != NULL && node->column >= 0) {
        openapi_column_schema(out, &stream->columns[node->column], false);
    } else {
        json_out_string(out, "type", "string");
    }
    json_out_close(out, '}');
}

static void write_example(struct buf *out, const struct stream *stream, const struct path_node *node,
                          int64_t now_wall_ns);

/* The member by which required columns come, the first of alternatives; of a stream that requires nothing its first. */
static bool is_in_example(const struct stream *stream, const struct child *children, size_t at)
{
    bool requires = false;
    for (size_t c = 0; c < stream->column_count; c++) {
        requires = requires || stream->columns[c].required;
        if (stream->columns[c].required && leads_to(children[at].node, (int)c) && ways_to(children, at, (int)c) == 0) {
            return true;
        }
    }
    return !requires && at == 0;
}

static void write_example_value(struct buf *out, const struct stream *stream, const struct path_node *node,
                                int64_t now_wall_ns)
{
    if (node->array != NULL && node->column < 0) {
        json_out_open(out, NULL, '[');
        if (node->array->child_count == 0 && node->array->column >= 0) {
            openapi_column_example(out, &stream->columns[node->array->column], true, now_wall_ns);
        } else {
            write_example(out, stream, node->array, now_wall_ns);
        }
        json_out_close(out, ']');
    } else if (node->child_count != 0) {
        write_example(out, stream, node, now_wall_ns);
    } else {
        openapi_column_example(out, &stream->columns[node->column], false, now_wall_ns);
    }
}

static void write_example(struct buf *out, const struct stream *stream, const struct path_node *node,
                          int64_t now_wall_ns)
{
    size_t count;
    struct child *children = sorted_children(node, &count, out);
    json_out_open(out, NULL, '{');
    for (size_t i = 0; children != NULL && i < count; i++) {
        if (is_in_example(stream, children, i)) {
            json_out_key(out, children[i].node->key);
            write_example_value(out, stream, children[i].node, now_wall_ns);
        }
    }
    json_out_close(out, '}');
    free(children);
}

void openapi_schema_example(struct buf *out, const char *key, const struct stream *stream, int64_t now_wall_ns)
{
    if (key != NULL) {
        json_out_key(out, slice_from_string(key));
    }
    write_example(out, stream, stream->paths, now_wall_ns);
}
