/* Turns SQL into tokens. */
#include "query/statement/sql_token.h"

static bool is_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t word_length(struct slice text)
{
    size_t len = 0;
    while (len < text.len && is_of_word(text.data[len])) {
        len++;
    }
    return len;
}

static size_t space_length(struct slice text)
{
    size_t len = 0;
    while (len < text.len && is_space(text.data[len])) {
        len++;
    }
    return len;
}

/* 0: it never ends. A quote that is written twice begins the next token, which is as good. */
static size_t quoted_length(struct slice text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == text.data[0]) {
            return i + 1;
        }
    }
    return 0;
}

static size_t line_length(struct slice text)
{
    const char *end = memchr(text.data, '\n', text.len);
    return end == NULL ? text.len : (size_t)(end - text.data) + 1;
}

static size_t comment_length(struct slice text)
{
    const char *end = memmem(text.data + 2, text.len - 2, "*/", 2);
    return end == NULL ? 0 : (size_t)(end - text.data) + 2;
}

static size_t placeholder_length(struct slice text)
{
    const char *end = memchr(text.data, '}', text.len);
    return end == NULL ? 0 : (size_t)(end - text.data) + 1;
}

/* Its kind and its length; 0 with *problem. */
static size_t measure(struct slice text, enum sql_token_kind *kind, const char **problem)
{
    char c = text.data[0];
    *kind = SQL_OTHER;
    *problem = NULL;
    size_t len = 1;
    if (is_of_word(c)) {
        *kind = SQL_WORD;
        len = word_length(text);
    } else if (is_space(c)) {
        *kind = SQL_BLANK;
        len = space_length(text);
    } else if (c == '\'' || c == '`' || c == '"') {
        *kind = c == '\'' ? SQL_TEXT : SQL_NAME;
        len = quoted_length(text);
        *problem = "a quote is never closed";
    } else if (slice_starts_with(text, SLICE("--"))) {
        *kind = SQL_BLANK;
        len = line_length(text);
    } else if (slice_starts_with(text, SLICE("/*"))) {
        *kind = SQL_BLANK;
        len = comment_length(text);
        *problem = "a comment is never closed";
    } else if (c == '{') {
        *kind = SQL_PLACEHOLDER;
        len = placeholder_length(text);
        *problem = "a '{' is never closed";
    } else if (c == '$' || c == '#' || c == '\\' || c < ' ' || (unsigned char)c >= 0x7f) {
        len = 0;
        *problem = "outside of quotes there may be no '$', '#', '\\', control character, nor what is not ASCII";
    }
    return len;
}

bool sql_token_take(struct slice *rest, struct sql_token *token, const char **problem)
{
    *problem = NULL;
    if (rest->len == 0) {
        return false;
    }
    size_t len = measure(*rest, &token->kind, problem);
    if (len == 0) {
        return false;
    }
    *problem = NULL;
    token->text = slice_make(rest->data, len);
    *rest = slice_after(*rest, len);
    return true;
}
