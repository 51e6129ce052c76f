/* Turns rows of JSON into shapes. What is read here was written by ClickHouse, and is checked all the same: it came over a network. */
#include "query/statement/result.h"

#include "base/utf8.h"
#include "pipeline/json/json.h"

static bool refuse(struct buf *problem, const char *why)
{
    buf_append_string(problem, why);
    return false;
}

const char *result_format(enum select_shape shape)
{
    return shape == SELECT_TABLE ? "JSONCompact" : "JSONEachRow";
}

/* --- tidying: `\/` is "/", and blanks between values are none; line ends are, if they part rows --- */

static size_t tidy_string(struct slice text, struct buf *out)
{
    size_t i = 1;
    size_t from = 0;
    for (; i < text.len && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\' && ++i < text.len && text.data[i] == '/') {
            buf_append(out, text.data + from, i - 1 - from);
            from = i;
        }
    }
    size_t end = i < text.len ? i + 1 : text.len;
    buf_append(out, text.data + from, end - from);
    return end;
}

static void tidy(struct slice text, bool keep_lines, struct buf *out)
{
    while (text.len != 0) {
        char c = text.data[0];
        size_t taken = 1;
        if (c == '"') {
            taken = tidy_string(text, out);
        } else if (!json_is_blank(c) || (c == '\n' && keep_lines)) {
            buf_append_byte(out, (uint8_t)c);
        }
        text = slice_after(text, taken);
    }
}

static void tidy_answer(struct slice answer, bool keep_lines, struct buf *out)
{
    struct buf repaired = { 0 };
    if (!json_is_utf8(answer)) {
        utf8_append_repaired(&repaired, answer);
        answer = buf_slice(&repaired);
    }
    tidy(answer, keep_lines, out);
    out->failed |= repaired.failed;
    buf_release(&repaired);
}

/* --- walking tidy JSON --- */

/* The length of the value at the front; 0: there is none that ends. */
static size_t value_length(struct slice text)
{
    size_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"') {
            for (i++; i < text.len && text.data[i] != '"'; i++) {
                i += text.data[i] == '\\';
            }
            if (i >= text.len) {
                return 0;
            }
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) {
                return i;
            }
            depth--;
        } else if (c == ',' || c == ':') {
            if (depth == 0) {
                return i;
            }
            continue;
        } else {
            continue;
        }
        if (depth == 0) {
            return i + 1;
        }
    }
    return depth == 0 ? text.len : 0;
}

static bool take_value(struct slice *rest, struct slice *value)
{
    size_t len = value_length(*rest);
    *value = slice_make(rest->data, len);
    *rest = slice_after(*rest, len);
    return len != 0;
}

static bool take_byte(struct slice *rest, char c)
{
    bool there = rest->len != 0 && rest->data[0] == c;
    *rest = slice_after(*rest, there);
    return there;
}

/* The next member of an object whose '{' is taken; false at its end, or if it is none. */
static bool take_member(struct slice *rest, struct slice *key, struct slice *value)
{
    (void)take_byte(rest, ',');
    return rest->len != 0 && rest->data[0] == '"' && take_value(rest, key) && take_byte(rest, ':') &&
           take_value(rest, value);
}

static bool find_member(struct slice object, struct slice name, struct slice *value)
{
    struct slice key;
    bool inside = take_byte(&object, '{');
    while (inside && take_member(&object, &key, value)) {
        if (slice_equal(slice_make(key.data + 1, key.len - 2), name)) {
            return true;
        }
    }
    return false;
}

/* --- shapes --- */

static bool first_value(struct slice row, struct slice *value)
{
    struct slice key;
    return take_byte(&row, '{') && take_member(&row, &key, value);
}

static void append_key(struct slice key, struct buf *out)
{
    bool text = key.len != 0 && key.data[0] == '"';
    buf_append_string(out, text ? "" : "\"");
    buf_append_slice(out, slice_equal(key, SLICE("null")) ? SLICE("") : key);
    buf_append_string(out, text ? "" : "\"");
}

static bool make_rows(struct slice rows, struct buf *out)
{
    struct slice row;
    buf_append_byte(out, '[');
    for (bool first = true; slice_split(&rows, '\n', &row) && row.len != 0; first = false) {
        buf_append_string(out, first ? "" : ",");
        buf_append_slice(out, row);
    }
    buf_append_byte(out, ']');
    return true;
}

