/* Turns failures of the disk into refusals that heal by themselves: rule 3 and admission. */
#include "pipeline/journal/journal_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/status.h"
#include "base/system/disk.h"
#include "event/stream.h"
#include "pipeline/journal/journal_io.h"

#include <errno.h>

static void seal_cut(struct journal *journal, struct open_segment *open)
{
    struct segment *segment = open->segment;
    ASSERT_EQUAL(open->rows, 0u);
    open->segment = NULL;
    open->cut_failed = false;
    if (segment->rows == 0) {
        segment_folder_discard(&journal->folder, segment);
        return;
    }
    segment_park(segment);
    segment->next = journal->sealed;
    journal->sealed = segment;
}

/* Cuts the open segment back to what is acknowledged and seals it there. */
static void cut(struct journal *journal, struct open_segment *open)
{
    struct segment *segment = open->segment;
    ASSERT_AT_MOST(segment->length, open->written);
    open->rows = 0;
    open->raw_bytes = 0;
    if (journal->folder.io->ftruncate(segment->fd, (off_t)segment->length) == 0) {
        seal_cut(journal, open);
        return;
    }
    open->cut_failed = true;
    LOG(LOG_ERROR, "journal cut failed", "segment=%s length=%llu: %s; no events are accepted until it succeeds",
        segment->name, (unsigned long long)segment->length, strerror(errno));
}

static void show_failure(struct journal *journal, const char *what, int number, bool creating)
{
    journal->status_shown = ERROR_INTERNAL; /* no verdict of journal_admits says this */
    if (creating && number == ENOENT) {
        status_set(journal->status, STATUS_DOWN, "the journal's folder is gone: start the gateway again");
    } else if (disk_error(number) == ERROR_DISK_FULL) {
        status_set(journal->status, STATUS_DOWN,
                   "%s failed: %s; make room for bytes (df) or for files (df -i); it is tried again each second", what,
                   strerror(number));
    } else {
        status_set(journal->status, STATUS_DOWN, "%s failed: %s; it is tried again each second", what,
                   strerror(number));
    }
}

enum error journal_fail_group(struct journal *journal, struct open_segment *open, const char *what, int number)
{
    ASSERT(number != 0);
    LOG(LOG_ERROR, "journal write failed", "%s of %s: %s; the group is refused", what,
        open->segment != NULL ? open->segment->name : "a new segment", strerror(number));
    show_failure(journal, what, number, open->segment == NULL);
    admission_failed(&journal->admission, disk_error(number), journal->out.len);
    if (open->segment != NULL) {
        cut(journal, open);
    }
    return disk_error(number);
}

static bool retry_cuts(struct journal *journal)
{
    bool fine = true;
    for (size_t i = 0; i < journal->folder.stream_count; i++) {
        struct open_segment *open = &journal->open[i];
        if (open->cut_failed) {
            cut(journal, open);
            fine = fine && !open->cut_failed;
        }
    }
    return fine;
}

bool journal_is_stuck(const struct journal *journal)
{
    for (size_t i = 0; i < journal->folder.stream_count; i++) {
        if (journal->open[i].cut_failed) {
            return true;
        }
    }
    return false;
}

static void refresh(struct journal *journal)
{
    struct admission *admission = &journal->admission;
    const struct journal_io *io = journal->folder.io;
    int64_t now_ns = io->monotonic_ns();
    if (!admission_wants_check(admission, now_ns)) {
        return;
    }
    admission->checked_ns = now_ns;
    (void)io->free_bytes(journal->folder.data, &admission->free_bytes); /* else what it was */
    if (journal_is_stuck(journal) && retry_cuts(journal)) {
        LOG(LOG_INFO, "journal cut succeeded", "events are accepted again");
    }
}

/* A gateway that says it is down gets no events, so what fails is found to work again without one. The first time it is
 * tried at once: most failures pass. */
static void probe(struct journal *journal)
{
    int64_t now_ns = journal->folder.io->monotonic_ns();
    if (!admission_wants_probe(&journal->admission, now_ns) || journal_is_stuck(journal)) {
        return;
    }
    journal->admission.probed_ns = now_ns;
    int number = segment_folder_probe(&journal->folder, &journal->out);
    if (number != 0) {
        journal->admission.failing = disk_error(number);
        show_failure(journal, "writing a new file", number, true);
        return;
    }
    journal->admission.failing = OK;
    LOG(LOG_INFO, "journal can be written", "a new file could be made");
}

static void show_status(struct journal *journal, enum error verdict)
{
    if (verdict == journal->status_shown) {
        return;
    }
    journal->status_shown = verdict;
    switch (verdict) {
    case OK: status_set(journal->status, STATUS_OK, "%s", ""); break;
    case ERROR_JOURNAL_FULL:
        status_set(journal->status, STATUS_DOWN,
                   "the journal holds %llu bytes, its limit is journal.max_bytes = %llu; it empties as the store takes "
                   "batches",
                   (unsigned long long)journal_bytes(journal), (unsigned long long)journal->options->max_bytes);
        break;
    case ERROR_DISK_FULL:
        status_set(
            journal->status, STATUS_DOWN,
            "%s has %llu bytes free, journal.min_free = %llu, and %llu more are needed for what was refused; make "
            "room on this file system",
            journal->folder.data, (unsigned long long)journal->admission.free_bytes,
            (unsigned long long)journal->options->min_free, (unsigned long long)journal->admission.room_needed);
        break;
    default:
        status_set(journal->status, STATUS_DOWN,
                   "a segment could not be cut back after a failed write; it is tried again each second");
        break;
    }
}

enum error journal_admits_stream(struct journal *journal, size_t stream_index, uint64_t bytes)
{
    struct stream_bound *stream = &journal->stream_bounds[stream_index];
    bool was_full = stream->bound.needed != 0;
    if (stream->status == NULL) {
        return OK;
    }
    uint64_t used = journal_usage_of(&journal->usage, stream_index).bytes;
    bool full = bound_is_full(&stream->bound, used, bytes);
    if (full && !was_full) {
        status_set(
            stream->status, STATUS_DEGRADED,
            "this stream's new events are refused: %llu of its %llu bytes of the journal wait for the store; they "
            "are taken again as its table takes batches; see stream:%s, or raise its max_journal",
            (unsigned long long)used, (unsigned long long)stream->bound.limit,
            journal->folder.streams[stream_index]->name);
    } else if (!full && was_full) {
        status_set(stream->status, STATUS_OK, "%s", "");
    }
    return full ? ERROR_JOURNAL_FULL : OK;
}

enum error journal_admits(struct journal *journal, uint64_t bytes)
{
    journal->admission.all.limit = journal->options->max_bytes;
    journal->admission.min_free = journal->options->min_free;
    refresh(journal);
    probe(journal);
    enum error verdict = admission_verdict(&journal->admission, journal_bytes(journal), bytes);
    if (journal_is_stuck(journal)) {
        verdict = ERROR_JOURNAL_FAILED;
    } else if (journal->admission.failing != OK) {
        return verdict; /* the status says why */
    }
    show_status(journal, verdict);
    return verdict;
}
