/* Turns a sealed segment of one journal into one of another. */
#include "pipeline/journal/journal_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/system/disk.h"
#include "pipeline/journal/journal_io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool is_same_file(const char *path, const char *other)
{
    struct stat one, two;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_ino == two.st_ino && one.st_dev == two.st_dev;
}

/* All that is known of it but its bytes. False with errno. */
static bool copy_facts(struct journal *journal, const struct segment *segment, struct segment *copy)
{
    size_t length;
    struct buf header = { 0 };
    segment_header_rename(&segment->header, segment->name, segment->header.parent, &header);
    errno = ENOMEM;
    bool known = !header.failed && segment_header_read(&copy->header, buf_slice(&header), &length);
    buf_release(&header);
    memcpy(copy->name, segment->name, sizeof copy->name);
    copy->stream_index = segment_folder_find_stream(&journal->folder, slice_from_string(segment->header.stream));
    copy->length = segment->length;
    copy->rows = segment->rows;
    copy->raw_bytes = segment->raw_bytes;
    copy->first_ns = segment->first_ns;
    copy->min_time_ns = segment->min_time_ns;
    copy->max_time_ns = segment->max_time_ns;
    copy->receipts = segment->receipts;
    copy->recovered = segment->recovered;
    return known;
}

static bool share_file(const struct segment_folder *folder, const struct segment *segment, struct segment *copy)
{
    if (folder->io->link(segment->path, copy->path) != 0) {
        return false;
    }
    copy->fd = segment_open_found(copy->path);
    if (copy->fd >= 0 && (!segment_folder_is_fsync(folder) || segment_folder_sync(folder))) {
        return true;
    }
    int error = errno;
    (void)folder->io->unlink(copy->path); /* what stays is found at start, and is delivered twice at worst */
    errno = error;
    return false;
}

static bool share_memory(const struct segment_folder *folder, const struct segment *segment, struct segment *copy)
{
    struct buf bytes = { 0 };
    copy->fd = segment_folder_memory_file(segment->name);
    bool copied = copy->fd >= 0 && segment_read(segment, &bytes) == OK &&
                  segment_folder_write(folder, copy->fd, buf_slice(&bytes), 0);
    int error = errno;
    buf_release(&bytes);
    errno = error;
    return copied;
}

/* NULL with errno. */
static struct segment *make_copy(struct journal *journal, const struct segment *segment)
{
    struct segment *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        return NULL;
    }
    copy->fd = -1;
    bool made = copy_facts(journal, segment, copy);
    if (made && segment->path != NULL) {
        copy->path = segment_path(journal->folder.segments, segment->name, SEGMENT_SUFFIX);
        made = copy->path != NULL;
    }
    if (!made) {
        segment_free(copy);
        errno = ENOMEM;
        return NULL;
    }
    return copy;
}

enum error journal_share(struct journal *journal, const struct segment *segment, struct segment **shared)
{
    ASSERT(segment->rows != 0);
    *shared = NULL;
    struct segment *copy = make_copy(journal, segment);
    if (copy == NULL) {
        return disk_error(errno);
    }
    if (copy->path != NULL && is_same_file(segment->path, copy->path)) {
        segment_free(copy);
        return OK;
    }
    bool done = copy->path == NULL ? share_memory(&journal->folder, segment, copy)
                                   : share_file(&journal->folder, segment, copy);
    if (!done) {
        int error = errno;
        LOG(LOG_WARN, "segment not shared", "segment=%s with %s: %s", segment->name, journal->folder.segments,
            strerror(error));
        segment_free(copy);
        return disk_error(error);
    }
    segment_park(copy);
    journal_usage_move(&journal->usage, copy->stream_index, (int64_t)copy->rows, (int64_t)copy->length, 1);
    *shared = copy;
    return OK;
}
