/* Turns an event and the values of its request into one event. */
#include "pipeline/payload/payload_merge.h"

#include "base/utf8.h"
#include "event/stream.h"
#include "pipeline/payload/payload_shape.h"
#include "pipeline/payload/request_values.h"
#include "pipeline/payload/value_text.h"
#include "pipeline/payload/value_tree.h"

#include <stdlib.h>

/* Memory that is kept from payload to payload. */
#define MERGE_KEPT ((size_t)256 << 10)

/* Invariant, from begin on: the strings of `merged` begin with those of `values`, so that values are copied without theirs. */
struct payload_merge {
    const struct merge_terms *terms;
    struct json_tape values; /* their keys and values, one behind the other */
    struct json_tape merged;
    struct value_writer writer;
    struct buf texts;    /* struct value_text */
    struct buf repaired; /* texts that were no UTF-8; has room for all of them, so that none moves */
    struct value_tree tree;
};

struct payload_merge *payload_merge_new(void)
{
    struct payload_merge *merge = calloc(1, sizeof *merge);
    if (merge == NULL) {
        return NULL;
    }
    merge->writer.parser = json_parser_new();
    merge->writer.out = &merge->values;
    if (merge->writer.parser == NULL) {
        free(merge);
        return NULL;
    }
    return merge;
}

void payload_merge_free(struct payload_merge *merge)
{
    if (merge != NULL) {
        json_parser_free(merge->writer.parser);
        json_repair_release(&merge->writer.repair);
        buf_release(&merge->writer.padded);
        json_tape_release(&merge->values);
        json_tape_release(&merge->merged);
        buf_release(&merge->texts);
        buf_release(&merge->repaired);
        free(merge);
    }
}

void payload_merge_shed(struct payload_merge *merge)
{
    (void)json_parser_shed(merge->writer.parser);
    json_tape_shed(&merge->values, MERGE_KEPT);
    json_tape_shed(&merge->merged, MERGE_KEPT);
    buf_shed(&merge->writer.padded, MERGE_KEPT);
    buf_shed(&merge->writer.repair.text, MERGE_KEPT);
    buf_shed(&merge->repaired, MERGE_KEPT);
}

static enum error RARE too_many(struct buf *detail)
{
    buf_printf(detail, "the request has more than %d names of values", VALUE_NODES_MAX);
    return ERROR_BAD_ARGUMENT;
}

/* A member with a value that is JSON already. */
static enum error put_json(struct payload_merge *merge, uint32_t parent, struct slice keys, bool wins,
                           const struct json_document *document, json_at at, struct buf *detail)
{
    uint32_t leaf = value_tree_leaf(&merge->tree, parent, keys);
    if (leaf == 0) {
        return too_many(detail);
    }
    struct value_node *node = &merge->tree.nodes[leaf];
    node->texts = node->first_text = node->last_text = 0;
    node->wins = wins;
    node->at = json_tape_end(&merge->values);
    json_tape_copy(&merge->values, document, at);
    return OK;
}

/* Members beside the events. Those of an event's own name are the lowest of all values, so they come first. */
static enum error put_envelope(struct payload_merge *merge, struct buf *detail)
{
    const struct merge_terms *terms = merge->terms;
    const struct json_document *around = terms->around;
    const struct path_node *place = path_source_node(terms->stream->paths, PATH_OF_ENVELOPE);
    enum error error = OK;
    if (json_type(around, JSON_ROOT) != '{') {
        return OK;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(around, m) && error == OK; m = json_skip(around, m + 1)) {
        struct slice key = json_string(around, m);
        for (size_t i = 0; terms->shape != NULL && i < terms->shape->envelope_count && error == OK; i++) {
            if (slice_equal(key, terms->shape->envelope[i]) && json_type(around, m + 1) != 'n') {
                error = put_json(merge, VALUE_ROOT, terms->shape->envelope[i], false, around, m + 1, detail);
            }
        }
        const struct path_node *child = place != NULL ? path_child(place, key.data, key.len) : NULL;
        if (child != NULL && error == OK && json_type(around, m + 1) != 'n') {
            uint32_t source = value_tree_source(&merge->tree, PATH_OF_ENVELOPE);
            error = put_json(merge, source, child->key, true, around, m + 1, detail);
        }
    }
    return error;
}

