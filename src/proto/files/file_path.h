/* Which paths of a request may name a file beneath a folder. Pure. */
#pragma once

#include "base/bytes.h"

/* Bytes of a path beneath its folder. */
#define FILE_PATH_MAX 1024

/* `path` is percent-decoded and has no leading slash; "" is the folder itself, a trailing slash a folder below it. False
 * for what no file is served by: an empty segment, one that begins with a dot (hidden files, "." and ".."), a backslash, a
 * control character, more than FILE_PATH_MAX bytes. */
bool file_path_fits(struct slice path);

/* The media type by the name's ending; of unknown ones octets. A constant. */
const char *file_path_type(struct slice path);
