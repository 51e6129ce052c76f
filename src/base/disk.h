/* The disk: what every file that must survive a crash needs. Everything here may block; errno says what failed. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

/* All of `bytes` at the descriptor's position. */
MUST_CHECK bool disk_write_all(int fd, struct slice bytes);

/* Makes what was created, renamed or unlinked in the folder durable. */
MUST_CHECK bool disk_sync_folder(const char *path);

/* Makes the folder if it is missing, and its entry in its parent durable. */
MUST_CHECK bool disk_make_folder(const char *path);

/* The same with all its parents: mkdir -p. */
MUST_CHECK bool disk_make_path(const char *path);

/* What an errno of a write means: ERROR_DISK_FULL for want of room, else ERROR_JOURNAL_FAILED. */
enum error disk_error(int number);
