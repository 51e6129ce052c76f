/* Turns any bytes into JSON by force: what was repaired is walkable and valid UTF-8, and the locator agrees on what was not. */
#include <stdlib.h>

#include "base/error.h"
#include "base/utf8.h"
#include "fuzz/cost.h"
#include "pipeline/json/json.h"
#include "pipeline/json/json_repair.h"

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static void walk(const struct json_document *document, json_at at, bool key)
{
    char type = json_type(document, at);
    if (type == '"' || type == JSON_LARGE_NUMBER) {
        must(json_is_utf8(json_string(document, at)) && (type == '"' || !key));
        return;
    }
    must(!key && strchr("{[ludtfn", type) != NULL);
    if (type == '{' || type == '[') {
        bool is_key = type == '{';
        for (json_at m = json_first(at); !json_at_end(document, m); m = json_skip(document, m)) {
            walk(document, m, is_key);
            is_key = type == '{' && !is_key;
        }
    }
}

/* The whole of the bytes as text: valid, and the same again. */
static void check_text(struct slice text)
{
    struct buf once = { 0 }, twice = { 0 };
    utf8_append_repaired(&once, text);
    utf8_append_repaired(&twice, buf_slice(&once));
    must(json_is_utf8(buf_slice(&once)) && slice_equal(buf_slice(&once), buf_slice(&twice)));
    must(!json_is_utf8(text) || slice_equal(text, buf_slice(&once)));
    buf_release(&once);
    buf_release(&twice);
}

static void take(const uint8_t *data, size_t size)
{
    static struct json_parser *parser;
    static struct json_repair repair;
    if (parser == NULL) {
        parser = json_parser_new();
    }
    struct buf padded = { 0 };
    buf_append(&padded, data, size);
    buf_append_fill(&padded, 0, JSON_PADDING);
    struct slice text = slice_make(padded.data, size);
    struct json_document document;
    const char *reason = NULL;
    enum error error = json_parse(parser, text, &document);
    bool repaired = error == ERROR_INVALID_JSON;
    if (repaired) {
        error = json_repair_parse(parser, &repair, text, &document);
        must(error != OK || repair.repaired != 0 || repair.numbers.len != 0);
    }
    must(error == OK || error == ERROR_INVALID_JSON || error == ERROR_TOO_DEEP);
    if (error == OK) {
        walk(&document, JSON_ROOT, false);
    }
    must(json_locate(text, true, &reason) <= size);
    must((strcmp(reason, "no fault") == 0) == (error == OK));
    check_text(text);
    buf_release(&padded);
}

COST_FUZZER(take, 250)
