/* Turns off what would show the process' files and memory to others. */
#include "base/system/private_process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

void private_files(void)
{
    umask(S_IRWXG | S_IRWXO);
}

/* The limit alone is not heeded by a core_pattern that is a program. */
bool private_memory(void)
{
    const struct rlimit none = { 0, 0 };
    bool limited = setrlimit(RLIMIT_CORE, &none) == 0;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limited;
}
