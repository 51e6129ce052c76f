/* The folder damaged/: what does not check leaves the journal for it, and is never deleted or written over. It is not
 * bounded by an option: it grows only at start, by no more than the journal holds, and people empty it. */
#pragma once

#include "base/bytes.h"

/* Writes `bytes`, which stood at `offset` of a file, to <folder>/<name>.<offset>.piece; durable when it returns. The same
 * bytes there, from a start that did not come to its end, will do; other ones stay, and the piece gets a number behind
 * its name. The folder is made if it is missing. False: errno says why. */
MUST_CHECK bool set_aside_piece(const char *folder, const char *name, uint64_t offset, struct slice bytes);

/* Moves the file to the folder, under a name with a number behind it if its own is taken; durable in the folder when it
 * returns, the caller syncs where it was. The folder is made if it is missing. False: errno says why. */
MUST_CHECK bool set_aside_file(const char *folder, const char *path);

/* Bytes of all files of the folder; 0 if there is none. */
uint64_t set_aside_bytes(const char *folder);
