/* Turns the greatest version in use into a mark on disk, and back. */
#include "pipeline/commit/version_mark.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define PLACES 2
#define PLACE_OF_USED PLACES
#define PLACE_BYTES 512 /* what a disk writes at once */
#define AHEAD_NS NS_PER_SECOND

struct record {
    int64_t ns;
    uint64_t boot;
    uint64_t check; /* of all before it */
};

static uint64_t check_of(const struct record *record)
{
    return hash_xxh3_64(record, offsetof(struct record, check));
}

static uint64_t this_boot(void)
{
    char id[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, id, sizeof id);
    if (fd >= 0) {
        close(fd);
    }
    return len <= 0 ? 0 : hash_xxh3_64(id, (size_t)len);
}

static bool read_place(const struct version_mark *mark, unsigned place, struct record *record)
{
    ssize_t len = pread(mark->fd, record, sizeof *record, (off_t)place * PLACE_BYTES);
    return len == (ssize_t)sizeof *record && record->check == check_of(record);
}

static bool write_place(const struct version_mark *mark, unsigned place, int64_t ns)
{
    ASSERT(mark->fd >= 0);
    ASSERT_AT_MOST(place, PLACE_OF_USED);
    struct record record = { .ns = ns, .boot = mark->boot };
    record.check = check_of(&record);
    return pwrite(mark->fd, &record, sizeof record, (off_t)place * PLACE_BYTES) == (ssize_t)sizeof record;
}

static void read_marks(struct version_mark *mark)
{
    struct record record;
    for (unsigned place = 0; place < PLACES; place++) {
        if (read_place(mark, place, &record) && record.ns > mark->marked_ns) {
            mark->marked_ns = record.ns;
            mark->place = (place + 1) % PLACES;
        }
    }
    bool is_exact = read_place(mark, PLACE_OF_USED, &record) && record.boot == mark->boot && mark->boot != 0;
    mark->floor_ns = is_exact ? record.ns : mark->marked_ns;
}

bool version_mark_open(struct version_mark *mark, const char *folder)
{
    char path[4096];
    *mark = (struct version_mark){ .fd = -1, .boot = this_boot() };
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
    if (mark->fd < 0) {
        return true;
    }
    if (used_ns > mark->marked_ns) {
        int64_t ahead_ns = used_ns + AHEAD_NS;
        if (!write_place(mark, mark->place, ahead_ns) || fdatasync(mark->fd) != 0) {
            return false;
        }
        mark->place = (mark->place + 1) % PLACES;
        mark->marked_ns = ahead_ns;
    }
    return write_place(mark, PLACE_OF_USED, used_ns);
}
