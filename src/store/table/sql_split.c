/* Turns a text of SQL into pieces, and pieces into statements. */
#include "store/table/sql_split.h"

#include "base/assert.h"

/* Up to the first `end` behind `from`. */
static enum sql_piece until(struct slice text, size_t from, struct slice end, enum sql_piece piece, size_t *length)
{
    const char *found = from > text.len ? NULL : memmem(text.data + from, text.len - from, end.data, end.len);
    *length = found == NULL ? text.len : (size_t)(found - text.data) + end.len;
    return found == NULL ? SQL_ENDLESS : piece;
}

/* A quote that is doubled ends one text and begins the next: that is the same. */
static enum sql_piece quoted(struct slice text, size_t *length)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.data[i] == '\\') {
            i++;
        } else if (text.data[i] == text.data[0]) {
            *length = i + 1;
            return SQL_QUOTED;
        }
    }
    *length = text.len;
    return SQL_ENDLESS;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* $tag$ … $tag$; a `$` that begins no tag is a byte like any other. */
static enum sql_piece heredoc(struct slice text, size_t *length)
{
    size_t end = 1;
    while (end < text.len && is_word(text.data[end])) {
        end++;
    }
    if (end == text.len || text.data[end] != '$') {
        *length = 1;
        return SQL_PLAIN;
    }
    return until(text, end + 1, slice_make(text.data, end + 1), SQL_QUOTED, length);
}

static enum sql_piece line_comment(struct slice text, size_t *length)
{
    const char *end = memchr(text.data, '\n', text.len);
    *length = end == NULL ? text.len : (size_t)(end - text.data) + 1;
    return SQL_BLANK;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

enum sql_piece sql_piece_at(struct slice text, size_t *length)
{
    ASSERT(text.len != 0);
    char next = text.len > 1 ? text.data[1] : '\0';
    *length = 1;
    switch (text.data[0]) {
    case '\'':
    case '"':
    case '`': return quoted(text, length);
    case '$': return heredoc(text, length);
    case '-': return next == '-' ? line_comment(text, length) : SQL_PLAIN;
    case '#': return next == ' ' || next == '!' ? line_comment(text, length) : SQL_PLAIN;
    case '/': return next == '*' ? until(text, 2, SLICE("*/"), SQL_BLANK, length) : SQL_PLAIN;
    default: return is_blank(text.data[0]) ? SQL_BLANK : SQL_PLAIN;
    }
}

static void advance(struct sql_splitter *splitter, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        splitter->line += splitter->rest.data[i] == '\n';
    }
    splitter->rest = slice_after(splitter->rest, length);
}

static const char *without_end(char first)
{
    return first == '/' ? "a comment /* has no */" : first == '$' ? "a heredoc has no end" : "a quoted text has no end";
}

/* `length` bytes of the statement are known: more of it. */
static void add(struct sql_statement *statement, const struct sql_splitter *splitter, size_t length)
{
    if (statement->text.len == 0) {
        statement->text.data = splitter->rest.data;
        statement->line = splitter->line;
    }
    statement->text.len = (size_t)(splitter->rest.data - statement->text.data) + length;
}

bool sql_split_next(struct sql_splitter *splitter, struct sql_statement *statement)
{
    *statement = (struct sql_statement){ { NULL, 0 }, 0 };
    while (splitter->rest.len != 0) {
        size_t length;
        enum sql_piece piece = sql_piece_at(splitter->rest, &length);
        char first = splitter->rest.data[0];
        ASSERT(length != 0 && length <= splitter->rest.len);
        if (piece == SQL_ENDLESS) {
            splitter->problem = without_end(first);
            return false;
        }
        bool ends = piece == SQL_PLAIN && first == ';';
        if (piece != SQL_BLANK && !ends) {
            add(statement, splitter, length);
        }
        advance(splitter, length);
        if (ends && statement->text.len != 0) {
            return true;
        }
    }
    return statement->text.len != 0;
}
