/* Cuts any bytes into items: what is cut lies within them, and where they are JSON the parser must agree. */
#include <stdlib.h>

#include "fuzz/cost.h"
#include "pipeline/json/json.h"
#include "pipeline/json/json_items.h"

static struct json_parser *parser;

static void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

static bool is_within(struct slice piece, struct slice whole)
{
    return piece.data >= whole.data && piece.data + piece.len <= whole.data + whole.len;
}

/* How many there are; `good`: each must be JSON. */
static size_t count_items(struct slice items, bool good)
{
    struct slice rest = items, item;
    struct json_document document;
    size_t count = 0;
    while (json_items_take(&rest, &item)) {
        must(is_within(item, items));
        must(!good || json_parse(parser, item, &document) == OK);
        count++;
    }
    return count;
}

static void check_array(struct slice text, size_t count)
{
    struct slice items;
    uint64_t said;
    must(json_items(text, &items, &said) && is_within(items, text));
    must(said == (count != 0 ? count : 1)); /* nothing is one item, an empty one */
    must(count_items(items, count != 0) == said);
}

static void check_member(struct slice text, bool is_object)
{
    struct slice array, items;
    struct json_document document;
    uint64_t count;
    if (!json_items_member(text, SLICE("events"), &array)) {
        return;
    }
    must(is_within(array, text) && array.data[0] == '[');
    if (is_object) {
        must(json_parse(parser, array, &document) == OK);
        check_array(array, json_count(&document, JSON_ROOT));
    } else if (json_items(array, &items, &count)) {
        must(count_items(items, false) == count);
    }
}

static void check_values(struct slice text, bool is_json)
{
    uint64_t said, count = 0;
    struct slice rest = text, value;
    if (!json_items_values(text, &said)) {
        return;
    }
    must(!is_json);
    while (json_items_take_value(&rest, &value)) {
        must(is_within(value, text) && value.len != 0 && value.data[0] == '{');
        count++;
    }
    must(count == said);
}

static void take(const uint8_t *data, size_t size)
{
    parser = parser == NULL ? json_parser_new() : parser;
    struct buf padded = { 0 };
    struct json_document document;
    struct slice items;
    uint64_t count;
    buf_append(&padded, data, size);
    buf_append_fill(&padded, 0, JSON_PADDING);
    struct slice text = slice_make(padded.data, size);
    char type = json_parse(parser, text, &document) == OK ? json_type(&document, JSON_ROOT) : '\0';
    if (type == '[') {
        check_array(text, json_count(&document, JSON_ROOT));
    } else if (json_items(text, &items, &count)) {
        must(is_within(items, text));
        must(count_items(items, false) == count);
    }
    check_member(text, type == '{');
    check_values(text, type != '\0');
    buf_release(&padded);
}

COST_FUZZER(take, 150)
