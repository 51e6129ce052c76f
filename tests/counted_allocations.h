/* Counts what asks for memory. For tests linked with --wrap=malloc, --wrap=calloc and --wrap=realloc. */
#pragma once

#include <stddef.h>

static size_t counted_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    counted_allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    counted_allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    counted_allocations++;
    return __real_realloc(memory, size);
}
