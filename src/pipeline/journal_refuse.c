/* Turns failures of the disk into refusals that heal by themselves: rule 3 and admission. */
#include "pipeline/journal_private.h"

#include <errno.h>

static void seal_cut(struct journal *journal, struct open_segment *open)
{
    struct segment *segment = open->segment;
    open->segment = NULL;
    open->cut_failed = false;
    if (segment->rows == 0) {
        journal_discard(journal, segment);
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
    open->rows = 0;
    open->raw_bytes = 0;
    if (journal->io->ftruncate(segment->fd, (off_t)segment->length) == 0) {
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
    journal->failing = disk_error(number);
    if (creating && number == ENOENT) {
        status_set(journal->status, STATUS_DOWN, "the journal's folder is gone: start the gateway again");
    } else if (journal->failing == ERROR_DISK_FULL) {
        status_set(journal->status, STATUS_DOWN,
                   "%s failed: %s; make room for bytes (df) or for files (df -i); it is tried again each second", what,
                   strerror(number));
    } else {
        status_set(journal->status, STATUS_DOWN, "%s failed: %s; it is tried again each second", what,
                   strerror(number));
    }
}

static void want_room(struct journal *journal, uint64_t bytes)
{
    uint64_t needed = bytes > 1 ? bytes : 1;
    journal->disk.needed = needed > journal->disk.needed ? needed : journal->disk.needed;
}

enum error journal_fail_group(struct journal *journal, struct open_segment *open, const char *what, int number)
{
    LOG(LOG_ERROR, "journal write failed", "%s of %s: %s; the group is refused", what,
        open->segment != NULL ? open->segment->name : "a new segment", strerror(number));
    show_failure(journal, what, number, open->segment == NULL);
    if (journal->failing == ERROR_DISK_FULL) {
        want_room(journal, journal->out.len);
        journal->checked_ns = 0; /* what was free is not any more */
    }
    if (open->segment != NULL) {
        cut(journal, open);
    }
    return disk_error(number);
}

static bool retry_cuts(struct journal *journal)
{
    bool fine = true;
    for (size_t i = 0; i < journal->stream_count; i++) {
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
    for (size_t i = 0; i < journal->stream_count; i++) {
        if (journal->open[i].cut_failed) {
            return true;
        }
    }
    return false;
}

static void refresh(struct journal *journal)
{
    int64_t now_ns = journal->io->monotonic_ns();
    if (journal->checked_ns != 0 && now_ns - journal->checked_ns < NS_PER_SECOND) {
        return;
    }
    journal->checked_ns = now_ns;
    if (journal->io->free_bytes(journal->folder, &journal->free_bytes) == 0) {
        metric_set(journal->metrics, METRIC_DISK_FREE, 0, (double)journal->free_bytes);
    }
    if (journal_is_stuck(journal) && retry_cuts(journal)) {
        LOG(LOG_INFO, "journal cut succeeded", "events are accepted again");
    }
}

/* A gateway that says it is down gets no events, so what fails is found to work again without one. The first time it is
 * tried at once: most failures pass. */
static void probe(struct journal *journal)
{
    int64_t now_ns = journal->io->monotonic_ns();
    if (journal->failing == OK || journal_is_stuck(journal) ||
        (journal->probed_ns != 0 && now_ns - journal->probed_ns < NS_PER_SECOND)) {
        return;
    }
    journal->probed_ns = now_ns;
    int number = journal_probe(journal);
    if (number != 0) {
        show_failure(journal, "writing a new file", number, true);
        return;
    }
    journal->failing = OK;
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
            journal->folder, (unsigned long long)journal->free_bytes, (unsigned long long)journal->options->min_free,
            (unsigned long long)journal->disk.needed);
        break;
    default:
        status_set(journal->status, STATUS_DOWN,
                   "a segment could not be cut back after a failed write; it is tried again each second");
        break;
    }
}

static bool is_full(struct bound *bound, uint64_t used, uint64_t bytes)
{
    uint64_t room = used < bound->limit ? bound->limit - used : 0;
    if (!journal_fits(bound->limit, used, bytes)) {
        uint64_t wanted = bytes < bound->limit / 2 ? bytes : bound->limit / 2;
        bound->needed = (wanted > bound->limit / 16 ? wanted : bound->limit / 16) + 1;
    } else if (room >= bound->needed) {
        bound->needed = 0;
    }
    return bound->needed != 0;
}

uint64_t journal_stream_bytes(struct journal *journal, size_t stream_index)
{
    pthread_mutex_lock(&journal->mutex);
    uint64_t bytes = journal->usage[stream_index].bytes;
    pthread_mutex_unlock(&journal->mutex);
    return bytes;
}

enum error journal_admits_stream(struct journal *journal, size_t stream_index, uint64_t bytes)
{
    struct stream_bound *stream = &journal->stream_bounds[stream_index];
    bool was_full = stream->bound.needed != 0;
    if (stream->status == NULL) {
        return OK;
    }
    uint64_t used = journal_stream_bytes(journal, stream_index);
    bool full = is_full(&stream->bound, used, bytes);
    if (full && !was_full) {
        status_set(
            stream->status, STATUS_DEGRADED,
            "this stream's new events are refused: %llu of its %llu bytes of the journal wait for the store; they "
            "are taken again as its table takes batches; see stream:%s, or raise its max_journal",
            (unsigned long long)used, (unsigned long long)stream->bound.limit, journal->streams[stream_index]->name);
    } else if (!full && was_full) {
        status_set(stream->status, STATUS_OK, "%s", "");
    }
    return full ? ERROR_JOURNAL_FULL : OK;
}

static bool lacks_room(struct journal *journal, uint64_t bytes)
{
    uint64_t reserve = journal->options->min_free;
    uint64_t room = journal->free_bytes > reserve ? journal->free_bytes - reserve : 0;
    if (journal_is_memory(journal)) {
        return false;
    }
    if (journal->free_bytes < reserve || bytes > room) {
        want_room(journal, bytes);
    } else if (room >= journal->disk.needed) {
        journal->disk.needed = 0;
    }
    return journal->disk.needed != 0;
}

enum error journal_admits(struct journal *journal, uint64_t bytes)
{
    enum error verdict = OK;
    refresh(journal);
    probe(journal);
    journal->bound.limit = journal->options->max_bytes;
    bool full = is_full(&journal->bound, journal_bytes(journal), bytes);
    bool short_of_room = lacks_room(journal, bytes);
    if (journal_is_stuck(journal)) {
        verdict = ERROR_JOURNAL_FAILED;
    } else if (journal->failing != OK) {
        return journal->failing; /* the status says why */
    } else if (full) {
        verdict = ERROR_JOURNAL_FULL;
    } else if (short_of_room) {
        verdict = ERROR_DISK_FULL;
    }
    show_status(journal, verdict);
    return verdict;
}
