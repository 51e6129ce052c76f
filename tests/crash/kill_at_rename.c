/* A library to preload: kills the process at the n-th time that ClickHouse is about to give a new part its name, that is
 * after it wrote the deduplication token and before the rows are in the table. No real part can be made to die just
 * there.
 *
 * SLUICE_KILL_AT_RENAME=n; parts of system tables do not count (their paths hold no SLUICE_KILL_PATH). */
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic int seen;

static void count_rename(const char *from, const char *to)
{
    const char *at = getenv("SLUICE_KILL_AT_RENAME");
    const char *path = getenv("SLUICE_KILL_PATH");
    if (at == NULL || strstr(from, "tmp_insert") == NULL || strstr(to, "tmp_insert") != NULL ||
        (path != NULL && strstr(from, path) == NULL)) {
        return;
    }
    if (atomic_fetch_add(&seen, 1) + 1 == atoi(at)) {
        kill(getpid(), SIGKILL);
    }
}

int rename(const char *from, const char *to)
{
    count_rename(from, to);
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return real(from, to);
}

/* ClickHouse calls renameat2 by its number. */
long syscall(long number, ...)
{
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_renameat2) {
        count_rename((const char *)a[1], (const char *)a[3]);
    }
    long (*real)(long, ...) = dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
