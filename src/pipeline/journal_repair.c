/* Turns a damaged segment into a sound one, with the damaged pieces put aside. */
#include "pipeline/journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct repair {
    struct journal *journal;
    const char *name; /* of the damaged segment */
    struct slice bytes;
    struct segment *fresh; /* takes the good frames */
    bool failed;           /* errno says why */
};

static bool write_piece(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return false;
    }
    bool written = disk_write_all(fd, bytes) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

static void put_piece_aside(void *context, uint64_t offset, uint64_t length)
{
    struct repair *repair = context;
    char suffix[40];
    snprintf(suffix, sizeof suffix, ".%llu.piece", (unsigned long long)offset);
    char *path = journal_path(repair->journal->damaged_folder, repair->name, suffix);
    repair->failed =
        repair->failed || path == NULL || !write_piece(path, slice_make(repair->bytes.data + offset, length));
    free(path);
}

static void copy_frame(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    (void)block;
    struct repair *repair = context;
    struct segment *fresh = repair->fresh;
    struct slice frame = slice_make(repair->bytes.data + offset, length);
    repair->failed = repair->failed || !journal_write(repair->journal, fresh->fd, frame, fresh->length);
    fresh->length += length;
}

static bool make_durable(const struct journal *journal, const struct segment *fresh)
{
    return disk_sync_folder(journal->damaged_folder) && fdatasync(fresh->fd) == 0 &&
           disk_sync_folder(journal->segment_folder);
}

bool journal_repair(struct journal *journal, struct segment *segment, struct slice bytes, uint64_t start,
                    struct segment **repaired, struct buf *problem)
{
    struct repair repair = { .journal = journal, .name = segment->name, .bytes = bytes };
    struct segment_visitor visitor = { &repair, copy_frame, put_piece_aside };
    struct segment_summary summary;
    if (disk_make_folder(journal->damaged_folder)) {
        repair.fresh = journal_create_descendant(journal, segment);
    }
    if (repair.fresh != NULL) {
        repair.fresh->recovered = true;
    }
    bool done = repair.fresh != NULL && segment_walk(bytes, start, &segment->header, &visitor, &summary) == OK &&
                !repair.failed && make_durable(journal, repair.fresh) && unlink(segment->path) == 0;
    if (!done) {
        buf_printf(problem, "journal: cannot put the damage of %s aside: %s", segment->path, strerror(errno));
        journal_discard(journal, repair.fresh);
        return false;
    }
    segment_free(segment);
    *repaired = repair.fresh;
    return true;
}

static bool only_zeros(struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The first write of a segment was cut off within its header. */
static bool is_torn_header(struct slice bytes)
{
    return bytes.len < 8 || (load_u32(bytes.data) == LZ4_SKIPPABLE_MAGIC && load_u32(bytes.data + 4) > bytes.len - 8);
}

bool journal_put_aside(struct journal *journal, const char *path, struct slice bytes, uint64_t rows,
                       struct buf *problem)
{
    const char *file_name = strrchr(path, '/') + 1;
    if (rows == 0 && (is_torn_header(bytes) || only_zeros(bytes))) {
        LOG(LOG_WARN, "torn segment removed", "%s held no row", file_name);
        if (unlink(path) == 0) {
            return true;
        }
        buf_printf(problem, "journal: cannot remove %s: %s", path, strerror(errno));
        return false;
    }
    char *target = journal_path(journal->damaged_folder, file_name, "");
    bool moved = target != NULL && disk_make_folder(journal->damaged_folder) && rename(path, target) == 0 &&
                 disk_sync_folder(journal->damaged_folder);
    free(target);
    if (!moved) {
        buf_printf(problem, "journal: cannot move %s to %s: %s", path, journal->damaged_folder, strerror(errno));
        return false;
    }
    LOG(LOG_ERROR, "segment put aside", "the header of %s is damaged; moved to %s", file_name, journal->damaged_folder);
    return true;
}
