/* Turns lines into files, and files into lines. */
#include "rejects/reject_files.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/system/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".tmp"

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

/* The number in "events-1767225600000000.ndjson"; false: it is no file of rejects. */
static bool read_number(const char *name, uint64_t *number)
{
    size_t len = strlen(name), suffix = strlen(REJECT_SUFFIX);
    const char *dash = strrchr(name, '-');
    if (len <= suffix || len >= REJECT_NAME_MAX || dash == NULL || strcmp(name + len - suffix, REJECT_SUFFIX) != 0) {
        return false;
    }
    struct slice digits = slice_make(dash + 1, (size_t)(name + len - suffix - dash - 1));
    return digits.len != 0 && slice_to_u64(digits, number) && *number != 0;
}

static bool add(struct reject_files *files, const char *name, uint64_t number, uint64_t size)
{
    if (files->count == files->room) {
        size_t room = files->room == 0 ? 16 : files->room * 2;
        struct reject_file *items = realloc(files->items, room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        files->items = items;
        files->room = room;
    }
    struct reject_file *file = &files->items[files->count++];
    *file = (struct reject_file){ .number = number, .size = size };
    memcpy(file->name, name, strlen(name) + 1);
    files->bytes += size;
    files->last = number > files->last ? number : files->last;
    return true;
}

static void forget(struct reject_files *files, size_t at)
{
    ASSERT_BELOW(at, files->count);
    ASSERT_AT_MOST(files->items[at].size, files->bytes);
    files->bytes -= files->items[at].size;
    files->count--;
    memmove(&files->items[at], &files->items[at + 1], (files->count - at) * sizeof files->items[0]);
}

static int by_number(const void *a, const void *b)
{
    const struct reject_file *first = a, *second = b;
    return first->number < second->number ? -1 : first->number > second->number;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* False: memory is short. What a crash left half written goes. */
static bool add_entry(struct reject_files *files, int folder, const char *name, bool owner)
{
    struct stat status;
    uint64_t number;
    if (ends_with(name, TEMPORARY)) {
        if (owner) {
            unlinkat(folder, name, 0);
        }
        return true;
    }
    bool plain = read_number(name, &number) && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                 S_ISREG(status.st_mode);
    if (plain && !add(files, name, number, (uint64_t)status.st_size)) {
        return false;
    }
    if (plain) {
        files->items[files->count - 1].found = true;
    }
    return true;
}

static bool list(struct reject_files *files, DIR *folder, bool owner)
{
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(folder)) != NULL;) {
        fine = add_entry(files, dirfd(folder), entry->d_name, owner);
    }
    if (files->count != 0) {
        qsort(files->items, files->count, sizeof files->items[0], by_number);
    }
    return fine;
}

bool reject_files_open(struct reject_files *files, const char *data, bool owner, struct buf *problem)
{
    *files = (struct reject_files){ .folder = join(data, REJECT_FOLDER) };
    DIR *folder = files->folder == NULL ? NULL : opendir(files->folder);
    if (folder == NULL && files->folder != NULL && errno == ENOENT) {
        return true;
    }
    bool listed = folder != NULL && list(files, folder, owner);
    if (!listed) {
        buf_printf(problem, "rejects: cannot list %s/%s: %s", data, REJECT_FOLDER,
                   folder == NULL && files->folder != NULL ? strerror(errno) : "out of memory");
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return listed;
}

void reject_files_close(struct reject_files *files)
{
    free(files->folder);
    free(files->items);
    *files = (struct reject_files){ 0 };
}

size_t reject_files_find(const struct reject_files *files, uint64_t number)
{
    size_t at = 0;
    while (at < files->count && files->items[at].number != number) {
        at++;
    }
    return at;
}

static size_t begin_file(struct reject_files *files, const char *stream, uint64_t *number, int64_t wall_ns)
{
    char name[REJECT_NAME_MAX];
    uint64_t now = wall_ns <= 0 ? 1 : (uint64_t)(wall_ns / NS_PER_US);
    uint64_t next = now > files->last ? now : files->last + 1;
    snprintf(name, sizeof name, "%.200s-%016llu" REJECT_SUFFIX, stream, (unsigned long long)next);
    if (!add(files, name, next, 0)) {
        errno = ENOMEM;
        return files->count;
    }
    *number = next;
    return files->count - 1;
}

/* The lines behind what is there. False with errno: what was written of them is cut off again. */
static bool append_to(struct reject_file *file, int fd, struct slice lines, uint64_t *grown)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return false;
    }
    if (!disk_write_all(fd, lines)) {
        int why = errno;
        int cut = ftruncate(fd, status.st_size);
        (void)cut; /* a line that is torn is passed over when it is read */
        errno = why;
        return false;
    }
    uint64_t size = (uint64_t)status.st_size + lines.len;
    *grown = size - (size < file->size ? size : file->size);
    file->size = size;
    return true;
}

