/* Turns a damaged segment into a sound one, with the damaged pieces put aside. */
#include "pipeline/journal_private.h"
#include "pipeline/set_aside.h"

#include <errno.h>
#include <unistd.h>

struct repair {
    struct journal *journal;
    const char *name; /* of the damaged segment */
    struct slice bytes;
    struct segment *fresh; /* takes the good frames */
    bool failed;           /* errno says why */
};

static void put_piece_aside(void *context, uint64_t offset, uint64_t length)
{
    struct repair *repair = context;
    struct slice piece = slice_make(repair->bytes.data + offset, length);
    repair->failed = repair->failed || !set_aside_piece(repair->journal->damaged_folder, repair->name, offset, piece);
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
    return fdatasync(fresh->fd) == 0 && disk_sync_folder(journal->segment_folder);
}

static bool remove_damaged(const struct journal *journal, const struct damaged_segment *damaged)
{
    const char *path = damaged->segment->path;
    return damaged->holes->bytes != 0 ? set_aside_file(journal->damaged_folder, path) : unlink(path) == 0;
}

bool journal_repair(struct journal *journal, const struct damaged_segment *damaged, struct segment **repaired,
                    struct buf *problem)
{
    struct segment *segment = damaged->segment;
    struct repair repair = { .journal = journal, .name = segment->name, .bytes = damaged->bytes };
    struct segment_visitor visitor = { &repair, copy_frame, put_piece_aside };
    struct segment_summary summary;
    repair.fresh = journal_create_descendant(journal, segment);
    if (repair.fresh != NULL) {
        repair.fresh->recovered = true;
    }
    bool done = repair.fresh != NULL &&
                segment_walk_salvaged(damaged->bytes, damaged->start, damaged->holes->end, &segment->header, &visitor,
                                      &summary) == OK &&
                !repair.failed && make_durable(journal, repair.fresh) && remove_damaged(journal, damaged);
    if (!done) {
        buf_printf(problem, "journal: cannot put the damage of %s aside: %s", segment->path, strerror(errno));
        journal_discard(journal, repair.fresh);
        return false;
    }
    segment_free(segment);
    *repaired = repair.fresh;
    return true;
}
