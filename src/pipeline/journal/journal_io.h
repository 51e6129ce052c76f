/* The system calls that the journal's promises rest on, so that tests can make each of them fail. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Like the calls they are named after: -1 with errno on failure. */
struct journal_io {
    ssize_t (*pwrite)(int fd, const void *data, size_t len, off_t at);
    int (*fdatasync)(int fd);
    int (*ftruncate)(int fd, off_t length);
    int (*unlink)(const char *path);
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *from, const char *to);
    int (*fsync_folder)(int fd);
    int (*create)(int folder_fd, const char *name); /* a new file; its descriptor */
    int (*free_bytes)(const char *folder, uint64_t *bytes);
    int64_t (*monotonic_ns)(void);
};

extern const struct journal_io journal_system_io;
