/* Files of a configuration that somebody may be writing at this moment. */
#pragma once

struct config;

/* What a file must have been left alone for. */
#define WRITERS_QUIET_MS 20

/* Whoever writes a file anew often empties it first, and half of it may be a good configuration. So a file that was written a
 * moment ago is left alone for another moment, but not for ever. Of the file at `path`, and of the file of keys beside it that
 * `served` names. Blocks for 200 ms at most. */
void writers_await(const char *path, const struct config *served);
