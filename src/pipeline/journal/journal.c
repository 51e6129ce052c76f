/* Turns chunks into segments that survive: append, commit, seal, remove. */
#include "base/assert.h"
#include "base/log.h"
#include "base/lz4.h"
#include "base/system/crash_point.h"
#include "event/chunk.h"
#include "event/segment/native.h"
#include "event/stream.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/journal/journal_private.h"

#include <errno.h>
#include <sys/stat.h>

#define SMALL_GROUP ((size_t)16 << 10) /* larger ones gain nothing from a file that is extended ahead */
#define MOST_AHEAD ((uint64_t)1 << 20)

uint64_t journal_bytes(struct journal *journal)
{
    return journal_usage_of_all(&journal->usage).bytes;
}

uint64_t journal_events(struct journal *journal, size_t stream_index)
{
    return journal_usage_of(&journal->usage, stream_index).events;
}

const char *journal_folder(const struct journal *journal)
{
    return journal->folder.data;
}

/* The invariant of struct open_segment. */
static void assert_lengths(const struct open_segment *open)
{
    if (open->segment != NULL) {
        ASSERT_AT_MOST(open->segment->length, open->written);
        ASSERT_AT_MOST(open->written, open->extended);
        ASSERT(open->rows != 0 || open->written == open->segment->length || open->cut_failed);
    }
}

/* --- append --- */

static void add_length(void *context, const void *data, size_t len)
{
    uint64_t *sum = context;
    (void)data;
    *sum += len;
}

static void write_frame(void *context, const void *data, size_t len)
{
    lz4_frame_write(context, data, len);
}

/* journal->out becomes [header] frame. */
static bool encode(struct journal *journal, const struct open_segment *open, const struct chunk *chunk,
                   const uint64_t *keep, uint32_t kept, uint64_t *raw_bytes)
{
    struct buf *out = &journal->out;
    buf_clear(out);
    if (open->segment == NULL) {
        char name[SEGMENT_NAME_MAX];
        segment_folder_make_name(&journal->folder, chunk->stream->name, name);
        segment_header_write(chunk->stream, name, "", out);
    }
    *raw_bytes = 0;
    native_encode(chunk, keep, kept, (struct native_sink){ add_length, raw_bytes }); /* a frame begins with its size */
    ASSERT(*raw_bytes != 0);
    lz4_frame_begin(journal->encoder, out, *raw_bytes);
    native_encode(chunk, keep, kept, (struct native_sink){ write_frame, journal->encoder });
    return lz4_frame_end(journal->encoder) && !out->failed;
}

/* Appends zeros to what is about to be written, for later groups to write over: with neither length nor extents to
 * update, the fdatasync of a small group takes half as long. Groups are taken to be like the last. At most as many zeros
 * as rows. */
static void extend_ahead(struct journal *journal, struct open_segment *open)
{
    struct buf *out = &journal->out;
    uint64_t end = open->written + out->len;
    if (end <= open->extended) {
        return;
    }
    if (segment_folder_is_fsync(&journal->folder) && open->group <= SMALL_GROUP && out->len <= SMALL_GROUP) {
        uint64_t ahead = open->written < MOST_AHEAD ? open->written : MOST_AHEAD;
        buf_append_fill(out, 0, (size_t)ahead);
        out->failed = false; /* then without */
    }
    open->extended = open->written + out->len;
    ASSERT_AT_MOST(end, open->extended);
}

/* Before they are counted. */
static void note_received(struct open_segment *open, const struct chunk *chunk, uint32_t kept)
{
    int64_t before_ns = open->rows == 0 ? chunk->received_ns : open->received_ns;
    double share = (double)kept / (double)(open->rows + kept);
    open->received_ns = before_ns + (int64_t)(share * (double)(chunk->received_ns - before_ns));
}

