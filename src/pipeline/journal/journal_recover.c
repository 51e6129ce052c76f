/* Turns the files found at start into sealed segments (rule 4). */
#include "base/log.h"

#include "base/assert.h"
#include "pipeline/journal/journal_found.h"
#include "pipeline/journal/journal_private.h"
#include "pipeline/journal/set_aside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool found_fail(struct recovery *recovery, const char *what, const char *name)
{
    buf_printf(recovery->problem, "journal: cannot %s %s: %s", what, name, strerror(errno));
    return false;
}

static bool add_file(struct recovery *recovery, const char *file_name)
{
    struct slice name, stream;
    struct event_id uuid;
    if (!segment_parse_file_name(file_name, &name, &stream, &uuid)) {
        LOG(LOG_WARN, "foreign file left alone", "%s/%s is not a segment", recovery->folder->segments, file_name);
        return true;
    }
    if (recovery->count == recovery->capacity) {
        size_t capacity = recovery->capacity * 2 + 16;
        struct found *files = realloc(recovery->files, capacity * sizeof *files);
        if (files == NULL) {
            return found_fail(recovery, "list", recovery->folder->segments);
        }
        recovery->files = files;
        recovery->capacity = capacity;
    }
    struct found *found = &recovery->files[recovery->count++];
    ASSERT_AT_MOST(recovery->count, recovery->capacity);
    *found = (struct found){ .made_ns = segment_made_ns(&uuid),
                             .stream_index = segment_folder_find_stream(recovery->folder, stream) };
    snprintf(found->name, sizeof found->name, "%.*s", (int)name.len, file_name);
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct found *left = a;
    const struct found *right = b;
    if (left->made_ns != right->made_ns) {
        return left->made_ns < right->made_ns ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

static bool list_files(struct recovery *recovery)
{
    DIR *folder = opendir(recovery->folder->segments);
    if (folder == NULL) {
        return errno == ENOENT || found_fail(recovery, "list", recovery->folder->segments);
    }
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            fine = add_file(recovery, entry->d_name);
        }
    }
    closedir(folder);
    if (recovery->count != 0) {
        qsort(recovery->files, recovery->count, sizeof *recovery->files, by_age);
    }
    return fine;
}

/* Its rows are as good as ever: to put them aside as damage would lose them. */
static bool cannot_read(struct recovery *recovery, const char *name)
{
    buf_printf(recovery->problem,
               "journal: the header of %s is whole but cannot be read: it was written by a newer version; start that "
               "one, or let it deliver first",
               name);
    return false;
}

/* A header is short, and many files may wait; only where one is not found in the front, the whole is read. */
#define FRONT_BYTES ((uint64_t)64 << 10)

/* Whether the header that was read is what more bytes would say, too: there is room for its copy. */
static bool is_settled(const struct segment_header *header, size_t length, struct slice front)
{
    return header->damaged == 0 && length <= front.len / 2;
}

/* False: memory is short, or the file cannot be read for a reason that may pass. */
static bool read_header(struct recovery *recovery, struct found *found)
{
    struct segment *segment = found->segment;
    for (uint64_t most = FRONT_BYTES;; most = found->written) {
        struct disk_holes holes;
        size_t length = 0;
        bool all = most >= found->written;
        buf_clear(&recovery->bytes);
        if (disk_salvage(segment->fd, all ? found->written : most, &recovery->bytes, &holes) != OK) {
            return found_fail(recovery, "read", found->name);
        }
        struct slice bytes = buf_slice(&recovery->bytes);
        bool ours = segment_header_read(&segment->header, bytes, &length);
        if (!ours && errno == ENOMEM) {
            return found_fail(recovery, "read", found->name);
        }
        if (!all && !(ours && is_settled(&segment->header, length, bytes))) {
            segment_header_release(&segment->header);
            continue;
        }
        if (!ours) {
            return !segment_header_is_sound(bytes) || cannot_read(recovery, found->name);
        }
        if (strcmp(segment->header.name, found->name) == 0) {
            found->header_length = length;
        } else {
            memcpy(found->named, segment->header.name, strlen(segment->header.name) + 1);
        }
        return true;
    }
}

/* Reads a file's header. What is not a plain file is left alone. It is not open afterwards: there may be more files than
 * descriptors. */
