/* The CREATE TABLE of a stream: what the gateway sends for a table that is missing, and what `sluice schema print` writes.
 *
 * ReplacingMergeTree whose version keeps the first row of an event (table_first.h), ORDER BY ends in event_id, PARTITION BY
 * from the key's time, comments on columns. Of a stream with
 * upsert: ReplacingMergeTree(version) ORDER BY its key, and a partition follows from the key alone, so that an update never
 * leaves the one that it replaces in another. A server that does
 * not convert Native columns (18.16) gets a table without LowCardinality: it would refuse the strings that travel. */
#pragma once

#include <stdbool.h>

struct buf;
struct column_spec;
struct store_features;
struct stream;

#define REPLICATED_WINDOW 10000 /* blocks whose INSERTs ZooKeeper remembers */

struct table_form {
    bool fsync;          /* fsync_after_insert and fsync_part_directory */
    bool replicated;     /* ReplicatedReplacingMergeTree; the path has the macros {shard} and {replica} */
    const char *cluster; /* ON CLUSTER; NULL: on this server alone */
    bool lines;          /* for people: a line for each column and clause */
};

/* CREATE TABLE for a stream on a server with these features. */
void table_ddl(const struct stream *stream, const char *database, const struct store_features *features,
               const struct table_form *form, struct buf *out);

/* A column of it: its name, its type, its comment. */
void table_ddl_column(const struct column_spec *column, const struct store_features *features,
                      const struct table_form *form, struct buf *out);

/* False if the server lacks a type that a field needs; a line for each in *problem. */
bool table_ddl_is_possible(const struct stream *stream, const struct store_features *features, struct buf *problem);
