/* What ClickHouse's error codes mean for a batch: whether to send it again, to look for the rows at fault, or to wait
 * for an operator. Pure. What comes of an answer that stays the same: poison.h. A code that is not in the table is suspect. */
#pragma once

#include <stdbool.h>

struct store_reply;

enum code_class {
    CODE_PASSING, /* the server's own state: again, for ever, with backoff */
    CODE_PARTS,   /* passing, and the batches are too small or too many */
    CODE_SUSPECT, /* passing at first; again and again, it may be a row that an expression of the table fails for */
    CODE_SHORT,   /* the server is short of memory or time; again and again, the batch is too big for it */
    CODE_SIZE,    /* the batch is too big, for the server or for a proxy: halves may do */
    CODE_ROW,     /* a row that the table refuses */
    CODE_COLUMNS, /* held as well: the table lacks a column, which may be the batch's fault alone */
    CODE_HOLD     /* wrong password, missing table, changed types: nothing will change by itself */
};

/* ClickHouse's name of the code, "" if it is not in the table. */
const char *code_name(int code);

/* What an answer (STORE_ANSWERED) means. A code of rows or columns that comes from a materialized view is CODE_HOLD: the
 * source rows may be committed already, and the columns are the view's. Of a view's other errors none is the batch's. */
enum code_class code_classify(const struct store_reply *reply);

/* Does the answer say that the error came from a view behind the table? Where its text may quote a row, only its end does. */
bool code_is_from_view(const struct store_reply *reply);

/* Can a row, or an expression on it, cause this code? So it is of those that are not in the table. */
bool code_is_of_rows(int code);

/* Can the text hold what came from a row? By the code: of rows, of expressions, of what is not known; or no code at all. */
bool code_may_quote_rows(const struct store_reply *reply);

/* Of an answer to a question about a table: it says nothing of the table (the server was not reached, is ill, or does not let
 * us), and is to be asked again later. */
bool code_is_silent(const struct store_reply *reply);

/* Codes that are asked for by name. */
enum code_number {
    CODE_UNKNOWN_TABLE = 60,
    CODE_SYNTAX_ERROR = 62,
    CODE_TOO_MANY_ROWS_OR_BYTES = 396 /* of a result as well */
};

/* True if the batch was refused before ClickHouse saw all of it: nothing of it can have been stored. */
bool code_is_before_store(const struct store_reply *reply);

/* An answer that a proxy gives for a server that is away: 502, 503 or 504 without a code of ClickHouse's. */
bool code_is_from_proxy(const struct store_reply *reply);
