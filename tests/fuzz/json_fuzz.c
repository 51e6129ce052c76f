/* Turns any bytes into JSON: the tape must be walkable to its end, and what parses must have no place that is wrong. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "pipeline/json/json.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

/* Copies every string: the sanitizer watches what is read. */
static void walk(const struct json_document *document, json_at at, struct buf *strings)
{
    char type = json_type(document, at);
    if (type == '"') {
        buf_append_slice(strings, json_string(document, at));
    } else if (type == '{' || type == '[') {
        json_at end = json_skip(document, at);
        for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
            must(m < end);
            walk(document, m, strings);
        }
    } else {
        must(type == 'l' || type == 'u' || type == 'd' || type == 't' || type == 'f' || type == 'n');
    }
}

static void take(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    if (parser == NULL) {
        parser = json_parser_new();
    }
    struct buf padded = { 0 }, strings = { 0 };
    buf_append(&padded, data, size);
    buf_append_fill(&padded, 0, JSON_PADDING);
    struct slice text = slice_make(padded.data, size);
    struct json_document document;
    const char *reason = NULL;
    enum error error = json_parse(parser, text, &document);
    must(error == OK || error == ERROR_INVALID_JSON || error == ERROR_TOO_DEEP);
    if (error == OK) {
        walk(&document, JSON_ROOT, &strings);
    }
    size_t wrong = json_locate(text, false, &reason);
    must(wrong <= size);
    must(error != OK || wrong == size);
    must(strings.len <= size);
    buf_release(&strings);
    buf_release(&padded);
}

COST_FUZZER(take, 60)
