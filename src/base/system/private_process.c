/* Turns off what would show the process' files and memory to others. */
#include "base/system/private_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

void private_files(void)
{
    umask(S_IRWXG | S_IRWXO);
}

static rlim_t core_before;

static bool limit_core(rlim_t to, rlim_t *before)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) {
        return false;
    }
    *before = limit.rlim_cur;
    limit.rlim_cur = to;
    return setrlimit(RLIMIT_CORE, &limit) == 0;
}

/* The limit alone is not heeded by a core_pattern that is a program. */
bool private_memory(void)
{
    return limit_core(0, &core_before) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

void private_memory_end(void)
{
    rlim_t private;
    if (limit_core(core_before, &private)) {
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }
}
