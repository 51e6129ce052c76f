/* Turns the n-th passing of an armed point into the death of the process. */
#include "base/system/crash_point.h"

#ifdef SLUICE_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define CRASH_POINT_NAME(name, where) [CRASH_POINT_##name] = #name,
    CRASH_POINT_LIST(CRASH_POINT_NAME)
#undef CRASH_POINT_NAME
};

static enum crash_point armed = CRASH_POINT_COUNT;
static atomic_ullong passes_left;

void crash_point_pass(enum crash_point point)
{
    if (point == armed && atomic_fetch_sub(&passes_left, 1) == 1) {
        kill(getpid(), SIGKILL);
        for (;;) {
            pause(); /* nothing of this thread happens after the point */
        }
    }
}

static enum crash_point find(struct slice name)
{
    size_t point = 0;
    while (point < CRASH_POINT_COUNT && !slice_equal(name, slice_from_string(names[point]))) {
        point++;
    }
    return (enum crash_point)point;
}

bool crash_points_arm(const char *text, struct buf *problem)
{
    if (text == NULL) {
        return true;
    }
    struct slice rest = slice_from_string(text), name;
    uint64_t pass = 0;
    enum crash_point point = slice_split(&rest, ':', &name) ? find(name) : CRASH_POINT_COUNT;
    if (point == CRASH_POINT_COUNT || !slice_to_u64(rest, &pass) || pass == 0) {
        buf_printf(problem, "SLUICE_CRASH_POINT=%s: expected name:n with n of 1 or more and one of these names:", text);
        for (size_t i = 0; i < CRASH_POINT_COUNT; i++) {
            buf_printf(problem, " %s", names[i]);
        }
        return false;
    }
    atomic_store(&passes_left, pass);
    armed = point;
    return true;
}

#else

/* A translation unit is never empty. */
typedef int crash_points_are_not_built_in;

#endif
