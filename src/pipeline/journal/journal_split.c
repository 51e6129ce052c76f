/* Turns one sealed segment into two, so that a row the table refuses can be found. */
#include "base/system/crash_point.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/lz4.h"
#include "base/system/disk.h"
#include "event/segment/native.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/journal/journal_private.h"

#include <errno.h>

/* One half while it is written. Each block of the whole becomes a frame here, if any of its rows belong here. */
struct half {
    struct segment *segment;
    uint64_t from, to; /* rows of the whole */
};

struct splitting {
    struct segment_folder *folder;
    struct half halves[2];
    struct native_block block;
    struct lz4_encoder *encoder;
    struct buf raw;
    struct buf frame;
    uint64_t row; /* of the whole, first of the present block */
};

/* Rows [first, first + count) of the present block. */
static enum error write_frame(struct splitting *splitting, struct segment *segment, uint64_t first, uint64_t count)
{
    ASSERT_AT_MOST(first + count, splitting->block.rows);
    buf_clear(&splitting->raw);
    buf_clear(&splitting->frame);
    native_write_rows(&splitting->block, first, count, &splitting->raw);
    lz4_frame_begin(splitting->encoder, &splitting->frame, splitting->raw.len);
    lz4_frame_write(splitting->encoder, splitting->raw.data, splitting->raw.len);
    if (!lz4_frame_end(splitting->encoder) || splitting->raw.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    if (!segment_folder_write(splitting->folder, segment->fd, buf_slice(&splitting->frame), segment->length)) {
        return disk_error(errno);
    }
    segment->length += splitting->frame.len;
    segment->rows += count;
    segment->raw_bytes += splitting->raw.len;
    return OK;
}

static enum error note_times(struct segment *segment, struct slice raw)
{
    struct native_block block = { 0 };
    enum error error = segment_read_block(&block, raw);
    if (error == OK) {
        const struct native_column *time = native_find(&block, slice_from_string(segment->header.time_column));
        if (time != NULL) {
            native_time_range(time, block.rows, &segment->min_time_ns, &segment->max_time_ns);
        }
    }
    native_block_release(&block);
    return error;
}

static enum error split_block(void *context, struct slice bytes)
{
    struct splitting *splitting = context;
    enum error error = segment_read_block(&splitting->block, bytes);
    uint64_t end = splitting->row + splitting->block.rows;
    for (size_t i = 0; error == OK && i < 2; i++) {
        struct half *half = &splitting->halves[i];
        uint64_t first = half->from > splitting->row ? half->from : splitting->row;
        uint64_t last = half->to < end ? half->to : end;
        if (first < last) {
            error = write_frame(splitting, half->segment, first - splitting->row, last - first);
            error = error == OK ? note_times(half->segment, buf_slice(&splitting->raw)) : error;
            CRASH_POINT(between_halves);
        }
    }
    splitting->row = end;
    return error;
}

static bool write_halves(struct splitting *splitting, const struct segment *whole)
{
    for (size_t i = 0; i < 2; i++) {
        splitting->halves[i].segment = segment_folder_create_descendant(splitting->folder, whole);
        if (splitting->halves[i].segment == NULL) {
            return false;
        }
    }
    enum error error = segment_each_block(whole, split_block, splitting);
    if (error == OK && splitting->row != whole->rows) {
        error = ERROR_BAD_COMPRESSION;
    }
    if (error != OK) {
        errno = error == ERROR_OUT_OF_MEMORY ? ENOMEM : error == ERROR_BAD_COMPRESSION ? EIO : errno;
        return false;
    }
    segment_folder_seal(splitting->folder, splitting->halves[0].segment);
    segment_folder_seal(splitting->folder, splitting->halves[1].segment);
    return true;
}

/* The halves are on disk before the whole goes. */
static bool make_durable(const struct segment_folder *folder, const struct splitting *splitting)
{
    if (!segment_folder_is_fsync(folder)) {
        return true;
    }
    return folder->io->fdatasync(splitting->halves[0].segment->fd) == 0 &&
           folder->io->fdatasync(splitting->halves[1].segment->fd) == 0 && segment_folder_sync(folder);
}

static bool remove_whole(const struct segment_folder *folder, const struct segment *whole)
{
    CRASH_POINT(after_halves);
    if (whole->path == NULL) {
        return true;
    }
    if (folder->io->unlink(whole->path) != 0) {
        return false;
    }
    if (segment_folder_is_fsync(folder) && !segment_folder_sync(folder)) {
        /* After a power cut the whole may be back, and wins: it is then verified and sent, and nothing is lost. */
        LOG(LOG_WARN, "journal folder not synced", "segment=%s: %s", whole->name, strerror(errno));
    }
    return true;
}

static void account(struct journal *journal, const struct segment *segment, int64_t sign)
{
    journal_usage_move(&journal->usage, segment->stream_index, sign * (int64_t)segment->rows,
                       sign * (int64_t)segment->length, sign);
}

enum error journal_split(struct journal *journal, struct segment *whole, uint64_t at, struct segment **first,
                         struct segment **second)
{
    ASSERT(at != 0);
    ASSERT_BELOW(at, whole->rows);
    struct splitting splitting = { .folder = &journal->folder,
                                   .halves = { { NULL, 0, at }, { NULL, at, whole->rows } } };
    splitting.encoder = lz4_encoder_new();
    bool done = splitting.encoder != NULL && write_halves(&splitting, whole) &&
                make_durable(&journal->folder, &splitting) && remove_whole(&journal->folder, whole);
    int error = errno;
    lz4_encoder_free(splitting.encoder);
    native_block_release(&splitting.block);
    buf_release(&splitting.raw);
    buf_release(&splitting.frame);
    if (!done) {
        LOG(LOG_ERROR, "segment not split", "segment=%s: %s", whole->name, strerror(error));
        segment_folder_discard(&journal->folder, splitting.halves[0].segment);
        segment_folder_discard(&journal->folder, splitting.halves[1].segment);
        return disk_error(error);
    }
    *first = splitting.halves[0].segment;
    *second = splitting.halves[1].segment;
    ASSERT_EQUAL((*first)->rows, at);
    ASSERT_EQUAL((*first)->rows + (*second)->rows, whole->rows);
    segment_park(*first);
    segment_park(*second);
    account(journal, *first, 1);
    account(journal, *second, 1);
    account(journal, whole, -1);
    segment_free(whole);
    return OK;
}
