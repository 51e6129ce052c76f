/* The names of a list's items: each is given once. */
#pragma once

#include <stddef.h>

struct option_reader;

/* `items`: `count` structs of `size` bytes that begin with their line and file, and have the name (const char *) at
 * `name_offset`; those without one were reported before. */
void names_check(struct option_reader *reader, const char *path, const void *items, size_t count, size_t size,
                 size_t name_offset);
