/* Turns the greatest version in use into a mark on disk, and back. */
#include "pipeline/commit/version_mark.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PLACES 2
#define PLACE_BYTES 512 /* what a disk writes at once */
#define AHEAD_NS NS_PER_SECOND

struct record {
    int64_t ns;
    uint64_t check; /* of it */
};

static uint64_t check_of(int64_t ns)
{
    return hash_xxh3_64(&ns, sizeof ns);
}

static void read_marks(struct version_mark *mark)
{
    for (unsigned place = 0; place < PLACES; place++) {
        struct record record;
        ssize_t len = pread(mark->fd, &record, sizeof record, (off_t)place * PLACE_BYTES);
        if (len == (ssize_t)sizeof record && record.check == check_of(record.ns) && record.ns > mark->marked_ns) {
            mark->marked_ns = record.ns;
            mark->place = (place + 1) % PLACES;
        }
    }
}

bool version_mark_open(struct version_mark *mark, const char *folder)
{
    char path[4096];
    *mark = (struct version_mark){ .fd = -1 };
    if (snprintf(path, sizeof path, "%s/versions", folder) >= (int)sizeof path) {
        return false;
    }
    mark->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (mark->fd >= 0) {
        read_marks(mark);
    }
    return mark->fd >= 0;
}

void version_mark_close(struct version_mark *mark)
{
    if (mark->fd >= 0) {
        close(mark->fd);
    }
    mark->fd = -1;
}

bool version_mark_cover(struct version_mark *mark, int64_t used_ns)
{
    if (mark->fd < 0 || used_ns <= mark->marked_ns) {
        return true;
    }
    struct record record = { .ns = used_ns + AHEAD_NS };
    record.check = check_of(record.ns);
    ssize_t len = pwrite(mark->fd, &record, sizeof record, (off_t)mark->place * PLACE_BYTES);
    if (len != (ssize_t)sizeof record || fdatasync(mark->fd) != 0) {
        return false;
    }
    mark->place = (mark->place + 1) % PLACES;
    mark->marked_ns = record.ns;
    return true;
}
