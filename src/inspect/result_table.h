/* A result of ClickHouse in its format TabSeparatedWithNamesAndTypes, as an aligned table for people or as JSON. Pure; what is in it may
 * be anybody's. */
#pragma once

#include "base/bytes.h"

#include <stddef.h>

#define RESULT_COLUMNS_MAX 32
#define RESULT_FORMAT "TabSeparatedWithNamesAndTypes"

/* Appends lines, each indented by two blanks, the names first; columns of bytes (by their name) as people read them. Nothing if there are
 * no rows. Returns how many rows there are. */
size_t result_table_text(struct slice result, struct buf *out);

/* Appends an array of objects: numbers as numbers, all else as text. Returns how many rows there are. */
size_t result_table_json(struct slice result, struct buf *out);