static bool make_map(struct slice rows, struct buf *out, struct buf *problem)
{
    struct slice row, name, key, value;
    buf_append_byte(out, '{');
    for (bool first = true; slice_split(&rows, '\n', &row) && row.len != 0; first = false) {
        if (!take_byte(&row, '{') || !take_member(&row, &name, &key) || !take_member(&row, &name, &value) ||
            !slice_equal(row, SLICE("}")) || key.data[0] == '{' || key.data[0] == '[') {
            return refuse(problem, "shape: map needs two columns, the first one no array");
        }
        buf_append_string(out, first ? "" : ",");
        append_key(key, out);
        buf_append_byte(out, ':');
        buf_append_slice(out, value);
    }
    buf_append_byte(out, '}');
    return true;
}

static bool make_table(struct slice answer, struct result *result, struct buf *problem)
{
    struct slice meta, data, column, name;
    if (!find_member(answer, SLICE("meta"), &meta) || !find_member(answer, SLICE("data"), &data) ||
        !take_byte(&meta, '[')) {
        return refuse(problem, "the store's answer is no table");
    }
    buf_append_string(&result->json, "{\"columns\":[");
    for (bool first = true; take_value(&meta, &column) && find_member(column, SLICE("name"), &name); first = false) {
        buf_append_string(&result->json, first ? "" : ",");
        buf_append_slice(&result->json, name);
        (void)take_byte(&meta, ',');
    }
    buf_append_string(&result->json, "],\"rows\":");
    buf_append_slice(&result->json, data);
    buf_append_byte(&result->json, '}');
    result->empty = slice_equal(data, SLICE("[]"));
    return true;
}

/* A copy, for the parser reads beyond its text. */
static bool parse(struct json_parser *parser, struct slice text, struct buf *copy, struct json_document *document)
{
    buf_append_slice(copy, text);
    buf_append_fill(copy, 0, JSON_PADDING);
    return !copy->failed && json_parse(parser, slice_make(copy->data, text.len), document) == OK;
}

static bool make_json(struct slice row, struct json_parser *parser, struct buf *out, struct buf *problem)
{
    struct slice value;
    struct json_document document;
    struct buf copy = { 0 }, inner = { 0 };
    if (!first_value(row, &value) || slice_equal(value, SLICE("null"))) {
        buf_append_string(out, "null");
        return true;
    }
    bool fine = parse(parser, value, &copy, &document) && json_type(&document, JSON_ROOT) == '"';
    if (fine) {
        struct slice text = json_string(&document, JSON_ROOT);
        buf_append_slice(out, text);
        struct slice kept = slice_make(out->data, out->len);
        fine = !out->failed && parse(parser, kept, &inner, &document);
    }
    buf_release(&copy);
    buf_release(&inner);
    return fine || refuse(problem, "shape: json needs a first column that is a text of JSON");
}

static bool make_shape(enum select_shape shape, struct slice rows, struct json_parser *parser, struct result *result,
                       struct buf *problem)
{
    struct slice rest = rows, row, value;
    if (shape == SELECT_TABLE) {
        return make_table(rows, result, problem);
    }
    if (!slice_split(&rest, '\n', &row)) {
        row = SLICE("");
    }
    result->empty = row.len == 0;
    switch (shape) {
    case SELECT_MAP: return make_map(rows, &result->json, problem);
    case SELECT_JSON: return make_json(row, parser, &result->json, problem);
    case SELECT_ROW: buf_append_slice(&result->json, result->empty ? SLICE("null") : row); return true;
    case SELECT_VALUE: buf_append_slice(&result->json, first_value(row, &value) ? value : SLICE("null")); return true;
    default: return make_rows(rows, &result->json);
    }
}

bool result_make(enum select_shape shape, struct slice answer, struct json_parser *parser, struct result *result,
                 struct buf *problem)
{
    struct buf clean = { 0 };
    tidy_answer(answer, shape != SELECT_TABLE, &clean);
    struct slice rows = clean.len == 0 ? SLICE("") : buf_slice(&clean);
    bool fine = !clean.failed && make_shape(shape, rows, parser, result, problem);
    buf_release(&clean);
    return fine && !result->json.failed;
}

void result_release(struct result *result)
{
    buf_release(&result->json);
    *result = (struct result){ 0 };
}

bool result_column(const struct result *result, struct slice name, struct slice *value)
{
    struct slice json = result->json.len == 0 ? SLICE("") : buf_slice(&result->json);
    (void)take_byte(&json, '[');
    return find_member(json, name, value);
}
