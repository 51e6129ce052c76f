/* The SQL that the gateway writes: the one place where names and values are quoted, and where a stream becomes the
 * parts of a statement. Pure; all append to `out`, whose sticky failure is the caller's to look at. */
#pragma once

#include "base/bytes.h"

struct store_insert;
struct store_parameter;
struct store_query;
struct stream;

/* 'text' with everything escaped that could end the literal; safe for any bytes. Fuzzed. */
void sql_quote_literal(struct slice text, struct buf *out);

/* `name` in backquotes. */
void sql_quote_identifier(struct slice name, struct buf *out);

/* `database`.`table`; database "" or NULL leaves it out. */
void sql_table(const char *database, const char *table, struct buf *out);

/* What a SELECT reads the stream's rows FROM: its table, with FINAL where a row that was replaced must not be seen. */
void sql_rows(const struct stream *stream, const char *database, struct buf *out);

/* The query with each {name:Type} outside of quotes replaced by a literal of the parameter's value: for servers that
 * cannot bind. False if a parameter has no value or memory is short. */
MUST_CHECK bool sql_bind_literals(const struct store_query *query, struct buf *out);

/* A parameter's value as the server reads it: tabs, line ends and backslashes escaped, items in quotes, \\N for null. */
void sql_escape_parameter(const struct store_parameter *parameter, struct buf *out);

/* The bytes of all values: what they add to a URL, more or less. */
size_t sql_parameter_bytes(const struct store_query *query);

/* INSERT INTO `db`.`table` (`a`, `b`), up to SETTINGS and FORMAT, without the missing column. */
void sql_insert(const struct store_insert *insert, const char *database, struct buf *out);

/* The columns of ORDER BY, with commas between: what collapses events that came twice. */
void sql_order_by(const struct stream *stream, struct buf *out);

/* The expression of PARTITION BY; nothing if the table has no partitions. */
void sql_partition_by(const struct stream *stream, struct buf *out);
