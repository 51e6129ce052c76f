/* What stream.c leaves to stream_upsert.c, the rules of a stream whose events replace rows (upsert:), and to
 * stream_identity.c, the ids that clients give (from: beside fill: event_id), and to stream_order.c. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>

struct buf;
struct path_node;
struct field_options;
struct stream;
struct stream_options;

/* The column of versions that no field is; to be freed. NULL: memory is short. */
struct field_options *upsert_own_version(const struct stream_options *options);

/* Behind the compiled key: finds the column of versions, and makes the key's fields required. */
bool upsert_compile(struct stream *stream, struct buf *problems);

/* The column of this name, or -1. */
int stream_find_column(const struct stream *stream, struct slice name);

/* Appends "line: name: why" to the problems; false. */
bool PRINTF_LIKE(4, 5) stream_refuse(int line, const char *name, struct buf *problems, const char *why, ...);

struct column_spec;

/* A path of a column. False, with the reason. */
bool stream_add_path(const struct stream *stream, const struct column_spec *spec, struct slice path, int rank,
                     struct path_node *root, struct buf *problems);

/* Behind those of all fields: the paths of clients' ids that no field reads. */
bool identity_add_paths(const struct stream *stream, struct path_node *root, struct buf *problems);

/* Behind the compiled paths: finds the sources of ids. */
bool identity_compile(struct stream *stream, struct buf *problems);

/* Behind all that is said of columns: the stream's time column, then the order of its table. */
void order_find_time(struct stream *stream);
bool order_compile(struct stream *stream, struct buf *problems);
