/* Turns a segment file found at start into a sealed segment, and what does not check in it into files of damaged/. */
#include "pipeline/journal/journal_found.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "pipeline/journal/journal_io.h"
#include "pipeline/journal/segment_folder.h"
#include "pipeline/journal/set_aside.h"

#include <errno.h>
#include <unistd.h>

#define BYTES_KEPT ((size_t)64 << 20) /* from file to file */

static bool only_zeros(struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static void let_go(struct found *found)
{
    segment_free(found->segment);
    found->segment = NULL;
}

static bool remove_file(struct recovery *recovery, struct found *found)
{
    ASSERT(found->segment != NULL);
    if (recovery->folder->io->unlink(found->segment->path) != 0 && errno != ENOENT) {
        return found_fail(recovery, "remove", found->segment->path);
    }
    let_go(found);
    return true;
}

bool found_put_aside(struct recovery *recovery, struct found *found, const char *why)
{
    if (!set_aside_file(recovery->folder->damaged, found->segment->path)) {
        buf_printf(recovery->problem, "journal: cannot move %s to %s: %s", found->segment->path,
                   recovery->folder->damaged, strerror(errno));
        return false;
    }
    LOG(LOG_ERROR, "segment put aside", "%s%s moved to %s: %s", found->name, SEGMENT_SUFFIX, recovery->folder->damaged,
        why);
    let_go(found);
    return true;
}

static void count_damage(struct recovery *recovery, const struct found *found, const struct segment_summary *summary)
{
    size_t index = found->stream_index != SIZE_MAX ? found->stream_index : metrics_no_stream(recovery->metrics);
    int64_t rows = (int64_t)summary->damaged_rows;
    LOG(LOG_ERROR, "segment damaged", "segment=%s pieces=%llu bytes=%llu unreadable=%llu rows=%lld; see %s",
        found->name, (unsigned long long)summary->damaged_pieces, (unsigned long long)summary->damaged_bytes,
        (unsigned long long)found->holes.bytes, (long long)rows, recovery->folder->damaged);
    metric_add_stream(recovery->cells, METRIC_EVENTS_RECOVERED, index, rows);
    metric_add_stream(recovery->cells, METRIC_EVENTS_DAMAGED, index, rows);
}

static void count_tail(struct recovery *recovery, const struct found *found, uint64_t offset, uint64_t length)
{
    LOG(LOG_WARN, "torn tail set aside", "segment=%s offset=%llu bytes=%llu; see %s", found->name,
        (unsigned long long)offset, (unsigned long long)length, recovery->folder->damaged);
    metric_add(recovery->cells, METRIC_TORN_TAILS, 1);
    metric_add(recovery->cells, METRIC_TORN_TAIL_BYTES, (int64_t)length);
}

/* What lies behind the last frame was mostly never acknowledged, but damage of the last frame of a file that was not
 * sealed looks the same. If there is no room for it, and it may, it stays where it is: only what is delivered makes
 * room. */
static bool put_tail_aside(struct recovery *recovery, struct found *found, struct slice tail, uint64_t offset,
                           bool may_stay)
{
    if (only_zeros(tail)) {
        return true;
    }
    found->sound = false;
    if (set_aside_piece(recovery->folder->damaged, found->name, offset, tail)) {
        count_tail(recovery, found, offset, tail.len);
        return true;
    }
    if (!may_stay || disk_error(errno) != ERROR_DISK_FULL) {
        return found_fail(recovery, "put aside the torn tail of", found->segment->path);
    }
    LOG(LOG_ERROR, "torn tail not set aside",
        "segment=%s offset=%llu bytes=%zu: the disk is full; it goes with the segment when that is stored", found->name,
        (unsigned long long)offset, tail.len);
    found->tail_stays = true;
    return true;
}

static bool cut_tail(struct recovery *recovery, struct found *found, const struct segment_summary *summary)
{
    struct segment *segment = found->segment;
    if (summary->tail < found->file_length && recovery->folder->io->ftruncate(segment->fd, (off_t)summary->tail) != 0) {
        return found_fail(recovery, "cut the torn tail of", segment->path);
    }
    return true;
}

/* An earlier process may have died between its write and its fdatasync: with `fsync` what counts as recovered must be as
 * durable as what is acknowledged, for other gateways may learn its ids. */
static bool sync_file(struct recovery *recovery, const struct segment *segment)
{
    return !segment_folder_is_fsync(recovery->folder) || recovery->folder->io->fdatasync(segment->fd) == 0 ||
           found_fail(recovery, "sync", segment->path);
}

/* Without a header that is its own, the rows of its frames are lost to delivery, and known. */
static bool take_headless(struct recovery *recovery, struct found *found, struct slice bytes,
                          struct segment_summary *summary)
{
    if (found->named[0] != '\0' && found_find(recovery, found, found->named) != NULL) {
        return found_put_aside(recovery, found, "it is a copy of another segment, which is there");
    }
    if (summary->rows != 0 || summary->damaged_pieces != 0) {
        summary->damaged_rows += summary->rows;
        summary->damaged_pieces++;
        summary->damaged_bytes = bytes.len;
        count_damage(recovery, found, summary);
        return found_put_aside(recovery, found,
                               found->named[0] != '\0' ? "its header is another segment's" : "its header is damaged");
    }
    if (only_zeros(bytes)) {
        return remove_file(recovery, found);
    }
    count_tail(recovery, found, 0, bytes.len);
    return found_put_aside(recovery, found, "it has no whole header and no whole frame");
}

/* What was begun and never acknowledged goes; whatever else is there stays. */
static bool take_empty(struct recovery *recovery, struct found *found, struct slice bytes,
                       const struct segment_summary *summary)
{
    struct slice rest = slice_after(bytes, found->header_length);
    if (summary->damaged_pieces == 0 && only_zeros(rest)) {
        return remove_file(recovery, found);
    }
    if (summary->damaged_pieces != 0) {
        count_damage(recovery, found, summary);
    } else {
        count_tail(recovery, found, found->header_length, rest.len);
    }
    return found_put_aside(recovery, found, "it has no whole frame");
}

static bool mend(struct recovery *recovery, struct found *found, struct slice bytes,
                 const struct segment_summary *summary)
{
    struct segment *repaired;
    count_damage(recovery, found, summary);
    struct damaged_segment damaged = { found->segment, bytes, found->header_length, &found->holes };
    if (!journal_repair(recovery->folder, &damaged, &repaired, recovery->problem)) {
        return false;
    }
    found->segment = repaired;
    found->sound = false;
    return true;
}

/* A file of good rows: the segment's length and its file's are settled. */
static bool settle(struct recovery *recovery, struct found *found, struct slice bytes,
                   const struct segment_summary *summary)
{
    bool damaged = summary->damaged_pieces != 0;
    ASSERT_AT_MOST(summary->length, summary->tail);
    ASSERT_AT_MOST(summary->tail, bytes.len);
    struct slice tail = slice_after(bytes, summary->tail);
    found->sound = true;
    if (!put_tail_aside(recovery, found, tail, summary->tail, !damaged)) {
        return false;
    }
    if (damaged) {
        return mend(recovery, found, bytes, summary);
    }
    found->segment->length = summary->length;
    return (found->tail_stays || cut_tail(recovery, found, summary)) && sync_file(recovery, found->segment);
}

static bool take(struct recovery *recovery, struct found *found, struct slice bytes)
{
    struct segment_summary summary;
    const struct segment_header *header = found->header_length != 0 ? &found->segment->header : NULL;
    if (segment_walk_salvaged(bytes, found->header_length, found->holes.end, header, NULL, &summary) != OK) {
        errno = ENOMEM;
        return found_fail(recovery, "read", found->segment->path);
    }
    if (header == NULL) {
        return take_headless(recovery, found, bytes, &summary);
    }
    if (summary.rows == 0) {
        return take_empty(recovery, found, bytes, &summary);
    }
    if (!settle(recovery, found, bytes, &summary)) {
        return false;
    }
    struct segment *segment = found->segment;
    segment->rows = summary.rows;
    ASSERT(summary.damaged_pieces != 0 || segment->length <= found->file_length); /* a repaired one names its parent */
    segment->raw_bytes = summary.raw_bytes;
    segment->min_time_ns = summary.min_time_ns;
    segment->max_time_ns = summary.max_time_ns;
    if ((!summary.sealed || summary.damaged_pieces != 0) && !found->tail_stays) {
        segment_folder_seal(recovery->folder, segment);
    }
    return true;
}

bool found_take(struct recovery *recovery, struct found *found)
{
    ASSERT(found->segment != NULL && found->segment->fd < 0);
    struct segment *segment = found->segment;
    struct buf *bytes = &recovery->bytes;
    buf_clear(bytes);
    segment->fd = segment_open_found(segment->path);
    if (segment->fd < 0 || disk_salvage(segment->fd, found->written, bytes, &found->holes) != OK) {
        return found_fail(recovery, "read", segment->path);
    }
    bool fine = take(recovery, found, buf_slice(bytes));
    buf_shed(bytes, BYTES_KEPT);
    if (fine && found->segment != NULL) {
        segment_park(found->segment);
    }
    return fine;
}

bool found_drop(struct recovery *recovery, struct found *found, const struct found *whole)
{
    ASSERT(found != whole);
    if (!whole->sound) {
        return found_put_aside(recovery, found, "its rows are those of another segment, which is damaged");
    }
    LOG(LOG_INFO, "half of a segment removed", "segment=%s whole=%s", found->name, whole->name);
    return remove_file(recovery, found);
}
