/* Turns a damaged segment into a sound one, with the damaged pieces put aside. */
#include "pipeline/journal/journal_found.h"

#include "base/assert.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/journal/segment_folder.h"
#include "pipeline/journal/set_aside.h"

#include <errno.h>
#include <unistd.h>

struct repair {
    struct segment_folder *folder;
    const char *name; /* of the damaged segment */
    struct slice bytes;
    struct segment *fresh; /* takes the good frames */
    bool failed;           /* errno says why */
};

static void put_piece_aside(void *context, uint64_t offset, uint64_t length)
{
    struct repair *repair = context;
    ASSERT_AT_MOST(offset + length, repair->bytes.len);
    struct slice piece = slice_make(repair->bytes.data + offset, length);
    repair->failed = repair->failed || !set_aside_piece(repair->folder->damaged, repair->name, offset, piece);
}

static void copy_frame(void *context, uint64_t offset, uint64_t length, struct native_block *block)
{
    (void)block;
    struct repair *repair = context;
    struct segment *fresh = repair->fresh;
    ASSERT_AT_MOST(offset + length, repair->bytes.len);
    struct slice frame = slice_make(repair->bytes.data + offset, length);
    repair->failed = repair->failed || !segment_folder_write(repair->folder, fresh->fd, frame, fresh->length);
    fresh->length += length;
}

static bool make_durable(const struct segment_folder *folder, const struct segment *fresh)
{
    return folder->io->fdatasync(fresh->fd) == 0 && segment_folder_sync(folder);
}

static bool remove_damaged(const struct segment_folder *folder, const struct damaged_segment *damaged)
{
    const char *path = damaged->segment->path;
    return damaged->holes->bytes != 0 ? set_aside_file(folder->damaged, path) : folder->io->unlink(path) == 0;
}

bool journal_repair(struct segment_folder *folder, const struct damaged_segment *damaged, struct segment **repaired,
                    struct buf *problem)
{
    struct segment *segment = damaged->segment;
    struct repair repair = { .folder = folder, .name = segment->name, .bytes = damaged->bytes };
    struct segment_visitor visitor = { &repair, copy_frame, put_piece_aside };
    struct segment_summary summary;
    repair.fresh = segment_folder_create_descendant(folder, segment);
    if (repair.fresh != NULL) {
        repair.fresh->recovered = true;
    }
    bool done = repair.fresh != NULL &&
                segment_walk_salvaged(damaged->bytes, damaged->start, damaged->holes->end, &segment->header, &visitor,
                                      &summary) == OK &&
                !repair.failed && make_durable(folder, repair.fresh) && remove_damaged(folder, damaged);
    if (!done) {
        buf_printf(problem, "journal: cannot put the damage of %s aside: %s", segment->path, strerror(errno));
        segment_folder_discard(folder, repair.fresh);
        return false;
    }
    segment_free(segment);
    *repaired = repair.fresh;
    return true;
}
