/* Turns system calls on files and folders into steps that a power cut cannot undo. */
#include "base/system/disk.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
#define MOST_PIECES 100000u /* of a file with holes */
#define READ_AT_ONCE ((size_t)1 << 20)

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

int disk_open_plain(const char *path, int flags)
{
    struct stat info;
    int fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        errno = ELOOP;
        fd = -1;
    }
    return fd;
}

/* A file with more pieces than any of ours is as long as it says. */
uint64_t disk_written_length(int fd, uint64_t size)
{
    off_t end = 0;
    for (unsigned pieces = 0; pieces < MOST_PIECES; pieces++) {
        off_t data = lseek(fd, end, SEEK_DATA);
        if (data < 0) {
            return errno == ENXIO && (uint64_t)end < size ? (uint64_t)end : size;
        }
        end = lseek(fd, data, SEEK_HOLE);
        if (end < 0 || (uint64_t)end >= size) {
            return size;
        }
    }
    return size;
}

/* As pread; a signal does not end it. */
static ssize_t read_some(int fd, char *into, size_t len, uint64_t at)
{
    ssize_t count;
    do {
        count = pread(fd, into, len, (off_t)at);
    } while (count < 0 && errno == EINTR);
    return count;
}

static enum error make_room(struct buf *out, uint64_t length)
{
    if (length > SIZE_MAX || !buf_reserve(out, (size_t)length)) {
        errno = ENOMEM;
        return ERROR_OUT_OF_MEMORY;
    }
    return OK;
}

enum error disk_read(int fd, uint64_t length, struct buf *out)
{
    size_t before = out->len;
    enum error error = make_room(out, length);
    for (uint64_t at = 0; error == OK && at < length;) {
        ssize_t count = read_some(fd, out->data + out->len, (size_t)(length - at), at);
        if (count <= 0) {
            errno = count == 0 ? EIO : errno;
            error = disk_error(errno);
            out->len = before;
            break;
        }
        out->len += (size_t)count;
        at += (uint64_t)count;
    }
    return error;
}

/* What file systems say of bytes that are lost. All else may pass, and is no verdict on them. */
static bool is_unreadable(int number)
{
    static const int numbers[] = { EIO, EBADMSG, EUCLEAN, ENODATA, EREMOTEIO, EILSEQ };
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        if (number == numbers[i]) {
            return true;
        }
    }
    return false;
}

/* Not zeros, which a journal takes for room that was never written. */
static void fill_hole(char *into, size_t len)
{
    static const char text[] = "unreadable page ";
    for (size_t i = 0; i < len; i++) {
        into[i] = text[i % (sizeof text - 1)];
    }
}

/* At most `len` bytes at `at`; a hole is one page. The count of bytes; 0: the file ends; -1 with errno. */
static ssize_t salvage_some(int fd, char *into, size_t len, uint64_t at, struct disk_holes *holes)
{
    ssize_t count = read_some(fd, into, len, at);
    if (count < 0 && is_unreadable(errno)) {
        size_t page = PAGE - at % PAGE;
        len = len < page ? len : page;
        count = read_some(fd, into, len, at);
        if (count < 0 && is_unreadable(errno)) {
            fill_hole(into, len);
            holes->bytes += len;
            holes->end = at + len;
            ASSERT_AT_MOST(len, PAGE);
            count = (ssize_t)len;
        }
    }
    return count;
}

enum error disk_salvage(int fd, uint64_t length, struct buf *out, struct disk_holes *holes)
{
    *holes = (struct disk_holes){ 0 };
    enum error error = make_room(out, length);
    for (uint64_t at = 0; error == OK && at < length;) {
        size_t piece = length - at < READ_AT_ONCE ? (size_t)(length - at) : READ_AT_ONCE;
        ssize_t count = salvage_some(fd, out->data + out->len, piece, at, holes);
        if (count == 0) {
            break;
        }
        error = count < 0 ? disk_error(errno) : OK;
        out->len += count < 0 ? 0 : (size_t)count;
        ASSERT_AT_MOST(out->len, out->cap);
        at += count < 0 ? 0 : (uint64_t)count;
    }
    return error;
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

/* A folder above the data folder may be closed to us, and some file systems do not sync folders. */
static bool is_beyond_us(int number)
{
    return number == EACCES || number == EPERM || number == EINVAL || number == ENOSYS || number == EROFS;
}

/* One that is there may have been made a moment before a crash of who made it: it is synced all the same. */
bool disk_make_folder(const char *path)
{
    struct stat info;
    int error;
    if (mkdir(path, 0700) == 0) {
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
    return there && (sync_parent(path) || is_beyond_us(errno));
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
    switch (number) {
    case ENOSPC:
    case EDQUOT: return ERROR_DISK_FULL;
    case ENOMEM: return ERROR_OUT_OF_MEMORY;
    default: return ERROR_JOURNAL_FAILED;
    }
}

bool disk_free_bytes(const char *folder, uint64_t *bytes)
{
    struct statvfs room;
    bool known = statvfs(folder, &room) == 0;
    if (known) {
        *bytes = (uint64_t)room.f_bavail * room.f_frsize;
    }
    return known;
}
