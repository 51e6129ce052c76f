/* Lets allocations fail, those of the libraries as well: malloc and its like of this program go before libc's. Under a
 * sanitizer, which has its own, nothing fails. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MALLOC_CANNOT_FAIL 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MALLOC_CANNOT_FAIL 1
#endif
#endif

/* Of the allocations of this thread from now on `first` work, the `count` behind them fail, then all work. */
static _Thread_local struct {
    size_t calls, first, count;
} malloc_fails;

static inline void malloc_fail(size_t first, size_t count)
{
    malloc_fails.calls = 0;
    malloc_fails.first = first;
    malloc_fails.count = count;
}

/* Stops it. True: at least one has failed. */
static inline bool malloc_has_failed(void)
{
    bool failed = malloc_fails.count != 0 && malloc_fails.calls > malloc_fails.first;
    malloc_fails.count = 0;
    return failed;
}

#ifndef MALLOC_CANNOT_FAIL
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool fails_now(void)
{
    size_t call = malloc_fails.calls++;
    bool fails = call >= malloc_fails.first && call - malloc_fails.first < malloc_fails.count;
    if (fails) {
        errno = ENOMEM;
    }
    return fails;
}

void *malloc(size_t size)
{
    return fails_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __libc_realloc(memory, size);
}
#endif
