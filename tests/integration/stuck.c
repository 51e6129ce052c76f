/* A library to preload: calls that do not come back for as long as a file is there, as on a disk that hangs. No real
 * disk can be made to hang for a test alone.
 *
 * SLUICE_STUCK_FDATASYNC, SLUICE_STUCK_FSYNC (of the folder journal/, as a start does it), SLUICE_STUCK_ACCEPT: the paths
 * of the files. */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void wait_while(const char *name)
{
    const char *path = getenv(name);
    while (path != NULL && access(path, F_OK) == 0) {
        usleep(20000);
    }
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_while("SLUICE_STUCK_FDATASYNC");
    return real(fd);
}

static bool is_journal(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 8 && memcmp(path + len - 8, "/journal", 8) == 0;
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    if (is_journal(fd)) {
        wait_while("SLUICE_STUCK_FSYNC");
    }
    return real(fd);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int) =
        (int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
    wait_while("SLUICE_STUCK_ACCEPT");
    return real(fd, address, length, flags);
}
