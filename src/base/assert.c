/* Turns a broken invariant into one line on stderr and the end of the process. */
#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Not by the log: its lock or its memory may be what is broken. */
static _Noreturn void end(const char *line, int length, size_t size)
{
    size_t bytes = length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
    ssize_t written = write(STDERR_FILENO, line, bytes);
    (void)written;
    abort();
}

void assert_failed(const char *file, int line, const char *expression)
{
    char text[512];
    end(text, snprintf(text, sizeof text, "sluice: fault: %s:%d: not true: %s\n", file, line, expression), sizeof text);
}

void assert_failed_values(const char *file, int line, const char *expression, intmax_t left, intmax_t right)
{
    char text[512];
    int length = snprintf(text, sizeof text, "sluice: fault: %s:%d: not true: %s (%" PRIdMAX ", %" PRIdMAX ")\n", file,
                          line, expression, left, right);
    end(text, length, sizeof text);
}
