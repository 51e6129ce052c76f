/* Turns the time at which a file was written into a moment of waiting, and two configurations into the guards that one lacks. */
#include "config/half_written.h"

#include "base/assert.h"
#include "base/clock.h"
#include "config/include.h"
#include "config/options/udp_options.h"
#include "config/yaml/memory.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define QUIET_NS (HALF_WRITTEN_QUIET_MS * NS_PER_MS)
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

void half_written_await(const char *path, const char *keys_file)
{
    struct config_memory *memory = memory_new();
    await(path);
    if (memory != NULL && *keys_file != '\0') {
        const char *keys = include_beside(memory, path, keys_file);
        await(keys != NULL ? keys : path);
    }
    memory_free(memory);
}

static bool is_guarded(const struct udp_listener_options *listener)
{
    return listener->allow.count != 0 || listener->hmac.count != 0;
}

/* Listeners are the same ones: others take a restart. */
static bool keeps_rules(const struct guards *served, const struct guards *next, const char *path, struct buf *problems)
{
    bool keeps = true;
    for (size_t i = 0; i < served->udp->listener_count && i < next->udp->listener_count; i++) {
        const struct udp_listener_options *was = &served->udp->listeners[i], *is = &next->udp->listeners[i];
        if (strcmp(was->listen, is->listen) == 0 && is_guarded(was) && !is_guarded(is)) {
            buf_printf(problems,
                       "%s: udp: found neither allow nor hmac at %s, expected one, as there is one now: without them "
                       "everybody may send; if that is meant, say allow: [\"0.0.0.0/0\", \"::/0\"]\n",
                       path, is->listen);
            keeps = false;
        }
    }
    return keeps;
}

static bool keeps_keys(const struct guards *served, const struct guards *next, const char *path, struct buf *problems)
{
    bool keeps = served->key_count == 0 || next->key_count != 0;
    if (!keeps) {
        buf_printf(problems,
                   "%s: keys: found none, expected one or more, as there are some now: without keys everybody may come "
                   "in, which takes a restart\n",
                   path);
    }
    return keeps;
}

bool half_written_keeps(const struct guards *served, const struct guards *next, const char *path, struct buf *problems)
{
    ASSERT(served->udp != NULL && next->udp != NULL);
    bool keys = keeps_keys(served, next, path, problems);
    return keeps_rules(served, next, path, problems) && keys;
}
