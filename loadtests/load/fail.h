/* What cannot go on ends the program with a message and exit code 1; a wrong option ends it with 2 (options.h). */
#pragma once

#include "base/bytes.h"

_Noreturn void fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* With the reason that errno has. */
_Noreturn void fail_errno(const char *what);

/* Zeroed memory. */
void *must_allocate(size_t size);
