/* Turns the text of an array into the texts of its items, and finds the array in an object. */
#include "pipeline/json/json_items.h"

#include "base/assert.h"
#include "pipeline/json/json.h"

/* Where the string that begins at `at` has its closing quote, or text.len. */
static size_t end_of_string(struct slice text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        at += text.data[at] == '\\';
    }
    return at < text.len ? at : text.len;
}

/* Where the first comma or closing bracket is that belongs to no value behind `at`, or text.len. */
static size_t end_of_item(struct slice text, size_t at)
{
    size_t depth = 0;
    for (; at < text.len; at++) {
        char c = text.data[at];
        if (depth == 0 && (c == ',' || c == ']' || c == '}')) {
            return at;
        }
        if (c == '"') {
            at = end_of_string(text, at);
        }
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
    }
    return text.len;
}

bool json_items(struct slice text, struct slice *items, uint64_t *count)
{
    text = json_trim(text);
    size_t at = 0;
    *count = 0;
    if (text.len == 0 || text.data[0] != '[') {
        return false;
    }
    do {
        at = end_of_item(text, at + 1);
        ++*count;
    } while (at < text.len && text.data[at] == ',');
    *items = slice_make(text.data + 1, at - 1);
    ASSERT(*count != 0);
    return at + 1 == text.len && text.data[at] == ']';
}

bool json_items_take(struct slice *items, struct slice *item)
{
    if (items->data == NULL) {
        return false;
    }
    size_t end = end_of_item(*items, 0);
    ASSERT_AT_MOST(end, items->len);
    *item = json_trim(slice_make(items->data, end));
    *items = end < items->len ? slice_after(*items, end + 1) : (struct slice){ 0 };
    return true;
}

/* Is the text `"name": [ ... `? Then *value is what stands behind the colon. */
static bool is_member(struct slice member, struct slice name, struct slice *value)
{
    if (member.len == 0 || member.data[0] != '"') {
        return false;
    }
    size_t close = end_of_string(member, 0);
    if (close == member.len || !slice_equal(slice_make(member.data + 1, close - 1), name)) {
        return false;
    }
    struct slice rest = json_trim(slice_after(member, close + 1));
    if (rest.len == 0 || rest.data[0] != ':') {
        return false;
    }
    *value = json_trim(slice_after(rest, 1));
    return value->len != 0 && value->data[0] == '[';
}

bool json_items_member(struct slice object, struct slice name, struct slice *array)
{
    object = json_trim(object);
    if (object.len == 0 || object.data[0] != '{') {
        return false;
    }
    size_t from, at = 0;
    do {
        from = at + 1;
        at = end_of_item(object, from);
        if (is_member(json_trim(slice_make(object.data + from, at - from)), name, array)) {
            return true;
        }
    } while (at < object.len && object.data[at] == ',');
    return false;
}

bool json_items_is_closed(struct slice text)
{
    size_t depth = 0;
    for (size_t at = 0; at < text.len; at++) {
        char c = text.data[at];
        if (c == '"') {
            at = end_of_string(text, at);
        }
        if (at == text.len || (depth == 0 && (c == ']' || c == '}'))) {
            return false;
        }
        depth += c == '[' || c == '{';
        depth -= c == ']' || c == '}';
    }
    return depth == 0;
}

/* Without the blanks, NULs and record separators in front. */
static struct slice skip_separators(struct slice text)
{
    static const char separators[] = " \t\r\n\x1e";
    while (text.len != 0 && memchr(separators, text.data[0], sizeof separators) != NULL) {
        text = slice_after(text, 1);
    }
    return text;
}

bool json_items_take_value(struct slice *text, struct slice *value)
{
    size_t depth = 0, at = 0;
    *text = skip_separators(*text);
    if (text->len == 0) {
        return false;
    }
    for (; at < text->len; at++) {
        char c = text->data[at];
        if (c == '"') {
            at = end_of_string(*text, at);
            continue;
        }
        depth += c == '[' || c == '{';
        depth -= (c == ']' || c == '}') && depth != 0;
        if (depth == 0) {
            break;
        }
    }
    size_t len = at < text->len ? at + 1 : text->len;
    ASSERT(len != 0 && len <= text->len); /* each call gets on */
    *value = slice_make(text->data, len);
    *text = slice_after(*text, len);
    return true;
}

bool json_items_values(struct slice text, uint64_t *count)
{
    struct slice value;
    text = json_trim(text);
    bool separated = text.len != 0 && text.data[0] == '\x1e';
    for (*count = 0; json_items_take_value(&text, &value); ++*count) {
        if (value.data[0] != '{') {
            return false;
        }
    }
    return *count > 1 || (separated && *count == 1);
}
