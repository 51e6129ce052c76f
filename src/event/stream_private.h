/* What stream.c leaves to stream_upsert.c: the rules of a stream whose events replace rows (upsert:). */
#pragma once

#include <stdbool.h>

struct buf;
struct field_options;
struct stream;
struct stream_options;

/* The column of versions that no field is; to be freed. NULL: memory is short. */
struct field_options *upsert_own_version(const struct stream_options *options);

/* Behind the compiled key: finds the column of versions, and makes the key's fields required. */
bool upsert_compile(struct stream *stream, struct buf *problems);