/* What is no UTF-8 becomes U+FFFD, or is refused. */
static enum error make_text(struct payload_merge *merge, struct slice key, struct slice *text, uint64_t *repaired,
                            struct buf *detail)
{
    if (json_is_utf8(*text)) {
        return OK;
    }
    if (!merge->terms->repairs) {
        buf_append_string(detail, "the value of \"");
        utf8_append_repaired(detail, slice_make(key.data, key.len < 64 ? key.len : 64));
        buf_append_string(detail, "\" is not valid UTF-8");
        return ERROR_INVALID_UTF8;
    }
    size_t at = merge->repaired.len;
    utf8_append_repaired(&merge->repaired, *text);
    if (merge->repaired.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    *text = slice_after(buf_slice(&merge->repaired), at);
    *repaired += 1;
    return OK;
}

static bool add_text(struct payload_merge *merge, struct value_node *node, struct slice text)
{
    const struct value_text added = { .text = text };
    buf_append(&merge->texts, &added, sizeof added);
    if (merge->texts.failed) {
        return false;
    }
    struct value_text *texts = (struct value_text *)(void *)merge->texts.data;
    uint32_t index = (uint32_t)(merge->texts.len / sizeof *texts);
    if (node->texts++ != 0) {
        texts[node->last_text - 1].next = index;
    } else {
        node->first_text = index;
    }
    node->last_text = index;
    return true;
}

static enum error put_text(struct payload_merge *merge, uint32_t parent, const struct path_node *place,
                           const struct request_value *value, uint64_t *repaired, struct buf *detail)
{
    struct slice key = value->key, text = value->text;
    if (text.len == 0 && !value_takes_empty(merge->terms->stream, path_find(place, key))) {
        return OK;
    }
    enum error error = make_text(merge, key, &key, repaired, detail); /* so that no key is that of a source, either */
    error = error == OK ? make_text(merge, key, &text, repaired, detail) : error;
    if (error != OK) {
        return error;
    }
    uint32_t leaf = value_tree_leaf(&merge->tree, parent, key);
    if (leaf == 0) {
        return too_many(detail);
    }
    struct value_node *node = &merge->tree.nodes[leaf];
    if (node->group != value->group || node->texts == 0) {
        node->texts = node->first_text = node->last_text = 0;
    }
    node->group = value->group;
    node->wins = value->wins;
    return add_text(merge, node, text) ? OK : ERROR_OUT_OF_MEMORY;
}

/* The members of an object that stands in a value. */
static enum error put_object(struct payload_merge *merge, const struct request_value *value, struct buf *detail)
{
    struct json_document document;
    enum error error = value_parse(&merge->writer, value->text, &document);
    if (error == ERROR_OUT_OF_MEMORY) {
        return error;
    }
    if (error != OK || json_type(&document, JSON_ROOT) != '{') {
        buf_append_slice(detail, value->key);
        buf_append_string(detail, " does not hold a JSON object");
        return ERROR_BAD_ARGUMENT;
    }
    for (json_at m = json_first(JSON_ROOT); !json_at_end(&document, m) && error == OK;
         m = json_skip(&document, m + 1)) {
        if (json_type(&document, m + 1) != 'n') {
            struct slice key = json_string(&document, m);
            size_t at = merge->repaired.len; /* the parser's strings go with its next text */
            buf_append_slice(&merge->repaired, key);
            key = slice_make(merge->repaired.data + at, key.len);
            error = merge->repaired.failed ? ERROR_OUT_OF_MEMORY
                                           : put_json(merge, VALUE_ROOT, key, value->wins, &document, m + 1, detail);
        }
    }
    return error;
}

static enum error put_value(struct payload_merge *merge, const struct request_value *value, uint64_t *repaired,
                            struct buf *detail)
{
    if (value->form == VALUE_OF_OBJECT) {
        return put_object(merge, value, detail);
    }
    const struct path_node *place = merge->terms->stream->paths;
    struct json_document document;
    if (value->form == VALUE_OF_JSON) {
        enum error error = value_parse(&merge->writer, json_trim(value->text), &document);
        if (error == OK) {
            return put_json(merge, VALUE_ROOT, value->key, value->wins, &document, JSON_ROOT, detail);
        }
        if (error == ERROR_OUT_OF_MEMORY) {
            return error;
        }
    }
    if (value->source == PATH_OF_NONE) {
        return put_text(merge, VALUE_ROOT, place, value, repaired, detail);
    }
    place = path_source_node(place, value->source);
    const struct path_node *read = place != NULL ? path_find(place, value->key) : NULL;
    if (read == NULL || (read->column < 0 && read->array == NULL)) {
        return OK; /* no field asks for it */
    }
    uint32_t parent = value_tree_source(&merge->tree, value->source);
    return parent == 0 ? too_many(detail) : put_text(merge, parent, place, value, repaired, detail);
}

/* A text may become three times as long, and no text that was made may move. */
static bool reserve(struct payload_merge *merge, const struct request_values *values)
{
    size_t bytes = 0;
    buf_clear(&merge->repaired);
    for (size_t i = 0; values != NULL && i < values->count; i++) {
        bytes += 3 * (values->items[i].key.len + values->items[i].text.len);
    }
    return buf_reserve(&merge->repaired, bytes + 1);
}

static bool write_values(struct payload_merge *merge)
{
    const struct value_text *texts = (const struct value_text *)(const void *)merge->texts.data;
    for (uint32_t i = 1; i < merge->tree.count; i++) {
        struct value_node *node = &merge->tree.nodes[i];
        if (!node->linked) {
            continue;
        }
        node->key_at = json_tape_end(&merge->values);
        json_tape_text(&merge->values, '"', node->key);
        if (node->leaf && node->texts != 0) {
            node->at = json_tape_end(&merge->values);
            value_write(&merge->writer, merge->terms->stream, node->place, texts, node->first_text);
        }
    }
    return !json_tape_failed(&merge->values);
}

enum error payload_merge_begin(struct payload_merge *merge, const struct merge_terms *terms, uint64_t *repaired,
                               struct buf *detail)
{
    const struct request_values *values = terms->values;
    merge->terms = terms;
    value_tree_clear(&merge->tree, terms->stream->paths);
    json_tape_clear(&merge->values, 0);
    buf_clear(&merge->texts);
    *repaired = 0;
    if (!reserve(merge, values)) {
        return ERROR_OUT_OF_MEMORY;
    }
    enum error error = terms->around != NULL ? put_envelope(merge, detail) : OK;
    for (size_t i = 0; values != NULL && i < values->count && error == OK; i++) {
        error = put_value(merge, &values->items[i], repaired, detail);
    }
    if (error != OK) {
        return error;
    }
    value_tree_settle(&merge->tree);
    if (!write_values(merge)) {
        return ERROR_OUT_OF_MEMORY;
    }
    json_tape_clear(&merge->merged, 0);
    buf_append_slice(&merge->merged.strings, buf_slice(&merge->values.strings));
    return merge->merged.strings.failed ? ERROR_OUT_OF_MEMORY : OK;
}

bool payload_merge_is_empty(const struct payload_merge *merge)
{
    return merge->tree.nodes[VALUE_ROOT].first == 0;
}

uint64_t payload_merge_bytes(const struct payload_merge *merge)
{
    return merge->values.strings.len + merge->values.words.len;
}

static void write_member(struct payload_merge *merge, const struct value_node *node)
{
    struct json_document values = json_tape_document(&merge->values);
    json_tape_copy_shared(&merge->merged, &values, node->key_at);
    if (node->leaf) {
        json_tape_copy_shared(&merge->merged, &values, node->at);
        return;
    }
    json_at opened = json_tape_open(&merge->merged, '{');
    size_t count = 0;
    for (uint32_t at = node->first; at != 0; at = merge->tree.nodes[at].next, count++) {
        write_member(merge, &merge->tree.nodes[at]);
    }
    json_tape_close(&merge->merged, opened, count);
}

static void merge_object(struct payload_merge *merge, const struct json_document *document, json_at object,
                         uint32_t parent);

static void copy_member(struct payload_merge *merge, const struct json_document *document, json_at key)
{
    json_tape_copy(&merge->merged, document, key);
    json_tape_copy(&merge->merged, document, key + 1);
}

/* A member that a value has the name of. Of equal keys the last counts, and so it says whether the value does. False: it is
 * left out. */
static bool merge_member(struct payload_merge *merge, const struct json_document *document, json_at key, uint32_t at)
{
    struct value_node *node = &merge->tree.nodes[at];
    char type = json_type(document, key + 1);
    if (!node->leaf && type == '{') {
        json_tape_copy(&merge->merged, document, key);
        merge_object(merge, document, key + 1, at);
        node->met = true;
        return true;
    }
    node->met = type != 'n' && !node->wins;
    if (node->met) {
        copy_member(merge, document, key);
    }
    return node->met;
}

static void merge_object(struct payload_merge *merge, const struct json_document *document, json_at object,
                         uint32_t parent)
{
    const struct value_node *above = &merge->tree.nodes[parent];
    json_at opened = json_tape_open(&merge->merged, '{');
    size_t count = 0;
    for (uint32_t at = above->first; at != 0; at = merge->tree.nodes[at].next) {
        merge->tree.nodes[at].met = false;
    }
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        uint32_t at = value_tree_find(&merge->tree, parent, json_string(document, m));
        if (at == 0) {
            copy_member(merge, document, m);
            count++;
        } else {
            count += merge_member(merge, document, m, at);
        }
    }
    for (uint32_t at = above->first; at != 0; at = merge->tree.nodes[at].next) {
        if (!merge->tree.nodes[at].met) {
            write_member(merge, &merge->tree.nodes[at]);
            count++;
        }
    }
    json_tape_close(&merge->merged, opened, count);
}

bool payload_merge_event(struct payload_merge *merge, const struct json_document *document, json_at at,
                         struct json_document *merged)
{
    json_tape_clear(&merge->merged, merge->values.strings.len);
    if (json_type(document, at) == '{') {
        merge_object(merge, document, at, VALUE_ROOT);
    } else {
        json_tape_copy(&merge->merged, document, at);
    }
    json_tape_end_root(&merge->merged);
    *merged = json_tape_document(&merge->merged);
    return !json_tape_failed(&merge->merged);
}
