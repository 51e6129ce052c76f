/* Splits a file of SQL into its statements, as ClickHouse's client does: at each `;` that stands in no text, comment or
 * heredoc. Pure; nothing is allocated. */
#pragma once

#include "base/bytes.h"

struct sql_statement {
    struct slice text; /* from its first word on, without the `;` */
    int line;          /* of its first word */
};

struct sql_splitter {
    struct slice rest;
    int line;            /* where `rest` begins; from 1 */
    const char *problem; /* what has no end, at `line`; NULL: nothing */
};

/* The next statement that is not empty. False: there is none, or `problem` says what is wrong. */
bool sql_split_next(struct sql_splitter *splitter, struct sql_statement *statement);

/* What the front of a text is. */
enum sql_piece {
    SQL_BLANK,   /* white space or a comment */
    SQL_QUOTED,  /* '…', "…", `…` or $tag$…$tag$ */
    SQL_PLAIN,   /* anything else: one byte */
    SQL_ENDLESS, /* a comment or a quoted text that does not end */
};

/* Of a text that is not empty: what its front is, and how long. */
enum sql_piece sql_piece_at(struct slice text, size_t *length);
