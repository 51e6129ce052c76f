/* Turns a path into a folder that is ours alone. */
#include "base/system/data_folder.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/system/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct buf *problem, const char *what, const char *path)
{
    buf_printf(problem, "journal.data: cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

static int open_lock(const char *path)
{
    struct buf name = { 0 };
    buf_printf(&name, "%s/LOCK", path);
    int fd = buf_c_string(&name) == NULL ? -1 : disk_open_plain(name.data, O_RDWR | O_CREAT);
    buf_release(&name);
    return fd;
}

static bool in_use(const struct data_folder *folder, struct buf *problem)
{
    char pid[32] = "";
    ssize_t got = pread(folder->lock_fd, pid, sizeof pid - 1, 0);
    buf_printf(
        problem,
        "journal.data: %s is in use by another gateway (pid %.*s); stop it, or give this one a folder of its own",
        folder->path, got > 0 ? (int)strcspn(pid, "\n") : 7, got > 0 ? pid : "unknown");
    return false;
}

/* Nothing but a pid: else somebody gave another file the name, and it is not written over. */
static bool is_ours(int fd)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof text, 0);
    bool ours = len >= 0 && (size_t)len < sizeof text;
    for (ssize_t i = 0; ours && i < len; i++) {
        ours = (text[i] >= '0' && text[i] <= '9') || text[i] == '\n';
    }
    return ours;
}

/* Only the message of in_use would miss it. */
static void write_pid(int fd)
{
    char pid[32];
    if (!is_ours(fd)) {
        LOG(LOG_WARN, "LOCK not written", "it holds something else than a pid: is it another file's link?");
        return;
    }
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        LOG(LOG_WARN, "LOCK not written", "%s", strerror(errno));
    }
}

/* What cannot be opened is no folder, or not ours. */
static bool sync_folders(const char *path)
{
    DIR *folder = opendir(path);
    bool done = folder != NULL;
    for (struct dirent *entry; done && (entry = readdir(folder)) != NULL;) {
        int fd = strcmp(entry->d_name, "..") == 0
                     ? -1
                     : openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0) {
            done = fsync(fd) == 0;
            close(fd);
        }
    }
    if (folder != NULL) {
        int number = errno;
        closedir(folder);
        errno = number;
    }
    return done;
}

/* One that was there keeps its mode: somebody may have let a group in, for backups. */
static void tell_if_open(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & S_IRWXO) != 0) {
        LOG(LOG_WARN, "data folder is open", "every user of this machine may look into %s: chmod 700 it, or 750", path);
    }
}

bool data_folder_take(struct data_folder *folder, const char *data, bool make, struct buf *problem)
{
    *folder = (struct data_folder){ .lock_fd = -1 };
    if (make && !disk_make_path(data)) {
        return fail(problem, "make the folder", data);
    }
    folder->path = realpath(data, NULL);
    if (folder->path == NULL) {
        return fail(problem, "find the folder", data);
    }
    folder->lock_fd = open_lock(folder->path);
    if (folder->lock_fd < 0 && (errno == ELOOP || errno == EISDIR)) {
        buf_printf(problem, "journal.data: LOCK in %s is a link, a folder or a pipe; remove it", folder->path);
        return false;
    }
    if (folder->lock_fd < 0) {
        return fail(problem, "open LOCK in", folder->path);
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return in_use(folder, problem);
    }
    write_pid(folder->lock_fd);
    tell_if_open(folder->path);
    return true;
}

bool data_folder_sync(const struct data_folder *folder, struct buf *problem)
{
    ASSERT(folder->path != NULL && folder->lock_fd >= 0);
    return sync_folders(folder->path) || fail(problem, "sync the folders in", folder->path);
}

void data_folder_release(struct data_folder *folder)
{
    if (folder->path != NULL && folder->lock_fd >= 0) {
        close(folder->lock_fd);
    }
    free(folder->path);
    *folder = (struct data_folder){ .lock_fd = -1 };
}
