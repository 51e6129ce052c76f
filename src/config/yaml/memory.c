/* Turns many small allocations into one that is freed at once. */
#include "config/yaml/memory.h"

#include "base/assert.h"

#include <stdlib.h>

enum { MEMORY_LIMIT = 64 * 1024 * 1024 };

struct piece {
    struct piece *next;
    max_align_t bytes[];
};

struct config_memory {
    struct piece *pieces;
    size_t taken;
    bool failed;
};

struct config_memory *memory_new(void)
{
    return calloc(1, sizeof(struct config_memory));
}

void memory_free(struct config_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    for (struct piece *piece = memory->pieces, *next; piece != NULL; piece = next) {
        next = piece->next;
        free(piece);
    }
    free(memory);
}

void *memory_take(struct config_memory *memory, size_t count, size_t size)
{
    size_t total;
    bool fits = !__builtin_mul_overflow(count, size, &total) &&
                !__builtin_add_overflow(total, sizeof(struct piece), &total) && total <= MEMORY_LIMIT - memory->taken;
    struct piece *piece = fits && !memory->failed ? calloc(1, total) : NULL;
    if (piece == NULL) {
        memory->failed = true;
        return NULL;
    }
    memory->taken += total;
    ASSERT_AT_MOST(memory->taken, (size_t)MEMORY_LIMIT);
    piece->next = memory->pieces;
    memory->pieces = piece;
    return piece->bytes;
}

const char *memory_copy(struct config_memory *memory, struct slice text)
{
    char *copy = memory_take(memory, text.len + 1, 1);
    if (copy != NULL && text.len != 0) {
        memcpy(copy, text.data, text.len);
    }
    return copy;
}

const char *memory_join(struct config_memory *memory, const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return NULL;
    }
    size_t length = strlen(a);
    char *joined = memory_take(memory, length + strlen(b) + 1, 1);
    if (joined != NULL) {
        memcpy(joined, a, length);
        memcpy(joined + length, b, strlen(b) + 1);
    }
    return joined;
}

bool memory_failed(const struct config_memory *memory)
{
    return memory->failed;
}
