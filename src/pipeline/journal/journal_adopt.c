/* Turns dead letters that were given back into sealed segments of the journal. */
#include "pipeline/journal/journal_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/system/disk.h"
#include "config/options/stream_options.h"
#include "event/stream.h"
#include "pipeline/journal/journal_io.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct adoption {
    struct journal *journal;
    struct metrics_cells *cells;
    char *folder; /* retry/ */
    struct segment **end;
    size_t taken;
    size_t aside;
    bool changed; /* the folder, since the last time: what is left alone is named once */
};

static void leave(const struct adoption *adoption, const char *file_name, const char *why)
{
    if (adoption->changed) {
        LOG(LOG_WARN, "file in retry left alone", "%s/%s %s", adoption->folder, file_name, why);
    }
}

static size_t label(const struct adoption *adoption, const struct segment *segment)
{
    return segment->stream_index != SIZE_MAX ? segment->stream_index : metrics_no_stream(adoption->journal->metrics);
}

static struct segment *open_segment(const struct adoption *adoption, const char *file_name, size_t name_len)
{
    struct stat info;
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        return NULL;
    }
    memcpy(segment->name, file_name, name_len);
    segment->path = segment_path(adoption->folder, segment->name, SEGMENT_SUFFIX);
    segment->fd = segment->path == NULL ? -1 : segment_open_found(segment->path);
    bool gone = segment->path == NULL || (segment->fd < 0 && errno == ENOENT);
    if (segment->fd < 0 || fstat(segment->fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        if (!gone) {
            leave(adoption, file_name, "is not a plain file that can be opened");
        }
        segment_free(segment);
        return NULL;
    }
    segment->length = disk_written_length(segment->fd, (uint64_t)info.st_size);
    return segment;
}

/* Nothing may be missing: what lies in retry/ was whole when it was buried. */
enum verdict { WHOLE, DAMAGED, FOREIGN, UNREAD };

static enum verdict read_bytes(struct segment *segment, struct slice bytes, uint64_t unreadable_end,
                               struct segment_summary *summary)
{
    size_t start = 0;
    bool ours = segment_header_read(&segment->header, bytes, &start);
    if (!ours && errno == ENOMEM) {
        return UNREAD;
    }
    if (!ours && segment_header_is_sound(bytes)) {
        return FOREIGN;
    }
    const struct segment_header *header = ours ? &segment->header : NULL;
    if (segment_walk_salvaged(bytes, start, unreadable_end, header, NULL, summary) != OK) {
        return UNREAD;
    }
    bool whole = ours && segment->header.damaged == 0 && strcmp(segment->header.name, segment->name) == 0 &&
                 summary->rows != 0 && summary->damaged_pieces == 0 && summary->tail == bytes.len;
    if (whole) {
        segment->length = summary->length; /* without a seal */
    }
    return whole ? WHOLE : DAMAGED;
}

static enum verdict read_segment(struct segment *segment, struct segment_summary *summary)
{
    struct buf bytes = { 0 };
    struct disk_holes holes;
    enum verdict verdict = UNREAD;
    *summary = (struct segment_summary){ 0 };
    if (segment->length == 0 || segment->length > SEGMENT_MAX_FILE) {
        return DAMAGED;
    }
    if (disk_salvage(segment->fd, segment->length, &bytes, &holes) == OK) {
        verdict = read_bytes(segment, buf_slice(&bytes), holes.end, summary);
    }
    buf_release(&bytes);
    segment->rows = summary->rows;
    segment->raw_bytes = summary->raw_bytes;
    segment->min_time_ns = summary->min_time_ns;
    segment->max_time_ns = summary->max_time_ns;
    segment->recovered = true;
    return verdict;
}

/* Without writing over a file. Nobody else makes one of a segment's name meanwhile. */
static bool rename_new(const struct journal_io *io, const char *from, const char *to)
{
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return false;
    }
    return io->rename(from, to) == 0;
}

/* Moves the segment's file into another folder. */
static bool move(const struct adoption *adoption, struct segment *segment, const char *folder)
{
    char *path = disk_make_folder(folder) ? segment_path(folder, segment->name, SEGMENT_SUFFIX) : NULL;
    if (path == NULL || !rename_new(adoption->journal->folder.io, segment->path, path)) {
        char why[256];
        snprintf(why, sizeof why, "cannot be moved to %.150s: %s", folder, strerror(errno));
        leave(adoption, strrchr(segment->path, '/') + 1, why);
        free(path);
        return false;
    }
    free(segment->path);
    segment->path = path;
    return true;
}

/* Takes the segment. */
static void put_aside(struct adoption *adoption, struct segment *segment, const struct segment_summary *summary)
{
    struct journal *journal = adoption->journal;
    int64_t rows = (int64_t)(summary->rows + summary->damaged_rows);
    if (move(adoption, segment, journal->folder.damaged)) {
        LOG(LOG_ERROR, "dead letter damaged", "segment=%s rows=%lld; moved to %s", segment->name, (long long)rows,
            journal->folder.damaged);
        metric_add_stream(adoption->cells, METRIC_EVENTS_RECOVERED, label(adoption, segment), rows);
        metric_add_stream(adoption->cells, METRIC_EVENTS_DAMAGED, label(adoption, segment), rows);
        adoption->aside++;
    }
    segment_free(segment);
}