static int open_to_append(const char *folder, const char *path)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(path, flags, 0600);
    return fd < 0 && errno == ENOENT && mkdir(folder, 0700) == 0 ? open(path, flags, 0600) : fd;
}

bool reject_files_append(struct reject_files *files, const char *stream, uint64_t *number, int64_t wall_ns,
                         struct slice lines, uint64_t count)
{
    size_t at = *number == 0 ? files->count : reject_files_find(files, *number);
    if (at == files->count) {
        at = begin_file(files, stream, number, wall_ns);
    }
    if (at == files->count) {
        return false;
    }
    struct reject_file *file = &files->items[at];
    char *path = join(files->folder, file->name);
    int fd = path == NULL ? -1 : open_to_append(files->folder, path);
    uint64_t grown = 0;
    bool written = fd >= 0 && append_to(file, fd, lines, &grown);
    int why = errno;
    files->bytes += grown;
    file->lines += written ? count : 0;
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    if (!written && file->size == 0) {
        forget(files, at);
        *number = 0;
    }
    errno = why;
    return written;
}

static uint64_t count_lines(struct slice text)
{
    uint64_t lines = 0;
    for (struct slice line; slice_split(&text, '\n', &line);) {
        lines += line.len != 0;
    }
    return lines;
}

uint64_t reject_files_remove_oldest(struct reject_files *files)
{
    ASSERT(files->count != 0);
    struct buf text = { 0 };
    uint64_t lines = files->items[0].lines;
    if (files->items[0].found && reject_files_read(files, 0, &text)) {
        lines = count_lines(buf_slice(&text));
    }
    buf_release(&text);
    char *path = join(files->folder, files->items[0].name);
    if (path != NULL) {
        unlink(path);
    }
    free(path);
    forget(files, 0);
    return lines;
}

bool reject_files_read(const struct reject_files *files, size_t at, struct buf *out)
{
    ASSERT_BELOW(at, files->count);
    struct stat status;
    char *path = join(files->folder, files->items[at].name);
    int fd = path == NULL ? -1 : disk_open_plain(path, O_RDONLY | O_CLOEXEC);
    bool read = fd >= 0 && fstat(fd, &status) == 0 && disk_read(fd, (uint64_t)status.st_size, out) == OK;
    int why = errno;
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    errno = why;
    return read;
}

/* Under another name first: the file has these lines or those, and no mixture. */
static bool write_anew(const char *path, struct slice lines)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s" TEMPORARY, path) < 0) {
        errno = ENOMEM;
        return false;
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && disk_write_all(fd, lines) && fdatasync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && written) {
        written = false;
        why = errno;
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        why = errno;
    }
    if (!written) {
        unlink(temporary);
    }
    free(temporary);
    errno = why;
    return written;
}

bool reject_files_replace(struct reject_files *files, size_t at, struct slice lines)
{
    ASSERT_BELOW(at, files->count);
    struct reject_file *file = &files->items[at];
    char *path = join(files->folder, file->name);
    bool done = path != NULL && (lines.len == 0 ? unlink(path) == 0 || errno == ENOENT : write_anew(path, lines));
    int why = errno;
    free(path);
    if (done) {
        files->bytes = files->bytes - file->size + lines.len;
        file->size = lines.len;
        file->found = true;
    }
    if (done && lines.len == 0) {
        forget(files, at);
    }
    errno = why;
    return done;
}

uint64_t reject_files_free_bytes(const char *data)
{
    uint64_t bytes;
    return disk_free_bytes(data, &bytes) ? bytes : UINT64_MAX;
}
