/* Turns a path beneath a folder into an open file. */
#include "proto/files/file_beneath.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_NONBLOCK: the open of a pipe returns, and is seen to be no file. */
#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
#define STEP_FLAGS (O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW)

static int open_beneath(int folder, const char *path)
{
    const struct open_how how = {
        .flags = READ_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

static int with_stat(int fd, struct stat *about)
{
    if (fd >= 0 && fstat(fd, about) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* The folder's own descriptor stays open, those of the steps do not. */
static int step_into(int folder, int at, const char *name, int flags)
{
    int next = openat(at, name, flags | O_NOFOLLOW);
    int error = errno;
    if (at != folder) {
        close(at);
    }
    errno = error;
    return next;
}

int file_beneath_open_by_steps(int folder, const char *path, struct stat *about)
{
    struct slice rest = slice_from_string(path), segment;
    int at = folder;
    while (slice_split(&rest, '/', &segment)) {
        char name[256];
        if (segment.len == 0) {
            continue;
        }
        ASSERT(!slice_equal(segment, SLICE("..")));
        if (segment.len >= sizeof name) {
            if (at != folder) {
                close(at);
            }
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, segment.data, segment.len);
        name[segment.len] = '\0';
        bool last = rest.data == NULL || rest.len == 0;
        at = step_into(folder, at, name, last ? READ_FLAGS : STEP_FLAGS);
        if (at < 0) {
            return -1;
        }
    }
    return with_stat(at, about);
}

int file_beneath_open(int folder, const char *path, struct stat *about)
{
    ASSERT(path[0] != '/' && path[0] != '\0');
    int fd = open_beneath(folder, path);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) { /* EPERM: a filter of system calls that does not know it */
        return file_beneath_open_by_steps(folder, path, about);
    }
    return with_stat(fd, about);
}

bool file_beneath_has_openat2(int folder)
{
    int fd = open_beneath(folder, ".");
    if (fd >= 0) {
        close(fd);
        return true;
    }
    return errno != ENOSYS && errno != EPERM;
}
