/* Turns what does not check into files of a folder where nothing is written over. */
#include "pipeline/journal/set_aside.h"

#include "base/system/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool holds(const char *path, struct slice bytes)
{
    struct stat info;
    char part[1 << 14];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool same = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == bytes.len;
    while (same && bytes.len != 0) {
        size_t want = bytes.len < sizeof part ? bytes.len : sizeof part;
        same = read(fd, part, want) == (ssize_t)want && memcmp(part, bytes.data, want) == 0;
        bytes = slice_after(bytes, want);
    }
    same = same && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return same;
}

/* <folder>/<name>, with a number behind it from the second on: the first that is not taken, or (*there) whose file holds
 * `bytes` already. The data folder is ours alone, so it stays so. NULL if memory is short. */
static char *choose_path(const char *folder, const char *name, const struct slice *bytes, bool *there)
{
    struct stat info;
    char *path = NULL;
    *there = false;
    for (unsigned number = 1;; number++) {
        char suffix[16] = "";
        if (number > 1) {
            snprintf(suffix, sizeof suffix, ".%u", number);
        }
        if (asprintf(&path, "%s/%s%s", folder, name, suffix) < 0) {
            errno = ENOMEM;
            return NULL;
        }
        *there = bytes != NULL && holds(path, *bytes);
        if (*there || lstat(path, &info) != 0) {
            return path;
        }
        free(path);
    }
}

/* A piece that could not be written whole is none: what it was stays where it is. */
static bool write_piece(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool written = disk_write_all(fd, bytes) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (!written) {
        unlink(path);
    }
    errno = error;
    return written;
}

bool set_aside_piece(const char *folder, const char *name, uint64_t offset, struct slice bytes)
{
    bool there = false;
    char *piece = NULL;
    if (!disk_make_folder(folder) || asprintf(&piece, "%s.%llu.piece", name, (unsigned long long)offset) < 0) {
        return false;
    }
    char *path = choose_path(folder, piece, &bytes, &there);
    bool done = path != NULL && (there || write_piece(path, bytes)) && disk_sync_folder(folder);
    int error = errno;
    free(piece);
    free(path);
    errno = error;
    return done;
}

static bool sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return done;
}

bool set_aside_file(const char *folder, const char *path)
{
    bool there = false;
    if (!disk_make_folder(folder)) {
        return false;
    }
    char *target = choose_path(folder, strrchr(path, '/') + 1, NULL, &there);
    bool done = target != NULL && sync_file(path) && rename(path, target) == 0 && disk_sync_folder(folder);
    int error = errno;
    free(target);
    errno = error;
    return done;
}

uint64_t set_aside_bytes(const char *folder)
{
    uint64_t bytes = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        struct stat info;
        if (fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) {
            bytes += (uint64_t)info.st_size;
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return bytes;
}
