/* A disk that may lose what was not synced. It carries the journal's system calls out, remembers what each file and the
 * folder hold for certain, and after a crash leaves them as a power cut or the death of the process could have. Tests
 * that include it fail one call or another, and end the process in the middle of any. */
#pragma once

#include "journal_fixture.h"
#include "pipeline/journal/journal_io.h"

#define DISK_FILES 256

/* Every change of a file since its last fdatasync. */
struct disk_change {
    bool is_cut;
    uint64_t at; /* of a cut: the new length */
    struct buf data;
};

struct disk_file {
    char name[256];
    bool is_linked, is_linked_for_certain;
    struct buf certain; /* at its last fdatasync */
    struct buf now;
    struct disk_change changes[64];
    size_t change_count;
};

/* What a call that fails returns; 0: it works. */
struct disk_faults {
    int pwrite_errno, fdatasync_errno, ftruncate_errno, unlink_errno, folder_errno;
    bool short_write;
};

static struct {
    char folder[128]; /* <data>/journal */
    struct disk_file files[DISK_FILES];
    size_t count;
    struct disk_faults faults;
    int calls_to_live; /* -1: for ever; 0: the process is dead, nothing happens any more */
    uint64_t random;
    int64_t now_ns;
} disk;

/* Below `limit`. */
static inline uint64_t disk_random(uint64_t limit)
{
    disk.random = disk.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (disk.random >> 33) % limit;
}

static inline bool disk_chance(uint64_t one_in)
{
    return disk_random(one_in) == 0;
}

static inline void disk_put(struct buf *content, uint64_t at, struct slice data)
{
    if (at + data.len > content->len) {
        buf_append_fill(content, 0, at + data.len - content->len);
    }
    if (data.len != 0) {
        memcpy(content->data + at, data.data, data.len);
    }
}

static inline void disk_cut(struct buf *content, uint64_t length)
{
    if (length > content->len) {
        buf_append_fill(content, 0, length - content->len);
    }
    content->len = length;
}

static inline void disk_copy(struct buf *to, const struct buf *from)
{
    buf_clear(to);
    buf_append_slice(to, buf_slice(from));
}

/* The file behind a descriptor, by its name, which no other ever had; NULL: a memfd. */
static inline struct disk_file *disk_find(int fd)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    assert_true(len > 0);
    path[len] = '\0';
    char *deleted = strstr(path, " (deleted)");
    if (strncmp(path, "/memfd:", 7) == 0) {
        return NULL;
    }
    if (deleted != NULL) {
        *deleted = '\0';
    }
    const char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < disk.count; i++) {
        if (strcmp(disk.files[i].name, name) == 0) {
            return &disk.files[i];
        }
    }
    assert_true(disk.count < DISK_FILES);
    struct disk_file *file = &disk.files[disk.count++];
    *file = (struct disk_file){ .is_linked = true };
    snprintf(file->name, sizeof file->name, "%s", name);
    return file;
}

static inline void disk_note(struct disk_file *file, bool is_cut, uint64_t at, struct slice data)
{
    if (file == NULL) {
        return;
    }
    assert_true(file->change_count < ARRAY_LENGTH(file->changes));
    struct disk_change *change = &file->changes[file->change_count++];
    *change = (struct disk_change){ .is_cut = is_cut, .at = at };
    buf_append_slice(&change->data, data);
    if (is_cut) {
        disk_cut(&file->now, at);
    } else {
        disk_put(&file->now, at, data);
    }
}

static inline void disk_settle(struct disk_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        buf_release(&file->changes[i].data);
    }
    file->change_count = 0;
    disk_copy(&file->certain, &file->now);
}

/* False: the call fails with `error`, or the process has died before it. */
static inline bool disk_works(int error)
{
    errno = error != 0 ? error : EIO;
    if (disk.calls_to_live == 0) {
        return false;
    }
    disk.calls_to_live -= disk.calls_to_live > 0;
    return error == 0;
}

static ssize_t disk_pwrite(int fd, const void *data, size_t len, off_t at)
{
    bool last = disk.calls_to_live == 1; /* it dies within this call */
    if (!disk_works(disk.faults.pwrite_errno)) {
        return -1;
    }
    len = last || disk.faults.short_write ? disk_random(len) : len;
    disk_note(disk_find(fd), false, (uint64_t)at, slice_make(data, len));
    return pwrite(fd, data, len, at);
}

static int disk_fdatasync(int fd)
{
    if (!disk_works(disk.faults.fdatasync_errno)) {
        return -1;
    }
    disk_settle(disk_find(fd));
    return 0;
}

static int disk_ftruncate(int fd, off_t length)
{
    if (!disk_works(disk.faults.ftruncate_errno)) {
        return -1;
    }
    disk_note(disk_find(fd), true, (uint64_t)length, (struct slice){ "", 0 });
    return ftruncate(fd, length);
}

