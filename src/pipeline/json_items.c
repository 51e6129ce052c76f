/* Turns the text of an array into the texts of its items. */
#include "pipeline/json_items.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice text)
{
    while (text.len != 0 && is_blank(text.data[0])) {
        text = slice_after(text, 1);
    }
    while (text.len != 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

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

bool json_items(struct slice text, struct slice *items)
{
    text = trim(text);
    size_t at = 0;
    if (text.len == 0 || text.data[0] != '[') {
        return false;
    }
    do {
        at = end_of_item(text, at + 1);
    } while (at < text.len && text.data[at] == ',');
    *items = slice_make(text.data + 1, at - 1);
    return at + 1 == text.len && text.data[at] == ']';
}

bool json_items_take(struct slice *items, struct slice *item)
{
    if (items->data == NULL) {
        return false;
    }
    size_t end = end_of_item(*items, 0);
    *item = trim(slice_make(items->data, end));
    *items = end < items->len ? slice_after(*items, end + 1) : (struct slice){ 0 };
    return true;
}
