/* What the strings, lists and nodes of one configuration live in: taken one by one, given back all at once.
 *
 * Bounded, since YAML aliases let a small file ask for much. Sticky: once a request failed, every later one fails, and
 * memory_failed says so at the end. */
#pragma once

#include "base/bytes.h"

struct config_memory;

/* NULL if memory is short. */
struct config_memory *memory_new(void);
void memory_free(struct config_memory *memory);

/* Zeroed and aligned for any type; NULL if memory is short or the bound is reached. */
void *memory_take(struct config_memory *memory, size_t count, size_t size);

/* A NUL-terminated copy, or NULL. */
const char *memory_copy(struct config_memory *memory, struct slice text);

/* A copy of `a` with `b` behind it, or NULL; NULL of NULL. */
const char *memory_join(struct config_memory *memory, const char *a, const char *b);

bool memory_failed(const struct config_memory *memory);
