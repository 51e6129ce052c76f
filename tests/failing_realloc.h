/* Lets realloc, by which every buffer grows, fail when a test says so. For tests linked with --wrap=realloc. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of the calls from now on `first` ones work, the `count` behind them fail, then all work. */
static struct {
    size_t calls, first, count;
} realloc_fails;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    size_t call = realloc_fails.calls++;
    bool fails = call >= realloc_fails.first && call - realloc_fails.first < realloc_fails.count;
    return fails ? NULL : __real_realloc(memory, size);
}

static inline void realloc_fail(size_t first, size_t count)
{
    realloc_fails.calls = 0;
    realloc_fails.first = first;
    realloc_fails.count = count;
}