static enum error append(struct journal *journal, struct open_segment *open, const struct chunk *chunk,
                         const uint64_t *keep, uint32_t kept, int64_t now_ns)
{
    uint64_t raw_bytes;
    if (journal_is_stuck(journal)) { /* since this group began, if rows of it are there: they go with the rest */
        return open->rows == 0 ? ERROR_JOURNAL_FAILED : journal_fail_group(journal, open, "the group's rest", EIO);
    }
    if (chunk_bytes(chunk) > SEGMENT_MAX_CHUNK) { /* never: it would not be read again */
        return journal_fail_group(journal, open, "encoding a frame", EFBIG);
    }
    if (!encode(journal, open, chunk, keep, kept, &raw_bytes)) {
        return journal_fail_group(journal, open, "encoding a frame", ENOMEM);
    }
    if (open->segment == NULL) {
        struct segment *segment = segment_folder_create(&journal->folder, buf_slice(&journal->out),
                                                        segment_folder_is_memory(&journal->folder));
        *open = (struct open_segment){ .segment = segment,
                                       .opened_ns = now_ns,
                                       .unlisted = true,
                                       .min_time_ns = INT64_MAX,
                                       .max_time_ns = INT64_MIN };
        if (segment == NULL) {
            return journal_fail_group(journal, open, "creating a file", errno);
        }
        CRASH_POINT(after_segment_created);
    }
    size_t len = journal->out.len;
    extend_ahead(journal, open);
    if (!segment_folder_write(&journal->folder, open->segment->fd, buf_slice(&journal->out), open->written)) {
        return journal_fail_group(journal, open, "writing", errno);
    }
    CRASH_POINT(after_journal_write);
    open->written += len;
    note_received(open, chunk, kept);
    open->rows += kept;
    open->raw_bytes += raw_bytes;
    open->min_time_ns = chunk->min_time_ns < open->min_time_ns ? chunk->min_time_ns : open->min_time_ns;
    open->max_time_ns = chunk->max_time_ns > open->max_time_ns ? chunk->max_time_ns : open->max_time_ns;
    assert_lengths(open);
    return OK;
}

enum error journal_append(struct journal *journal, const struct chunk *chunk, const uint64_t *keep, uint32_t kept,
                          int64_t now_ns)
{
    ASSERT_BELOW(chunk->stream->index, journal->folder.stream_count);
    ASSERT_AT_MOST(kept, chunk->rows);
    struct open_segment *open = &journal->open[chunk->stream->index];
    if (open->group_error == OK && kept != 0) {
        enum error error = append(journal, open, chunk, keep, kept, now_ns);
        open->group_error = error; /* after append, which may begin a new segment */
    }
    return open->group_error;
}

/* --- commit --- */

/* Somebody has deleted the file: what is written there is gone with the process. */
static bool is_deleted(const struct segment *segment)
{
    struct stat info;
    return segment->path != NULL && fstat(segment->fd, &info) == 0 && info.st_nlink == 0;
}

/* 0, or errno of what failed. */
static int make_durable(struct journal *journal, struct open_segment *open)
{
    if (is_deleted(open->segment)) {
        return ENOENT;
    }
    if (!segment_folder_is_fsync(&journal->folder)) {
        return 0;
    }
    int64_t start_ns = journal->folder.io->monotonic_ns();
    if (journal->folder.io->fdatasync(open->segment->fd) != 0) {
        return errno;
    }
    metric_observe_ns(journal->cells, METRIC_FSYNC_SECONDS, 0, journal->folder.io->monotonic_ns() - start_ns);
    if (open->unlisted && !segment_folder_sync(&journal->folder)) {
        return errno;
    }
    return 0;
}

