/* How far the versions of updates have been used, kept on disk, so that a clock that was set back while the gateway was down
 * does not make older states of what it takes next (`versions` in the data folder).
 *
 * The mark runs ahead of what is used by a second, so it is written once a second at most, and only while updates come.
 * Two places take turns: a write that a crash tears leaves the one before it. Commit thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct version_mark {
    int fd; /* -1: nothing is kept */
    int64_t marked_ns;
    unsigned place; /* of the next write */
};

/* Opens the file of this folder, or makes it. False, with errno: it cannot be kept, then marked_ns is 0. */
bool version_mark_open(struct version_mark *mark, const char *folder);
void version_mark_close(struct version_mark *mark);

/* Before versions up to `used_ns` (wall) are acknowledged. Waits for the disk if they are beyond the mark. False, with errno:
 * it could not be written. */
bool version_mark_cover(struct version_mark *mark, int64_t used_ns);
