/* The one place where the process ends for want of memory: in libraries that know no other way, an event loop above all.
 * Everything else answers 503, or tries again. */
#pragma once

#include <stddef.h>

/* As realloc, but it waits for memory, up to two seconds, as other threads give some back; then the process ends with a
 * message that names `what`. Acknowledged events are in the journal. A size of 0 frees. */
void *short_memory_wait(void *memory, size_t size, const char *what);

/* Ends the process with exit code 1 and a line in the log. */
_Noreturn void short_memory_end(const char *what);
