/* Turns system calls on files and folders into steps that a power cut cannot undo. */
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool disk_write_all(int fd, struct slice bytes)
{
    while (bytes.len != 0) {
        ssize_t count = write(fd, bytes.data, bytes.len);
        if (count <= 0) {
            return false;
        }
        bytes = slice_after(bytes, (size_t)count);
    }
    return true;
}

bool disk_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool done = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return done;
}

static bool sync_parent(const char *path)
{
    char *parent = NULL;
    bool done = asprintf(&parent, "%s/..", path) >= 0 && disk_sync_folder(parent);
    int error = errno;
    free(parent);
    errno = error;
    return done;
}

bool disk_make_folder(const char *path)
{
    struct stat info;
    int error;
    if (mkdir(path, 0750) == 0) {
        if (sync_parent(path)) {
            return true;
        }
        error = errno;
        rmdir(path); /* or the next call would find it, and a power cut would not leave it */
        errno = error;
        return false;
    }
    error = errno;
    bool there = error == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    errno = error;
    return there;
}

bool disk_make_path(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        errno = len == 0 ? ENOENT : ENAMETOOLONG;
        return false;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (!disk_make_folder(part)) {
                return false;
            }
        }
    }
    return true;
}

enum error disk_error(int number)
{
    return number == ENOSPC || number == EDQUOT ? ERROR_DISK_FULL : ERROR_JOURNAL_FAILED;
}
