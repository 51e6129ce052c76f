/* Turns any bytes into an event and values, merges them, and holds each member of the result against what a slow reference
 * says: the value, if it wins or the event has nothing there, else what the event has. */
#include <stdlib.h>

#include "config/options/stream_options.h"
#include "event/stream.h"
#include "fuzz/cost.h"
#include "json_print.h"
#include "pipeline/payload/payload_merge.h"
#include "pipeline/payload/request_values.h"

#define MOST 6

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static struct field_options fields[] = { { .name = "a", .type = "String", .max_past_ns = -1, .max_future_ns = -1 } };
static const struct stream_options options = { .name = "s", .fields = fields, .field_count = 1 };

static struct {
    struct stream *stream;
    struct payload_merge *merge;
    struct json_parser *parser;
    struct buf padded, expected, found;
} all;

static void prepare(void)
{
    struct buf problems = { 0 };
    if (all.merge == NULL) {
        all.stream = stream_compile(&options, 0, &problems);
        all.merge = payload_merge_new();
        all.parser = json_parser_new();
    }
}

/* The value of the last equal key; 0: there is none, or it is null. */
static json_at member(const struct json_document *document, json_at object, struct slice key)
{
    json_at found = 0;
    for (json_at m = json_first(object); !json_at_end(document, m); m = json_skip(document, m + 1)) {
        if (slice_equal(json_string(document, m), key)) {
            found = m + 1;
        }
    }
    return found != 0 && json_type(document, found) != 'n' ? found : 0;
}

/* What a path leads to. *blocked: a value that is no object stands on its way. */
static json_at follow(const struct json_document *document, struct slice path, bool *blocked)
{
    struct path_steps steps = path_steps(path);
    struct slice key;
    json_at at = JSON_ROOT;
    *blocked = false;
    while (at != 0 && path_next_step(&steps, &key)) {
        *blocked = json_type(document, at) != '{';
        if (*blocked) {
            return 0;
        }
        at = member(document, at, key);
    }
    return at;
}

static bool leads_through(struct slice path, struct slice other)
{
    return slice_equal(path, other) || (slice_starts_with(other, path) && other.data[path.len] == '.');
}

/* Of this value only: nothing of the other names stands above or below it. */
static bool is_alone(const struct request_value *values, size_t count, size_t index)
{
    for (size_t i = 0; i < count; i++) {
        if (i != index &&
            (leads_through(values[i].key, values[index].key) || leads_through(values[index].key, values[i].key))) {
            return false;
        }
    }
    return true;
}

static void check_value(const struct request_value *value, const struct json_document *event,
                        const struct json_document *merged)
{
    bool blocked, ignored;
    json_at own = follow(event, value->key, &blocked), found = follow(merged, value->key, &ignored);
    buf_clear(&all.expected);
    buf_clear(&all.found);
    if (blocked && !value->wins) {
        must(found == 0);
        return;
    }
    must(found != 0);
    json_print(&all.found, merged, found);
    if (own != 0 && !value->wins) {
        json_print(&all.expected, event, own);
    } else {
        buf_append_json_string(&all.expected, value->text);
    }
    must(slice_equal(buf_slice(&all.expected), buf_slice(&all.found)));
}

static void check_others(const struct request_value *values, size_t count, const struct json_document *event,
                         const struct json_document *merged)
{
    for (json_at m = json_first(JSON_ROOT); !json_at_end(event, m); m = json_skip(event, m + 1)) {
        struct slice key = json_string(event, m);
        bool touched = false;
        for (size_t i = 0; i < count; i++) {
            struct path_steps steps = path_steps(values[i].key);
            struct slice first;
            touched = touched || (path_next_step(&steps, &first) && slice_equal(first, key));
        }
        json_at own = member(event, JSON_ROOT, key), found = member(merged, JSON_ROOT, key);
        if (!touched && own != 0) {
            buf_clear(&all.expected);
            buf_clear(&all.found);
            json_print(&all.expected, event, own);
            json_print(&all.found, merged, found);
            must(slice_equal(buf_slice(&all.expected), buf_slice(&all.found)));
        }
    }
}

/* A byte, a name and a text, both up to a NUL. */
static bool read_value(struct slice *rest, struct request_value *value)
{
    if (rest->len < 3) {
        return false;
    }
    uint8_t flags = (uint8_t)rest->data[0];
    *rest = slice_after(*rest, 1);
    *value = (struct request_value){ .wins = (flags & 1) != 0, .group = (uint16_t)(flags >> 1 & 3) };
    return slice_split(rest, '\0', &value->key) && slice_split(rest, '\0', &value->text) && rest->data != NULL &&
           json_is_utf8(value->key) && json_is_utf8(value->text);
}

static void take(const uint8_t *data, size_t size)
{
    struct request_value values[MOST];
    struct json_document event, merged;
    struct buf detail = { 0 };
    uint64_t repaired;
    prepare();
    cost_weighs(2000); /* the table of names is cleared */
    if (size == 0) {
        return;
    }
    struct slice rest = slice_make(data + 1, size - 1);
    size_t count = data[0] % (MOST + 1);
    for (size_t i = 0; i < count; i++) {
        if (!read_value(&rest, &values[i])) {
            return;
        }
    }
    buf_clear(&all.padded);
    buf_append_slice(&all.padded, rest);
    buf_append_fill(&all.padded, 0, JSON_PADDING);
    if (json_parse(all.parser, slice_make(all.padded.data, rest.len), &event) != OK) {
        return;
    }
    const struct request_values given = { values, count };
    const struct merge_terms terms = { .stream = all.stream, .values = &given };
    must(payload_merge_begin(all.merge, &terms, &repaired, &detail) == OK);
    must(payload_merge_event(all.merge, &event, JSON_ROOT, &merged));
    if (json_type(&event, JSON_ROOT) == '{') {
        for (size_t i = 0; i < count; i++) {
            if (is_alone(values, count, i)) {
                check_value(&values[i], &event, &merged);
            }
        }
        check_others(values, count, &event, &merged);
    }
    buf_release(&detail);
}

COST_FUZZER(take, 2000)
