/* Turns the text of an expression into the names in it, without a parser's tree. */
#include "store/table/expression.h"

#define DEEPEST 16 /* parentheses around something that are taken off: each costs a look at all of it */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The end of what begins with a quote at `at`: behind its other quote, or the end of the text. */
static size_t skip_quoted(struct slice text, size_t at)
{
    char quote = text.data[at++];
    while (at < text.len && text.data[at] != quote) {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return at < text.len ? at + 1 : text.len;
}

static bool is_quote(char c)
{
    return c == '\'' || c == '"' || c == '`';
}

bool expression_next_name(struct slice *rest, struct expression_name *found)
{
    size_t at = 0;
    while (at < rest->len) {
        char c = rest->data[at];
        size_t start = at;
        if (!is_quote(c) && !is_name_byte(c)) {
            at++;
            continue;
        }
        if (is_quote(c)) {
            at = skip_quoted(*rest, at);
        }
        while (!is_quote(c) && at < rest->len && is_name_byte(rest->data[at])) {
            at++;
        }
        if (c == '\'' || is_digit(c)) {
            continue;
        }
        size_t cut = is_quote(c) && at - start >= 2;
        found->name = slice_make(rest->data + start + cut, at - start - 2 * cut);
        found->is_function = at < rest->len && rest->data[at] == '(';
        *rest = slice_after(*rest, at);
        return true;
    }
    *rest = slice_after(*rest, rest->len);
    return false;
}

/* From `at` on, the first byte outside of quotes and parentheses for which `text` goes on with `word`. SIZE_MAX: none. */
static size_t find_outside(struct slice text, size_t at, struct slice word)
{
    size_t depth = 0;
    while (at < text.len) {
        char c = text.data[at];
        if (depth == 0 && slice_starts_with(slice_after(text, at), word)) {
            return at;
        }
        if (is_quote(c)) {
            at = skip_quoted(text, at);
            continue;
        }
        depth += c == '(';
        depth -= c == ')' && depth != 0;
        at++;
    }
    return SIZE_MAX;
}

bool expression_next_item(struct slice *rest, struct slice *item)
{
    if (rest->len == 0) {
        return false;
    }
    size_t comma = find_outside(*rest, 0, SLICE(","));
    size_t end = comma == SIZE_MAX ? rest->len : comma;
    *item = slice_trim(slice_make(rest->data, end));
    *rest = slice_after(*rest, comma == SIZE_MAX ? rest->len : comma + 1);
    return true;
}

/* Does the parenthesis at the front end with the last byte? */
static bool is_in_parentheses(struct slice text)
{
    if (text.len < 2 || text.data[0] != '(') {
        return false;
    }
    size_t end = find_outside(slice_make(text.data + 1, text.len - 1), 0, SLICE(")"));
    return end == text.len - 2;
}

struct slice expression_bare(struct slice expression)
{
    struct slice bare = slice_trim(expression);
    for (int depth = 0; depth < DEEPEST && is_in_parentheses(bare); depth++) {
        bare = slice_trim(slice_make(bare.data + 1, bare.len - 2));
    }
    bool quoted = bare.len >= 2 && bare.data[0] == '`' && skip_quoted(bare, 0) == bare.len;
    return quoted ? slice_make(bare.data + 1, bare.len - 2) : bare;
}

static size_t find_word(struct slice whole, struct slice word)
{
    for (size_t at = find_outside(whole, 0, word); at != SIZE_MAX; at = find_outside(whole, at + 1, word)) {
        size_t end = at + word.len;
        if ((at == 0 || whole.data[at - 1] == ' ') && (end == whole.len || whole.data[end] == ' ')) {
            return at;
        }
    }
    return SIZE_MAX;
}

struct slice expression_behind(struct slice whole, struct slice word)
{
    size_t at = find_word(whole, word);
    return at == SIZE_MAX ? (struct slice){ NULL, 0 } : slice_trim(slice_after(whole, at + word.len));
}

struct slice expression_before(struct slice whole, struct slice word)
{
    size_t at = find_word(whole, word);
    return at == SIZE_MAX ? whole : slice_trim(slice_make(whole.data, at));
}

struct slice expression_arguments(struct slice whole)
{
    size_t name = 0;
    while (name < whole.len && (is_name_byte(whole.data[name]) || whole.data[name] == '`')) {
        name++;
    }
    if (name == whole.len || whole.data[name] != '(') {
        return (struct slice){ NULL, 0 };
    }
    struct slice rest = slice_after(whole, name + 1);
    size_t end = find_outside(rest, 0, SLICE(")"));
    return slice_make(rest.data, end == SIZE_MAX ? rest.len : end);
}
