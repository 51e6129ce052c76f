/* ClickHouse's SQL as tokens: as much as is needed to know where quotes, comments and placeholders are. Pure.
 *
 * It knows less than a server does, and refuses what a server could read in another way: '$' (heredocs), '#' (comments),
 * bytes that are not ASCII (typographic quotes), all outside of quotes. */
#pragma once

#include "base/bytes.h"

enum sql_token_kind {
    SQL_WORD,        /* letters, digits and '_': a name, a keyword, a number */
    SQL_TEXT,        /* '…' */
    SQL_NAME,        /* `…` or "…" */
    SQL_PLACEHOLDER, /* {…} */
    SQL_BLANK,       /* spaces, line ends, comments */
    SQL_OTHER        /* one byte */
};

struct sql_token {
    enum sql_token_kind kind;
    struct slice text; /* with its quotes or braces */
};

/* Takes the token at the front of *rest. False: *rest is empty, or *problem (a constant, else NULL) says what is wrong. */
MUST_CHECK bool sql_token_take(struct slice *rest, struct sql_token *token, const char **problem);

static inline bool sql_token_is(const struct sql_token *token, const char *word)
{
    return token->kind == SQL_WORD && slice_equal_nocase(token->text, slice_from_string(word));
}

/* What a name is without its quotes; a word is itself. */
static inline struct slice sql_token_name(const struct sql_token *token)
{
    return token->kind == SQL_NAME ? slice_make(token->text.data + 1, token->text.len - 2) : token->text;
}
