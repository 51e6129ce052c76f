/* Reads what the catalog says of a table's keys, engine and TTL: its text is ClickHouse's own, printed from the syntax tree.
 * Nothing here allocates; texts in quotes and in parentheses are stepped over. */
#pragma once

#include "base/bytes.h"

/* A name in an expression: `name` without its backquotes. */
struct expression_name {
    struct slice name;
    bool is_function;
};

/* The next name in *rest, which shrinks; false: there is none. Literals and numbers are left out. */
bool expression_next_name(struct slice *rest, struct expression_name *found);

/* The next item of a list with commas outside of quotes and parentheses, trimmed; false at the end. */
bool expression_next_item(struct slice *rest, struct slice *item);

/* Without the pairs of parentheses around it as a whole, and without backquotes around a single name. */
struct slice expression_bare(struct slice expression);

/* Where ` word ` stands outside of quotes and parentheses: what is behind it. data NULL: nowhere. */
struct slice expression_behind(struct slice whole, struct slice word);

/* What stands in front of ` word ` (outside of quotes and parentheses), or all. */
struct slice expression_before(struct slice whole, struct slice word);

/* The arguments in parentheses behind the first word: `Name(a, b) ORDER BY …` gives `a, b`. data NULL: none. */
struct slice expression_arguments(struct slice whole);