static int disk_unlink(const char *path)
{
    if (!disk_works(disk.faults.unlink_errno)) {
        return -1;
    }
    for (size_t i = 0; i < disk.count; i++) {
        if (strcmp(disk.files[i].name, strrchr(path, '/') + 1) == 0) {
            disk.files[i].is_linked = false;
        }
    }
    return unlink(path);
}

static int disk_fsync_folder(int fd)
{
    (void)fd;
    if (!disk_works(disk.faults.folder_errno)) {
        return -1;
    }
    for (size_t i = 0; i < disk.count; i++) {
        disk.files[i].is_linked_for_certain = disk.files[i].is_linked;
    }
    return 0;
}

static int disk_create(int folder_fd, const char *name)
{
    return journal_system_io.create(folder_fd, name);
}

static int crash_free_bytes(const char *folder, uint64_t *bytes)
{
    (void)folder;
    *bytes = UINT64_MAX;
    return 0;
}

static int64_t disk_now(void)
{
    return disk.now_ns;
}

static const struct journal_io disk_io = {
    .pwrite = disk_pwrite,
    .fdatasync = disk_fdatasync,
    .ftruncate = disk_ftruncate,
    .unlink = disk_unlink,
    .rename = rename, /* of nothing that it keeps */
    .link = link,
    .fsync_folder = disk_fsync_folder,
    .create = disk_create,
    .free_bytes = crash_free_bytes,
    .monotonic_ns = disk_now,
};

static inline void disk_forget(void)
{
    for (size_t i = 0; i < disk.count; i++) {
        disk_settle(&disk.files[i]);
        buf_release(&disk.files[i].certain);
        buf_release(&disk.files[i].now);
    }
    disk.count = 0;
}

/* Calls `each` with the path of every file of the folder. */
static inline void disk_each(void (*each)(const char *path))
{
    DIR *folder = opendir(disk.folder);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", disk.folder, entry->d_name);
        if (entry->d_name[0] != '.') {
            each(path);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static inline void disk_read_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct stat info;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &info), 0);
    struct disk_file *file = disk_find(fd);
    assert_true(buf_reserve(&file->now, (size_t)info.st_size + 1));
    assert_int_equal(read(fd, file->now.data, (size_t)info.st_size), info.st_size);
    file->now.len = (size_t)info.st_size;
    file->is_linked_for_certain = true;
    disk_settle(file);
    close(fd);
}

/* A process starts: what is in the folder is there for certain. */
static inline void disk_start(void)
{
    disk_forget();
    disk.faults = (struct disk_faults){ 0 };
    disk.calls_to_live = -1;
    disk_each(disk_read_file);
}

/* The changes up to some moment, the last of them perhaps in part. */
static inline void disk_keep_prefix(const struct disk_file *file, struct buf *out)
{
    size_t whole = disk_random(file->change_count + 1);
    disk_copy(out, &file->certain);
    for (size_t i = 0; i < file->change_count && i <= whole; i++) {
        const struct disk_change *change = &file->changes[i];
        struct slice data = buf_slice(&change->data);
        if (change->is_cut) {
            disk_cut(out, i < whole ? change->at : out->len);
        } else {
            disk_put(out, change->at, i < whole ? data : slice_make(data.data, disk_random(data.len + 1)));
        }
    }
}

/* Any of the changed sectors; one that was never written for certain may hold anything. */
static inline void disk_keep_sectors(const struct disk_file *file, struct buf *out)
{
    size_t sector = disk_chance(2) ? 512 : 4096;
    disk_copy(out, &file->certain);
    disk_cut(out, disk_chance(2) ? file->now.len : file->certain.len);
    for (size_t at = 0; at < out->len && at < file->now.len; at += sector) {
        size_t end = at + sector < out->len ? at + sector : out->len;
        size_t end_now = end < file->now.len ? end : file->now.len;
        if (disk_chance(2)) {
            memcpy(out->data + at, file->now.data + at, end_now - at);
        } else if (at >= file->certain.len && disk_chance(2)) {
            for (size_t i = at; i < end; i++) {
                out->data[i] = (char)disk_random(256);
            }
        }
    }
}

static inline void disk_leave_file(const struct disk_file *file, bool power_cut)
{
    char path[512];
    struct buf content = { 0 };
    if (!power_cut) {
        disk_copy(&content, &file->now);
    } else if (disk_chance(2)) {
        disk_keep_prefix(file, &content);
    } else {
        disk_keep_sectors(file, &content);
    }
    snprintf(path, sizeof path, "%s/%s", disk.folder, file->name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.data, content.len), content.len);
    close(fd);
    buf_release(&content);
}

static inline void disk_remove_file(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

/* After the process has died: the folder becomes what it could be. */
static inline void disk_crash(bool power_cut)
{
    disk_each(disk_remove_file);
    for (size_t i = 0; i < disk.count; i++) {
        const struct disk_file *file = &disk.files[i];
        bool certain = !power_cut || file->is_linked == file->is_linked_for_certain;
        if (certain ? file->is_linked : disk_chance(2)) {
            disk_leave_file(file, power_cut);
        }
    }
}
