/* How far the versions of updates have been used, kept on disk, so that a clock that was set back while the gateway was down
 * does not make older states of what it takes next (`versions` in the data folder).
 *
 * A mark that is synced runs ahead of what is used by a second, so it is written once a second at most, and only while
 * updates come. Two places take turns: a write that a crash tears leaves the one before it. What is used exactly is written
 * with each group, and not synced: it counts as long as the machine has not started anew, so that a gateway that was killed is
 * not ahead of the others. Commit thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct version_mark {
    int fd;           /* -1: nothing is kept */
    int64_t floor_ns; /* at the start: no version beyond it has been used; 0: none has */
    int64_t marked_ns;
    unsigned place; /* of the next write */
    uint64_t boot;  /* of this start of the machine; 0: not known */
};

/* Opens the file of this folder, or makes it. False, with errno: it cannot be kept. */
bool version_mark_open(struct version_mark *mark, const char *folder);
void version_mark_close(struct version_mark *mark);

/* Before versions up to `used_ns` (wall) are acknowledged. Waits for the disk if they are beyond the mark. False, with errno:
 * it could not be written. */
bool version_mark_cover(struct version_mark *mark, int64_t used_ns);
