/* Turns the files found at start into sealed segments (rule 4). */
#include "pipeline/journal_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of ours. */
struct found {
    char name[SEGMENT_NAME_MAX];
    int64_t made_ns;
    size_t stream_index; /* by the name of the file */
    uint64_t file_length;
    uint64_t header_length; /* 0: the header does not check */
    struct segment *segment;
};

struct recovery {
    struct journal *journal;
    struct found *files;
    size_t count;
    size_t capacity;
    struct buf *problem;
};

static bool fail(struct recovery *recovery, const char *what, const char *name)
{
    buf_printf(recovery->problem, "journal: cannot %s %s: %s", what, name, strerror(errno));
    return false;
}

static bool add_file(struct recovery *recovery, const char *file_name)
{
    struct slice stream;
    struct event_id uuid;
    struct slice name = slice_from_string(file_name);
    size_t suffix = sizeof SEGMENT_SUFFIX - 1;
    bool ours = name.len > suffix && strcmp(file_name + name.len - suffix, SEGMENT_SUFFIX) == 0 &&
                segment_parse_name(name, &stream, &uuid);
    if (!ours) {
        LOG(LOG_WARN, "foreign file left alone", "%s/%s is not a segment", recovery->journal->segment_folder,
            file_name);
        return true;
    }
    if (recovery->count == recovery->capacity) {
        size_t capacity = recovery->capacity * 2 + 16;
        struct found *files = realloc(recovery->files, capacity * sizeof *files);
        if (files == NULL) {
            return fail(recovery, "list", recovery->journal->segment_folder);
        }
        recovery->files = files;
        recovery->capacity = capacity;
    }
    struct found *found = &recovery->files[recovery->count++];
    *found = (struct found){ .made_ns = segment_made_ns(&uuid),
                             .stream_index = journal_find_stream(recovery->journal, stream) };
    snprintf(found->name, sizeof found->name, "%.*s", (int)(name.len - suffix), file_name);
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
    DIR *folder = opendir(recovery->journal->segment_folder);
    if (folder == NULL) {
        return errno == ENOENT || fail(recovery, "list", recovery->journal->segment_folder);
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

static bool map_file(int fd, uint64_t length, struct slice *bytes)
{
    *bytes = (struct slice){ "", 0 };
    if (length != 0) {
        void *data = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) {
            return false;
        }
        *bytes = slice_make(data, length);
    }
    return true;
}

static void unmap_file(struct slice bytes)
{
    if (bytes.len != 0) {
        segment_unmap(bytes);
    }
}

/* Its rows are as good as ever: to put them aside as damage would lose them. */
static bool cannot_read(struct recovery *recovery, const char *name)
{
    buf_printf(recovery->problem,
               "journal: the header of %s is whole but cannot be read: it was written by a newer version (start that "
               "one, or let it deliver first), or memory is short",
               name);
    return false;
}

/* Opens a file and reads its header. What is not a plain file is left alone. */
static bool open_file(struct recovery *recovery, struct found *found)
{
    struct stat info;
    struct slice bytes;
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        return fail(recovery, "open", found->name);
    }
    found->segment = segment;
    segment->path = journal_path(recovery->journal->segment_folder, found->name, SEGMENT_SUFFIX);
    segment->fd = segment->path == NULL ? -1 : open(segment->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool plain = segment->fd >= 0 && fstat(segment->fd, &info) == 0 && S_ISREG(info.st_mode);
    if (!plain && (segment->fd >= 0 || errno == ELOOP || errno == EISDIR || errno == ENXIO)) {
        LOG(LOG_WARN, "foreign file left alone", "%s is not a plain file", segment->path);
        segment_free(segment);
        found->segment = NULL;
        return true;
    }
    if (!plain || !map_file(segment->fd, (uint64_t)info.st_size, &bytes)) {
        return fail(recovery, "open", found->name);
    }
    found->file_length = (uint64_t)info.st_size;
    size_t length = 0;
    if (segment_header_read(&segment->header, bytes, &length)) {
        /* A header that belongs to another file says nothing of this one. */
        found->header_length = strcmp(segment->header.name, found->name) == 0 ? length : 0;
    } else if (segment_header_is_sound(bytes)) {
        unmap_file(bytes);
        return cannot_read(recovery, found->name);
    }
    unmap_file(bytes);
    memcpy(segment->name, found->name, sizeof segment->name);
    segment->stream_index = found->stream_index;
    segment->first_ns = found->made_ns;
    segment->recovered = true;
    return true;
}

static bool remove_file(struct recovery *recovery, struct found *found)
{
    if (unlink(found->segment->path) != 0 && errno != ENOENT) {
        return fail(recovery, "remove", found->segment->path);
    }
    segment_free(found->segment);
    found->segment = NULL;
    return true;
}

/* A crash while a segment was split: the whole is there, so its halves may not be. */
static bool remove_halves(struct recovery *recovery)
{
    for (size_t i = 0; i < recovery->count; i++) {
        struct found *half = &recovery->files[i];
        for (size_t j = 0; half->header_length != 0 && half->segment != NULL && j < recovery->count; j++) {
            const struct found *whole = &recovery->files[j];
            if (j == i || whole->header_length == 0 || whole->segment == NULL ||
                strcmp(whole->name, half->segment->header.parent) != 0) {
                continue;
            }
            LOG(LOG_INFO, "half of a segment removed", "segment=%s whole=%s", half->name, whole->name);
            if (!remove_file(recovery, half)) {
                return false;
            }
        }
    }
    return true;
}

/* An earlier process may have died between its write and its fdatasync: what counts as recovered must be as durable as
 * what is acknowledged. */
static bool cut_tail(struct recovery *recovery, struct found *found, uint64_t length)
{
    struct segment *segment = found->segment;
    if (length < found->file_length) {
        LOG(LOG_WARN, "torn tail cut", "segment=%s length=%llu cut=%llu", found->name, (unsigned long long)length,
            (unsigned long long)(found->file_length - length));
        if (ftruncate(segment->fd, (off_t)length) != 0) {
            return fail(recovery, "cut the torn tail of", segment->path);
        }
    }
    if (journal_is_fsync(recovery->journal) && fdatasync(segment->fd) != 0) {
        return fail(recovery, "sync", segment->path);
    }
    return true;
}

static void count_damage(struct recovery *recovery, const struct found *found, const struct segment_summary *summary)
{
    struct journal *journal = recovery->journal;
    size_t index = found->stream_index != SIZE_MAX ? found->stream_index : metrics_no_stream(journal->metrics);
    int64_t rows = (int64_t)summary->damaged_rows;
    LOG(LOG_ERROR, "segment damaged", "segment=%s pieces=%llu bytes=%llu rows=%lld; see %s", found->name,
        (unsigned long long)summary->damaged_pieces, (unsigned long long)summary->damaged_bytes, (long long)rows,
        journal->damaged_folder);
    metric_add_stream(journal->cells, METRIC_EVENTS_RECOVERED, index, rows);
    metric_add_stream(journal->cells, METRIC_EVENTS_DAMAGED, index, rows);
}

/* The header does not check: the rows that its frames still hold are lost to delivery, and known. */
static bool put_aside(struct recovery *recovery, struct found *found, struct slice bytes,
                      struct segment_summary *summary)
{
    if (!journal_put_aside(recovery->journal, found->segment->path, bytes, summary->rows, recovery->problem)) {
        return false;
    }
    if (summary->rows != 0) {
        summary->damaged_rows += summary->rows;
        summary->damaged_pieces++;
        summary->damaged_bytes = bytes.len;
        count_damage(recovery, found, summary);
    }
    segment_free(found->segment);
    found->segment = NULL;
    return true;
}

static bool mend(struct recovery *recovery, struct found *found, struct slice bytes,
                 const struct segment_summary *summary)
{
    struct segment *repaired;
    count_damage(recovery, found, summary);
    if (!journal_repair(recovery->journal, found->segment, bytes, found->header_length, &repaired, recovery->problem)) {
        return false;
    }
    found->segment = repaired;
    return true;
}

static bool take_file(struct recovery *recovery, struct found *found, struct slice bytes)
{
    struct segment_summary summary;
    const struct segment_header *header = found->header_length != 0 ? &found->segment->header : NULL;
    if (segment_walk(bytes, found->header_length, header, NULL, &summary) != OK) {
        errno = ENOMEM;
        return fail(recovery, "read", found->segment->path);
    }
    if (header == NULL) {
        return put_aside(recovery, found, bytes, &summary);
    }
    if (summary.rows == 0) {
        return remove_file(recovery, found);
    }
    if (summary.damaged_pieces != 0) {
        if (!mend(recovery, found, bytes, &summary)) {
            return false;
        }
    } else if (cut_tail(recovery, found, summary.length)) {
        found->segment->length = summary.length;
    } else {
        return false;
    }
    struct segment *segment = found->segment;
    segment->rows = summary.rows;
    segment->raw_bytes = summary.raw_bytes;
    segment->min_time_ns = summary.min_time_ns;
    segment->max_time_ns = summary.max_time_ns;
    return true;
}

static bool take_files(struct recovery *recovery)
{
    bool fine = true;
    for (size_t i = 0; fine && i < recovery->count; i++) {
        struct slice bytes;
        struct found *found = &recovery->files[i];
        if (found->segment == NULL) {
            continue;
        }
        if (!map_file(found->segment->fd, found->file_length, &bytes)) {
            return fail(recovery, "map", found->segment->path);
        }
        fine = take_file(recovery, found, bytes);
        unmap_file(bytes);
    }
    return fine;
}

static void hand_over(struct recovery *recovery, struct segment **recovered)
{
    struct journal *journal = recovery->journal;
    struct segment **last = recovered;
    for (size_t i = 0; i < recovery->count; i++) {
        struct segment *segment = recovery->files[i].segment;
        if (segment == NULL) {
            continue;
        }
        size_t index = segment->stream_index != SIZE_MAX ? segment->stream_index : metrics_no_stream(journal->metrics);
        metric_add_stream(journal->cells, METRIC_EVENTS_RECOVERED, index, (int64_t)segment->rows);
        journal_use(journal, segment->stream_index, (int64_t)segment->rows, (int64_t)segment->length, 1);
        *last = segment;
        last = &segment->next;
    }
    *last = NULL;
}

static bool recover(struct recovery *recovery)
{
    bool fine = list_files(recovery);
    for (size_t i = 0; fine && i < recovery->count; i++) {
        fine = open_file(recovery, &recovery->files[i]);
    }
    if (!fine || !remove_halves(recovery) || !take_files(recovery)) {
        return false;
    }
    if (recovery->count != 0 && journal_is_fsync(recovery->journal) &&
        fsync(recovery->journal->segment_folder_fd) != 0) {
        return fail(recovery, "sync", recovery->journal->segment_folder);
    }
    return true;
}

bool journal_recover(struct journal *journal, struct segment **recovered, struct buf *problem)
{
    struct recovery recovery = { .journal = journal, .problem = problem };
    bool fine = recover(&recovery);
    if (fine) {
        hand_over(&recovery, recovered);
    } else {
        for (size_t i = 0; i < recovery.count; i++) {
            segment_free(recovery.files[i].segment);
        }
    }
    free(recovery.files);
    return fine;
}
