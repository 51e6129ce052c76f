/* A library to preload: writes down what is done to the files and folders below SLUICE_POWER_LOSS_ROOT, in the order in
 * which it happens, into SLUICE_POWER_LOSS_LOG. After a kill power_loss.py makes of it what a power loss could have left: a
 * kill alone loses nothing of what the kernel has.
 *
 * SLUICE_POWER_LOSS_BLIND: syncs of files and folders whose paths hold this text (end in it, if a $ stands behind it) do
 * nothing, and are said to have worked: so it is seen whether the harness finds what is lost then. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The next library's, of the same name. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MOST_FILES 65536

/* Of the log; power_loss.py reads it as "<QQQIIB7x", then the two texts. */
struct record {
    uint64_t inode;
    uint64_t number; /* offset, length, or the sync's own */
    uint64_t unused;
    uint32_t first_len, second_len;
    char what;
    char padding[7];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* what is written down happens in that order */
static int log_fd = -1;
static uint64_t syncs;
static bool is_below[MOST_FILES]; /* descriptors of files below the root */

static void note(char what, uint64_t inode, uint64_t number, const void *first, size_t first_len, const char *second)
{
    struct record record = { .what = what, .inode = inode, .number = number };
    record.first_len = (uint32_t)first_len;
    record.second_len = second == NULL ? 0 : (uint32_t)strlen(second);
    struct iovec parts[] = { { &record, sizeof record },
                             { (void *)(uintptr_t)first, first_len },
                             { (void *)(uintptr_t)second, record.second_len } };
    if (log_fd < 0) {
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("SLUICE_POWER_LOSS_LOG"),
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    if (syscall(SYS_writev, log_fd, parts, 3) != (long)(sizeof record + first_len + record.second_len)) {
        abort(); /* half a log would blame the gateway */
    }
}

/* The absolute path below the root, in `full`; false: somewhere else. */
static bool find_path(int folder, const char *path, char full[PATH_MAX])
{
    const char *root = getenv("SLUICE_POWER_LOSS_ROOT");
    char link[64];
    ssize_t len = 0;
    if (path[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        len = readlink(link, full, PATH_MAX - 2);
        if (len < 0) {
            return false;
        }
        full[len++] = '/';
    }
    snprintf(full + len, (size_t)(PATH_MAX - len), "%s", path);
    return root != NULL && strncmp(full, root, strlen(root)) == 0;
}

static uint64_t inode_of(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static int open_below(int folder, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    int (*real)(int, const char *, int, ...) = REAL(openat);
    if (!find_path(folder, path, full)) {
        return real(folder, path, flags, mode);
    }
    pthread_mutex_lock(&mutex);
    bool is_new = (flags & O_CREAT) != 0 && access(full, F_OK) != 0;
    int fd = real(folder, path, flags, mode);
    int error = errno;
    if (fd >= 0 && fd < MOST_FILES) {
        is_below[fd] = true;
        if (is_new) {
            note('C', inode_of(fd), 0, full, strlen(full), NULL);
        } else if ((flags & O_TRUNC) != 0) {
            note('T', inode_of(fd), 0, NULL, 0, NULL);
        }
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return fd;
}

#define MODE_OF(flags)                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                                      \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode = va_arg(list, mode_t);                                                                                   \
        va_end(list);                                                                                                  \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_below(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_below(folder, path, flags, mode);
}

static bool is_known(int fd)
{
    return fd >= 0 && fd < MOST_FILES && is_below[fd];
}

int close(int fd)
{
    if (is_known(fd)) {
        is_below[fd] = false;
    }
    return REAL(close)(fd);
}

static void note_write(int fd, const void *data, ssize_t written, uint64_t at)
{
    int error = errno;
    if (written > 0) {
        note('W', inode_of(fd), at, data, (size_t)written, NULL);
    }
    errno = error;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (!is_known(fd)) {
        return REAL(pwrite)(fd, data, len, at);
    }
    pthread_mutex_lock(&mutex);
    ssize_t written = REAL(pwrite)(fd, data, len, at);
    note_write(fd, data, written, (uint64_t)at);
    pthread_mutex_unlock(&mutex);
    return written;
}

ssize_t write(int fd, const void *data, size_t len)
{
    if (!is_known(fd)) {
        return REAL(write)(fd, data, len);
    }
    pthread_mutex_lock(&mutex);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t written = REAL(write)(fd, data, len);
    note_write(fd, data, written, (uint64_t)at);
    pthread_mutex_unlock(&mutex);
    return written;
}

int ftruncate(int fd, off_t length)
{
    if (!is_known(fd)) {
        return REAL(ftruncate)(fd, length);
    }
    pthread_mutex_lock(&mutex);
    int result = REAL(ftruncate)(fd, length);
    int error = errno;
    if (result == 0) {
        note('T', inode_of(fd), (uint64_t)length, NULL, 0, NULL);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

static bool is_blind_to(int fd)
{
    const char *text = getenv("SLUICE_POWER_LOSS_BLIND");
    char link[64];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = text == NULL ? -1 : readlink(link, path, sizeof path - 1);
    if (len < 0) {
        return false;
    }
    path[len] = '\0';
    size_t tail = strlen(text);
    if (tail != 0 && text[tail - 1] == '$') {
        tail--;
        return (size_t)len >= tail && memcmp(path + (size_t)len - tail, text, tail) == 0;
    }
    return strstr(path, text) != NULL;
}

/* What was written before it began is durable once it has worked. Others go on meanwhile. */
static int sync_noted(int fd, int (*real)(int))
{
    if (!is_known(fd)) {
        return real(fd);
    }
    if (is_blind_to(fd)) {
        return 0;
    }
    uint64_t inode = inode_of(fd);
    pthread_mutex_lock(&mutex);
    uint64_t number = ++syncs;
    note('B', inode, number, NULL, 0, NULL);
    pthread_mutex_unlock(&mutex);
    int result = real(fd);
    int error = errno;
    if (result == 0) {
        pthread_mutex_lock(&mutex);
        note('S', inode, number, NULL, 0, NULL);
        pthread_mutex_unlock(&mutex);
    }
    errno = error;
    return result;
}

int fsync(int fd)
{
    return sync_noted(fd, REAL(fsync));
}

int fdatasync(int fd)
{
    return sync_noted(fd, REAL(fdatasync));
}

int rename(const char *from, const char *to)
{
    char first[PATH_MAX], second[PATH_MAX];
    if (!find_path(AT_FDCWD, from, first) || !find_path(AT_FDCWD, to, second)) {
        return REAL(rename)(from, to);
    }
    pthread_mutex_lock(&mutex);
    int result = REAL(rename)(from, to);
    int error = errno;
    if (result == 0) {
        note('R', 0, 0, first, strlen(first), second);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

static int unlink_below(int folder, const char *path, int flags)
{
    char full[PATH_MAX];
    if (!find_path(folder, path, full)) {
        return REAL(unlinkat)(folder, path, flags);
    }
    pthread_mutex_lock(&mutex);
    int result = REAL(unlinkat)(folder, path, flags);
    int error = errno;
    if (result == 0) {
        note('U', 0, 0, full, strlen(full), NULL);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int unlink(const char *path)
{
    return unlink_below(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return unlink_below(folder, path, flags);
}

int rmdir(const char *path)
{
    return unlink_below(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
    char full[PATH_MAX];
    struct stat info;
    if (!find_path(AT_FDCWD, path, full)) {
        return REAL(mkdir)(path, mode);
    }
    pthread_mutex_lock(&mutex);
    int result = REAL(mkdir)(path, mode);
    int error = errno;
    if (result == 0 && stat(full, &info) == 0) {
        note('D', info.st_ino, 0, full, strlen(full), NULL);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

/* What a caller of 64-bit offsets is linked to; here they are the same. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pwrite64(int fd, const void *data, size_t len, off_t at) __attribute__((alias("pwrite")));
int ftruncate64(int fd, off_t length) __attribute__((alias("ftruncate")));
