/* Turns orders into files, and files into orders. */
#include "rejects/reject_order_files.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/system/disk.h"
#include "rejects/reject_files.h"
#include "rejects/reject_order.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_ORDER ((off_t)1 << 20)
#define REPORT_KEPT_SECONDS 86400 /* of a command that went away */

/* <data>/rejects/orders[/name.suffix] */
static char *path_of(const char *data, const char *name, const char *suffix)
{
    char *path = NULL;
    int length =
        asprintf(&path, "%s/%s/%s%s%s%s", data, REJECT_FOLDER, REJECT_ORDERS, name[0] == '\0' ? "" : "/", name, suffix);
    return length < 0 ? NULL : path;
}

static bool make_folders(const char *data)
{
    char *outer = NULL, *inner = path_of(data, "", "");
    bool made = asprintf(&outer, "%s/%s", data, REJECT_FOLDER) >= 0 && inner != NULL && disk_make_folder(outer) &&
                disk_make_folder(inner);
    int why = errno;
    free(outer);
    free(inner);
    errno = why;
    return made;
}

/* Whole under its name, or not there. */
static bool write_file(const char *data, const char *name, const char *suffix, struct slice text)
{
    char *temporary = path_of(data, name, ".tmp"), *path = path_of(data, name, suffix);
    int fd = temporary == NULL || path == NULL
                 ? -1
                 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && disk_write_all(fd, text) && fdatasync(fd) == 0;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        why = errno;
    }
    free(temporary);
    free(path);
    errno = why;
    return written;
}

static bool read_file(const char *path, struct buf *out)
{
    struct stat status;
    int fd = path == NULL ? -1 : disk_open_plain(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && fstat(fd, &status) == 0 && status.st_size <= MOST_ORDER &&
                disk_read(fd, (uint64_t)status.st_size, out) == OK;
    if (fd >= 0) {
        close(fd);
    }
    return read;
}

bool reject_order_give(const char *data, const struct reject_order *order, char name[ORDER_NAME_MAX])
{
    struct buf text = { 0 };
    snprintf(name, ORDER_NAME_MAX, "%020lld-%d", (long long)clock_wall_ns(), (int)getpid());
    reject_order_write(order, &text);
    errno = ENOMEM;
    bool given = !text.failed && make_folders(data) && write_file(data, name, REJECT_ORDER_SUFFIX, buf_slice(&text));
    buf_release(&text);
    return given;
}

bool reject_order_report(const char *data, const char *name, struct reject_report *report)
{
    struct buf text = { 0 };
    char *path = path_of(data, name, REJECT_DONE_SUFFIX);
    bool there = read_file(path, &text) && reject_report_read(report, buf_slice(&text));
    if (there) {
        unlink(path);
    }
    free(path);
    buf_release(&text);
    return there;
}

static void remove_file(const char *data, const char *name, const char *suffix)
{
    char *path = path_of(data, name, suffix);
    if (path != NULL) {
        unlink(path);
    }
    free(path);
}

/* The name without this suffix; false: it ends with something else, or is too long. */
static bool strip(const char *name, const char *suffix, char out[ORDER_NAME_MAX])
{
    size_t len = strlen(name), end = strlen(suffix);
    if (len <= end || len - end >= ORDER_NAME_MAX || strcmp(name + len - end, suffix) != 0) {
        return false;
    }
    memcpy(out, name, len - end);
    out[len - end] = '\0';
    return true;
}

static void remove_old_report(int folder, const char *name)
{
    struct stat status;
    char bare[ORDER_NAME_MAX];
    if (strip(name, REJECT_DONE_SUFFIX, bare) && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtime + REPORT_KEPT_SECONDS < clock_wall_ns() / NS_PER_SECOND) {
        unlinkat(folder, name, 0);
    }
}

/* Names begin with the time. */
static bool find_first(const char *data, char name[ORDER_NAME_MAX])
{
    char *path = path_of(data, "", "");
    DIR *folder = path == NULL ? NULL : opendir(path);
    bool found = false;
    free(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char bare[ORDER_NAME_MAX];
        remove_old_report(dirfd(folder), entry->d_name);
        if (strip(entry->d_name, REJECT_ORDER_SUFFIX, bare) && (!found || strcmp(bare, name) < 0)) {
            memcpy(name, bare, sizeof bare);
            found = true;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

bool reject_order_take(const char *data, char name[ORDER_NAME_MAX], struct buf *text)
{
    if (!find_first(data, name)) {
        return false;
    }
    char *path = path_of(data, name, REJECT_ORDER_SUFFIX);
    buf_clear(text);
    bool read = read_file(path, text);
    if (!read && path != NULL) {
        unlink(path);
    }
    free(path);
    return read;
}

void reject_order_done(const char *data, const char *name, const struct reject_report *report)
{
    struct buf text = { 0 };
    ASSERT(name[0] != '\0');
    reject_report_write(report, &text);
    bool written = !text.failed && write_file(data, name, REJECT_DONE_SUFFIX, buf_slice(&text));
    (void)written; /* the command waits in vain; what it asked for is done */
    remove_file(data, name, REJECT_ORDER_SUFFIX);
    buf_release(&text);
}
