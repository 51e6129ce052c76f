/* Turns the time at which a file was written into a moment of waiting. */
#include "config/writers.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/include.h"
#include "config/memory.h"
#include "config/options/options.h"

#include <sys/stat.h>
#include <time.h>

#define QUIET_NS (WRITERS_QUIET_MS * NS_PER_MS)
#define LOOKS_MOST 5 /* at each of two files */

/* How long it has still to be left alone; 0 of a file that is not there, or whose time is none. */
static int64_t owed_ns(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0) {
        return 0;
    }
    int64_t age_ns = clock_wall_ns() - (found.st_mtim.tv_sec * NS_PER_SECOND + found.st_mtim.tv_nsec);
    return age_ns < 0 || age_ns >= QUIET_NS ? 0 : QUIET_NS - age_ns;
}

static void await(const char *path)
{
    int64_t left_ns = owed_ns(path);
    for (int looks = 0; left_ns > 0 && looks < LOOKS_MOST; looks++) {
        ASSERT_AT_MOST(left_ns, QUIET_NS);
        const struct timespec pause = { .tv_nsec = left_ns };
        nanosleep(&pause, NULL); /* a signal may end it: then there is another look */
        left_ns = owed_ns(path);
    }
}

void writers_await(const char *path, const struct config *served)
{
    struct config_memory *memory = memory_new();
    await(path);
    if (memory != NULL && *served->keys_file != '\0') {
        const char *keys = include_beside(memory, path, served->keys_file);
        await(keys != NULL ? keys : path);
    }
    memory_free(memory);
}