static bool look_at_file(struct recovery *recovery, struct found *found)
{
    ASSERT(found->segment == NULL);
    struct stat info;
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        return found_fail(recovery, "open", found->name);
    }
    found->segment = segment;
    segment->path = segment_path(recovery->folder->segments, found->name, SEGMENT_SUFFIX);
    segment->fd = segment->path == NULL ? -1 : segment_open_found(segment->path);
    bool plain = segment->fd >= 0 && fstat(segment->fd, &info) == 0 && S_ISREG(info.st_mode);
    if (!plain && (segment->fd >= 0 || errno == ELOOP || errno == EISDIR || errno == ENXIO)) {
        LOG(LOG_WARN, "foreign file left alone", "%s is not a plain file", segment->path);
        segment_free(segment);
        found->segment = NULL;
        return true;
    }
    if (!plain) {
        return found_fail(recovery, "open", found->name);
    }
    found->file_length = (uint64_t)info.st_size;
    found->written = disk_written_length(segment->fd, found->file_length);
    ASSERT_AT_MOST(found->written, found->file_length);
    if (found->written > SEGMENT_MAX_FILE) {
        metric_add(recovery->cells, METRIC_TORN_TAILS, 1);
        return found_put_aside(recovery, found, "it is longer than any segment");
    }
    if (!read_header(recovery, found)) {
        return false;
    }
    close(segment->fd);
    segment->fd = -1;
    memcpy(segment->name, found->name, sizeof segment->name);
    segment->stream_index = found->stream_index;
    segment->first_ns = found->made_ns;
    segment->recovered = true;
    return true;
}

const struct found *found_find(const struct recovery *recovery, const struct found *except, const char *name)
{
    for (size_t i = 0; i < recovery->count; i++) {
        const struct found *found = &recovery->files[i];
        if (found != except && found->header_length != 0 && strcmp(found->name, name) == 0) {
            return found;
        }
    }
    return NULL;
}

/* A crash while a segment was split or repaired: the whole is there, so its halves may not be. */
static const struct found *whole_of(const struct recovery *recovery, const struct found *found)
{
    const char *parent = found->header_length == 0 ? "" : found->segment->header.parent;
    return parent[0] == '\0' ? NULL : found_find(recovery, found, parent);
}

/* Wholes first: what becomes of a half depends on its whole. */
static bool take_files(struct recovery *recovery, bool halves)
{
    for (size_t i = 0; i < recovery->count; i++) {
        struct found *found = &recovery->files[i];
        const struct found *whole = found->segment == NULL ? NULL : whole_of(recovery, found);
        if (found->segment == NULL || halves != (whole != NULL)) {
            continue;
        }
        if (!(halves ? found_drop(recovery, found, whole) : found_take(recovery, found))) {
            return false;
        }
    }
    return true;
}

static void hand_over(struct journal *journal, const struct recovery *recovery, struct segment **recovered)
{
    struct segment **last = recovered;
    for (size_t i = 0; i < recovery->count; i++) {
        struct segment *segment = recovery->files[i].segment;
        if (segment == NULL) {
            continue;
        }
        size_t index = segment->stream_index != SIZE_MAX ? segment->stream_index : metrics_no_stream(journal->metrics);
        metric_add_stream(journal->cells, METRIC_EVENTS_RECOVERED, index, (int64_t)segment->rows);
        journal_usage_move(&journal->usage, segment->stream_index, (int64_t)segment->rows, (int64_t)segment->length, 1);
        *last = segment;
        last = &segment->next;
    }
    *last = NULL;
}

static bool recover(struct recovery *recovery)
{
    bool fine = list_files(recovery);
    for (size_t i = 0; fine && i < recovery->count; i++) {
        fine = look_at_file(recovery, &recovery->files[i]);
    }
    if (!fine || !take_files(recovery, false) || !take_files(recovery, true)) {
        return false;
    }
    if (recovery->count != 0 && segment_folder_is_fsync(recovery->folder) && !segment_folder_sync(recovery->folder)) {
        return found_fail(recovery, "sync", recovery->folder->segments);
    }
    return true;
}

bool journal_recover(struct journal *journal, struct segment **recovered, struct buf *problem)
{
    struct recovery recovery = {
        .folder = &journal->folder, .metrics = journal->metrics, .cells = journal->cells, .problem = problem
    };
    bool fine = recover(&recovery);
    if (fine) {
        hand_over(journal, &recovery, recovered);
    } else {
        for (size_t i = 0; i < recovery.count; i++) {
            segment_free(recovery.files[i].segment);
        }
    }
    free(recovery.files);
    buf_release(&recovery.bytes);
    metric_set(journal->metrics, METRIC_DAMAGED_BYTES, 0, (double)set_aside_bytes(journal->folder.damaged));
    return fine;
}