static void acknowledge(struct journal *journal, struct open_segment *open)
{
    struct segment *segment = open->segment;
    bool is_new = segment->rows == 0;
    ASSERT(open->rows != 0);
    ASSERT_BELOW(segment->length, open->written);
    journal_usage_move(&journal->usage, segment->stream_index, (int64_t)open->rows,
                       (int64_t)(open->written - segment->length), is_new ? 1 : 0);
    open->group = open->written - segment->length;
    segment->length = open->written;
    segment->rows += open->rows;
    segment->raw_bytes += open->raw_bytes;
    segment->min_time_ns = open->min_time_ns;
    segment->max_time_ns = open->max_time_ns;
    receipts_add(&segment->receipts, open->received_ns, open->rows);
    open->rows = 0;
    open->raw_bytes = 0;
    assert_lengths(open);
    open->unlisted = false;
}

enum error journal_commit(struct journal *journal, size_t stream_index)
{
    ASSERT_BELOW(stream_index, journal->folder.stream_count);
    struct open_segment *open = &journal->open[stream_index];
    enum error error = open->group_error;
    open->group_error = OK;
    if (error != OK || open->rows == 0) {
        return error;
    }
    int failed = make_durable(journal, open);
    if (failed != 0) {
        (void)journal_fail_group(journal, open, failed == ENOENT ? "finding the file" : "fdatasync", failed);
        return ERROR_JOURNAL_FAILED;
    }
    CRASH_POINT(after_fsync);
    acknowledge(journal, open);
    return OK;
}

struct journal_state journal_state(const struct journal *journal, size_t stream_index)
{
    const struct open_segment *open = &journal->open[stream_index];
    if (open->segment == NULL) {
        return (struct journal_state){ 0 };
    }
    return (struct journal_state){ open->segment->rows, open->segment->raw_bytes, open->opened_ns };
}

void journal_cut_ahead(struct journal *journal, struct open_segment *open)
{
    if (open->segment != NULL && open->extended > open->written &&
        journal->folder.io->ftruncate(open->segment->fd, (off_t)open->written) != 0) {
        LOG(LOG_WARN, "segment not cut", "%s: zeros stay behind its last frame: %s", open->segment->name,
            strerror(errno));
    }
    open->extended = open->written;
}

struct segment *journal_seal(struct journal *journal, size_t stream_index)
{
    ASSERT_BELOW(stream_index, journal->folder.stream_count);
    struct open_segment *open = &journal->open[stream_index];
    open->group_error = OK;
    if (open->segment == NULL || open->cut_failed || open->segment->rows == 0) {
        return NULL;
    }
    struct segment *segment = open->segment;
    ASSERT_EQUAL(open->rows, 0u); /* a group ends before its segment does */
    journal_cut_ahead(journal, open);
    segment_folder_seal(&journal->folder, segment);
    segment_park(segment);
    open->segment = NULL;
    ASSERT_EQUAL(segment->stream_index, stream_index);
    return segment;
}

struct segment *journal_take_sealed(struct journal *journal)
{
    struct segment *segment = journal->sealed;
    if (segment != NULL) {
        journal->sealed = segment->next;
        segment->next = NULL;
    }
    return segment;
}

enum error journal_remove(struct journal *journal, struct segment *segment)
{
    CRASH_POINT(before_unlink);
    if (segment->path != NULL) {
        /* Gone already: an earlier call unlinked it and could not fsync the folder. */
        if (journal->folder.io->unlink(segment->path) != 0 && errno != ENOENT) {
            LOG(LOG_ERROR, "segment not removed", "segment=%s: %s", segment->name, strerror(errno));
            return ERROR_JOURNAL_FAILED;
        }
        CRASH_POINT(after_unlink);
        if (segment_folder_is_fsync(&journal->folder) && !segment_folder_sync(&journal->folder)) {
            LOG(LOG_ERROR, "journal folder not synced", "segment=%s: %s", segment->name, strerror(errno));
            return ERROR_JOURNAL_FAILED;
        }
    }
    /* Freed before it is counted: closing an unlinked file takes milliseconds, in which the sums would not add up. */
    size_t stream_index = segment->stream_index;
    int64_t rows = (int64_t)segment->rows, length = (int64_t)segment->length;
    segment_free(segment);
    journal_usage_move(&journal->usage, stream_index, -rows, -length, -1);
    return OK;
}
