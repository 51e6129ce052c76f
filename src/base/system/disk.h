/* The disk: what every file that must survive a crash needs. Everything here may block; errno says what failed. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

/* All of `bytes` at the descriptor's position. */
MUST_CHECK bool disk_write_all(int fd, struct slice bytes);

/* A file that is there already and plain: no link at its name is followed, and a pipe holds nobody up. -1 with errno, ELOOP for
 * whatever is no plain file. `flags` as for open. */
MUST_CHECK int disk_open_plain(const char *path, int flags);

/* The bytes up to the end of what was ever written, of a file of `size` bytes: what is only claimed behind it takes no room on
 * the disk, and would take as much memory as it claims. */
uint64_t disk_written_length(int fd, uint64_t size);

/* What the disk did not give of a file that was read. */
struct disk_holes {
    uint64_t bytes;
    uint64_t end; /* behind it all could be read */
};

/* Appends the first `length` bytes of the file to *out. Files are read and never mapped: a page that the disk does not
 * give, or that somebody cuts off meanwhile, would end the process. Not OK, with errno: ERROR_OUT_OF_MEMORY;
 * ERROR_JOURNAL_FAILED if a part cannot be read, or is not there (EIO). */
MUST_CHECK enum error disk_read(int fd, uint64_t length, struct buf *out);

/* The same, but pages that cannot be read are filled with text that says so, and a file that is shorter gives fewer
 * bytes. */
MUST_CHECK enum error disk_salvage(int fd, uint64_t length, struct buf *out, struct disk_holes *holes);

/* Bytes of the folder's file system that are free for this process. Quick, but for one that hangs. */
MUST_CHECK bool disk_free_bytes(const char *folder, uint64_t *bytes);

/* Makes what was created, renamed or unlinked in the folder durable. */
MUST_CHECK bool disk_sync_folder(const char *path);

/* Makes the folder if it is missing, and its entry in its parent durable, whoever made it. */
MUST_CHECK bool disk_make_folder(const char *path);

/* The same with all its parents: mkdir -p. */
MUST_CHECK bool disk_make_path(const char *path);

/* What an errno of a file means: ERROR_DISK_FULL for want of room, ERROR_OUT_OF_MEMORY, else ERROR_JOURNAL_FAILED. */
enum error disk_error(int number);
