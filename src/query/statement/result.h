/* What a store answered to a statement, as the JSON that replies are made of. 64-bit numbers have no quotes; bytes that are not UTF-8
 * become U+FFFD. */
#pragma once

#include "base/bytes.h"
#include "config/options/named_query_options.h"

struct json_parser;

struct result {
    struct buf json; /* empty: the statement was left out */
    bool empty;      /* it had no rows */
};

/* ClickHouse's format that result_make reads. */
const char *result_format(enum select_shape shape);

/* Fills the empty *result. False: the answer makes no sense for this shape (*problem says why, for the log), or memory is short. `parser` is
 * the thread's own. */
MUST_CHECK bool result_make(enum select_shape shape, struct slice answer, struct json_parser *parser,
                            struct result *result, struct buf *problem);
void result_release(struct result *result);

/* The value of a column, in the first row of `rows` or `row`. False: there is none. */
MUST_CHECK bool result_column(const struct result *result, struct slice name, struct slice *value);
