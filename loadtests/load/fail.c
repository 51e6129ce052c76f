/* Turns what cannot go on into a message and an exit code. */
#include "fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

void fail_errno(const char *what)
{
    fail("%s: %s", what, strerror(errno));
}

void *must_allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fail("out of memory: %zu bytes", size);
    }
    return memory;
}
