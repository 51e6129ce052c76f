/* The body of an INSERT over HTTP: the statement, then the rows.
 *
 * Packed, both are LZ4 frames, the rows as they lie on the disk, or with JSON columns made anew; a server that does not unpack
 * them gets them as one plain Native block. One object per session; it keeps its memory from batch to batch. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct gather;
struct insert_body;
struct store_insert;

struct insert_body *insert_body_new(void); /* NULL: memory is short */
void insert_body_free(struct insert_body *body);

/* The pieces hold until the next call and as long as the insert's bytes do; *statement_bytes is how much SQL there is.
 * ERROR_OUT_OF_MEMORY, or the rows are damaged. */
MUST_CHECK enum error insert_body_make(struct insert_body *body, const struct store_insert *insert,
                                       const char *database, bool packed, struct gather *pieces,
                                       size_t *statement_bytes);

/* Once it is sent: a very large one's memory is given back. */
void insert_body_shed(struct insert_body *body);
