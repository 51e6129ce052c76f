/* Turns want of memory into a wait, and a wait that is too long into an end with a reason. */
#include "base/system/short_memory.h"

#include "base/log.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRIES 200
#define REST_NS 10000000L

_Noreturn void short_memory_end(const char *what)
{
    LOG(LOG_ERROR, "out of memory",
        "%s cannot go on without memory: the process ends; what was acknowledged waits in the journal", what);
    _exit(1);
}

void *short_memory_wait(void *memory, size_t size, const char *what)
{
    if (size == 0) {
        free(memory);
        return NULL;
    }
    for (int i = 0; i < TRIES; i++) {
        void *larger = realloc(memory, size);
        if (larger != NULL) {
            return larger;
        }
        nanosleep(&(struct timespec){ .tv_nsec = REST_NS }, NULL);
    }
    short_memory_end(what);
}