/* Takes the segment. */
static void take(struct adoption *adoption, struct segment *segment)
{
    struct journal *journal = adoption->journal;
    ASSERT(segment->rows != 0);
    ASSERT(segment->next == NULL);
    if (!move(adoption, segment, journal->folder.segments)) {
        segment_free(segment);
        return;
    }
    LOG(LOG_INFO, "dead letter taken", "segment=%s rows=%llu", segment->name, (unsigned long long)segment->rows);
    metric_add_stream(adoption->cells, METRIC_EVENTS_RECOVERED, label(adoption, segment), (int64_t)segment->rows);
    journal_usage_move(&journal->usage, segment->stream_index, (int64_t)segment->rows, (int64_t)segment->length, 1);
    segment_park(segment);
    *adoption->end = segment;
    adoption->end = &segment->next;
    adoption->taken++;
}

/* Nobody but this makes a file of this name, as names are never reused: between the question and the answer it can only
 * go. Until then whoever holds the segment of this name would unlink both. */
static bool is_in_journal(const struct journal *journal, const char *name)
{
    char *path = segment_path(journal->folder.segments, name, SEGMENT_SUFFIX);
    bool there = path == NULL || access(path, F_OK) == 0;
    free(path);
    return there;
}

/* In the journal, and in the stream's part of it. */
static bool has_room(struct journal *journal, const struct segment *segment)
{
    uint64_t used = journal_bytes(journal);
    bool room = bound_fits(journal->options->max_bytes, used, segment->length);
    if (!room || segment->stream_index == SIZE_MAX) {
        return room;
    }
    uint64_t limit = journal->folder.streams[segment->stream_index]->options->max_journal_bytes;
    uint64_t part = journal_usage_of(&journal->usage, segment->stream_index).bytes;
    return limit == 0 || bound_fits(limit, part, segment->length);
}

static void look_at(struct adoption *adoption, const char *file_name)
{
    struct slice name, stream;
    struct event_id uuid;
    struct segment_summary summary;
    bool ours = segment_parse_file_name(file_name, &name, &stream, &uuid);
    struct segment *segment = ours ? open_segment(adoption, file_name, name.len) : NULL;
    if (!ours) {
        leave(adoption, file_name, "is not a segment");
    }
    if (segment == NULL) {
        return;
    }
    segment->stream_index = segment_folder_find_stream(&adoption->journal->folder, stream);
    segment->first_ns = segment_made_ns(&uuid);
    bool possible = segment->length <= SEGMENT_MAX_FILE;
    if (is_in_journal(adoption->journal, segment->name) || (possible && !has_room(adoption->journal, segment))) {
        segment_free(segment);
        return;
    }
    switch (read_segment(segment, &summary)) {
    case WHOLE: take(adoption, segment); return;
    case DAMAGED: put_aside(adoption, segment, &summary); return;
    case FOREIGN: leave(adoption, file_name, "was written by a newer version"); break;
    case UNREAD: break; /* memory is short, or the disk says neither yes nor no: at the next call */
    }
    segment_free(segment);
}

static void sync_folders(const struct adoption *adoption)
{
    const struct journal *journal = adoption->journal;
    bool synced = (adoption->taken == 0 || disk_sync_folder(journal->folder.segments)) &&
                  (adoption->aside == 0 || disk_sync_folder(journal->folder.damaged)) &&
                  (adoption->taken + adoption->aside == 0 || disk_sync_folder(adoption->folder));
    if (!synced) {
        /* After a power cut they may be in retry/ again: delivery then finds them in the table. */
        LOG(LOG_WARN, "retry folder not synced", "%s: %s", adoption->folder, strerror(errno));
    }
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool has_changed(struct journal *journal, const char *folder)
{
    struct stat info;
    if (stat(folder, &info) != 0 || memcmp(&info.st_mtim, &journal->retry_changed, sizeof info.st_mtim) == 0) {
        return false;
    }
    journal->retry_changed = info.st_mtim;
    return true;
}

void journal_adopt(struct journal *journal, size_t most, struct metrics_cells *cells, struct segment **adopted)
{
    struct adoption adoption = { .journal = journal, .cells = cells, .end = adopted };
    struct dirent **entries = NULL;
    adoption.folder = segment_path(journal->folder.data, RETRY_FOLDER, "");
    adoption.changed = adoption.folder != NULL && has_changed(journal, adoption.folder);
    int count = adoption.folder == NULL ? 0 : scandir(adoption.folder, &entries, is_entry, alphasort);
    *adopted = NULL;
    for (int i = 0; i < count; i++) {
        if (adoption.taken < most) {
            look_at(&adoption, entries[i]->d_name);
        }
        free(entries[i]);
    }
    *adoption.end = NULL;
    ASSERT_AT_MOST(adoption.taken, most);
    free(entries);
    sync_folders(&adoption);
    free(adoption.folder);
}
