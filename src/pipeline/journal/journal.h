/* The journal: open segments that are appended to, sealed ones that wait for the store, and what was found at start.
 * Its six rules (ARCHITECTURE.md, each with a test) make "acknowledged" mean "not lost":
 *
 *   1 The folder is locked (flock on <data>/LOCK) before anything is read (base/system/data_folder.h). Its real path is
 *     used everywhere.
 *   2 The folder is fsynced after a segment is created, before its first acknowledgement. It is fsynced after an unlink,
 *     before that counts as stored.
 *   3 After a short or failed write, or a failed fdatasync, the file is cut back to the last acknowledged length and
 *     sealed. The group fails, and the next goes into a new file. The same range is never synced twice. If the cut fails
 *     too, nothing more is accepted.
 *   4 A segment found at start is never appended to. It is cut at its last whole frame and sealed. Bytes that do not
 *     check, but are followed by a frame that does or by the seal, are damage (counted). Else they are a torn tail (cut).
 *     Both are kept in damaged/, and so is everything else that could hold rows.
 *   5 Ids of recovered rows are remembered before the listeners open. Files are never recycled.
 *   6 An acknowledged event leaves only when it is in the table or in the dead letters. *
 * With `fsync` an open segment ends in zeros, written ahead of small groups and cut off when it is sealed or closed;
 * what a kill leaves of them is a torn tail.
 *
 * Layout of <data>: LOCK, journal/, dead/, retry/, damaged/, keys/ (dedup). With durability memory the segments are
 * memfds and nothing but LOCK, dead letters and what is given back of them is written; what an earlier run left in
 * journal/ is still delivered.
 *
 * Threads: append, commit and seal belong to the commit thread; remove and split to any writer thread. The gauges of
 * the journal (events, bytes, segments by stream) follow each change at once: events are the acknowledged rows of
 * existing segments. EVENTS_RECOVERED and EVENTS_DAMAGED are counted here, EVENTS_STORED and EVENTS_DEAD_LETTERED by
 * the caller. */
#pragma once

#include "base/bytes.h"

struct buf;
struct chunk;
struct journal;
struct metrics_cells;
struct segment;

struct journal_config {
    const struct journal_options *options;
    const struct stream *const *streams;
    size_t stream_count;
    struct metrics *metrics;
    struct status_board *board;
    const struct journal_io *io; /* NULL: the system's; outlives the journal */
};

/* Opens the folder, which the caller has taken (base/system/data_folder.h), and recovers. *recovered is a list (by `next`) of
 * sealed segments, oldest first, owned by the caller. NULL with *problem on failure. */
struct journal *journal_open(const struct journal_config *config, struct segment **recovered, struct buf *problem);

/* Closes the files and frees; open segments stay on disk (memfds are gone). NULL is allowed. */
void journal_close(struct journal *journal);

/* Commit thread. Would `bytes` more be refused now (max_bytes, min_free, a failed group or cut)? OK or the error to answer.
 * An empty journal takes more than max_bytes at once, but never more than the disk has above min_free. At most
 * once a second it asks for free space, or tries a failed cut or a new file again. Refused bytes are taken again by
 * themselves after that. So call this while events are refused, whether any come or not. */
MUST_CHECK enum error journal_admits(struct journal *journal, uint64_t bytes);

/* Commit thread. Would `bytes` more of this stream be refused now for its own bound, whatever the others do? OK or
 * ERROR_JOURNAL_FULL. */
MUST_CHECK enum error journal_admits_stream(struct journal *journal, size_t stream_index, uint64_t bytes);

/* Commit thread. Encodes the kept rows of a sealed chunk, of at most SEGMENT_MAX_CHUNK bytes, as one frame at the end of
 * the stream's open segment (made if there is none) and writes it. kept == 0 does nothing. Not OK: rule 3 was followed,
 * nothing of this group of this stream is in the journal, rows appended before in the same group included; until
 * journal_commit or journal_seal ends the group, further appends to the stream fail alike. */
MUST_CHECK enum error journal_append(struct journal *journal, const struct chunk *chunk, const uint64_t *keep,
                                     uint32_t kept, int64_t now_ns);

/* Commit thread, once per group, for each stream appended to since: makes the bytes as durable as configured. On OK the
 * rows count as acknowledged. Not OK: an append of the group failed, or rule 3 was followed now. */
MUST_CHECK enum error journal_commit(struct journal *journal, size_t stream_index);

/* Commit thread. What batch_is_due needs; acknowledged rows only. */
struct journal_state {
    uint64_t rows;
    uint64_t raw_bytes;
    int64_t opened_ns; /* monotonic, the now_ns of the first append */
};
struct journal_state journal_state(const struct journal *journal, size_t stream_index);

/* Commit thread, between groups. Takes the stream's open segment as a sealed one; NULL if it holds no row. After a
 * failure of rule 3, segments were sealed by the journal itself: journal_take_sealed yields them one by one. */
struct segment *journal_seal(struct journal *journal, size_t stream_index);
struct segment *journal_take_sealed(struct journal *journal);

/* Any thread. Unlinks and fsyncs the folder, then frees the segment. Not OK: the segment is still the caller's, to be
 * removed again later. */
MUST_CHECK enum error journal_remove(struct journal *journal, struct segment *segment);

/* Any thread. Makes segments of rows [0, at) and [at, rows), 0 < at < rows. The halves are written and fsynced, then
 * the whole is unlinked and freed (take `waiters` from it before); at start a whole beside its halves wins. Not OK: the
 * whole is still the caller's, and there are no halves. */
MUST_CHECK enum error journal_split(struct journal *journal, struct segment *whole, uint64_t at, struct segment **first,
                                    struct segment **second);

/* Any thread. A sealed segment of another journal becomes one of this, too, and each is removed or split for itself. The
 * bytes go when nobody has them any more. A segment in a file gets a second link, so both folders are of one file system.
 * It is as durable as a commit before this returns. *shared is NULL if this journal has it already: an earlier process ended
 * in between, and its own start has found it. Not OK: this journal has nothing of it. */
MUST_CHECK enum error journal_share(struct journal *journal, const struct segment *segment, struct segment **shared);

/* Where `sluice dead-letters retry` puts segments for journal_adopt. */
#define RETRY_FOLDER "retry"

/* One thread at a time; reads files and syncs folders. Takes at most `most` segments out of <data>/retry into the journal,
 * as durable as those that are found at start. It counts their rows as recovered in `cells`, which are the caller's
 * thread's. *adopted is a list (by `next`) of sealed segments, oldest first, owned by the caller. A segment
 * waits in retry/ while the journal still has one of its name, or has no room (max_bytes). One that is damaged goes
 * to damaged/, counted; what is no segment, or a newer version's, is left alone, and named in the log. */
void journal_adopt(struct journal *journal, size_t most, struct metrics_cells *cells, struct segment **adopted);

/* The folder's real path. */
const char *journal_folder(const struct journal *journal);

/* Bytes of all segments. Any thread. */
uint64_t journal_bytes(struct journal *journal);

/* Acknowledged events in the journal; SIZE_MAX: of streams that are not configured. Any thread. */
uint64_t journal_events(struct journal *journal, size_t stream_index);
