/* What is the promise worth in this table? From the catalog's words on its engine, keys and TTL, and nothing else: no
 * server is asked here.
 *
 * A loss: acknowledged events would not stay in the table each as a row. A warning: they stay, but one that comes twice may
 * be there twice, or something stands behind the table that cannot be seen from here. docs/operations.md, "Tables of
 * your own", has the same as a table for people. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct stream;

/* Borrowed from the answers. An empty sorting key, partition key or engine_full says nothing. */
struct table_definition {
    struct slice engine;        /* system.tables.engine */
    struct slice engine_full;   /* with its arguments, keys, TTL and settings */
    struct slice sorting_key;   /* a list without parentheses around it */
    struct slice partition_key; /* one expression */
    struct slice columns;       /* of system.columns: `name \t type \t default_kind \t default_expression \n` */
};

/* One line for each loss and each warning, in the gateway's words and with the cure. */
void table_judge(const struct stream *stream, const struct table_definition *definition, struct buf *losses,
                 struct buf *warnings);

/* The row of system.columns; false if there is none. */
struct table_column {
    struct slice type, default_kind, default_expression;
};
bool table_find_column(struct slice columns, struct slice name, struct table_column *column);

/* table_ttl.c: does the TTL delete what the stream accepts? */
void table_judge_ttl(const struct stream *stream, const struct table_definition *definition, struct buf *warnings);

/* The column of the stream, or SIZE_MAX. */
size_t table_stream_column(const struct stream *stream, struct slice name);

/* table_judge_upsert.c: does an update replace the row of its key, and only that? */
void table_judge_upsert(const struct stream *stream, const struct table_definition *definition, struct buf *losses,
                        struct buf *warnings);

/* Does the expression follow from the stream's key alone? If not, *culprit is what stands in the way. */
bool table_names_only_keys(const struct stream *stream, struct slice expression, struct slice *culprit);

/* What can be said against the stream's table before any server is asked: one line, as stream_compile's. */
bool table_check_stream(const struct stream *stream, struct buf *problems);
