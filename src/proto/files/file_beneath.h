/* Opens files beneath a folder, and nothing outside it whatever links lie there. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Opens `path` (relative, checked by file_path_fits, NUL-terminated) beneath the open folder, for reading, and says what it
 * is. Does not wait for the other end of a pipe. With openat2 a link may lead to another place beneath the folder; on a
 * kernel without it (before 5.6) no link is followed. -1 with errno: ENOENT, EXDEV (a link leads out), EACCES … */
int file_beneath_open(int folder, const char *path, struct stat *about);

/* False: the kernel, or what filters its calls, has no openat2. */
bool file_beneath_has_openat2(int folder);

/* The other way, which kernels without openat2 take; for its test. */
int file_beneath_open_by_steps(int folder, const char *path, struct stat *about);
