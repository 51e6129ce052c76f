/* Turns names into segment files, and system calls into functions that tests can replace. */
#include "pipeline/journal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* O_EXCL: a file is never recycled. */
static int system_create(int folder_fd, const char *name)
{
    return openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
}

static int system_free_bytes(const char *folder, uint64_t *bytes)
{
    struct statvfs room;
    if (statvfs(folder, &room) != 0) {
        return -1;
    }
    *bytes = (uint64_t)room.f_bavail * room.f_frsize;
    return 0;
}

const struct journal_io journal_system_io = {
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .unlink = unlink,
    .fsync_folder = fsync,
    .create = system_create,
    .free_bytes = system_free_bytes,
    .monotonic_ns = clock_monotonic_ns,
};

char *journal_path(const char *folder, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

void journal_make_name(struct journal *journal, const char *stream, char name[SEGMENT_NAME_MAX])
{
    pthread_mutex_lock(&journal->mutex);
    struct event_id uuid = event_id_generate(&journal->names, clock_wall_ns());
    pthread_mutex_unlock(&journal->mutex);
    segment_make_name(name, stream, &uuid);
}

size_t journal_find_stream(const struct journal *journal, struct slice name)
{
    for (size_t i = 0; i < journal->stream_count; i++) {
        if (slice_equal(slice_from_string(journal->streams[i]->name), name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* In the folder that was opened, which is the one that is synced: if it is gone, or
 * another lies at its path, there is no new file, and events are refused until the gateway is started again. */
static bool create_file(const struct journal *journal, struct segment *segment, bool in_memory)
{
    if (in_memory) {
        segment->fd = memfd_create(segment->name, MFD_CLOEXEC);
        return segment->fd >= 0;
    }
    segment->path = journal_path(journal->segment_folder, segment->name, SEGMENT_SUFFIX);
    if (segment->path == NULL) {
        return false;
    }
    const char *file_name = strrchr(segment->path, '/') + 1;
    segment->fd = journal->io->create(journal->segment_folder_fd, file_name);
    return segment->fd >= 0;
}

int journal_open_file(const char *path)
{
    return open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

struct segment *journal_create(struct journal *journal, struct slice bytes, bool in_memory)
{
    size_t length;
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL) {
        return NULL;
    }
    segment->fd = -1;
    segment->min_time_ns = INT64_MAX;
    segment->max_time_ns = INT64_MIN;
    segment->first_ns = clock_wall_ns();
    errno = ENOMEM;
    if (segment_header_read(&segment->header, bytes, &length)) {
        snprintf(segment->name, sizeof segment->name, "%s", segment->header.name);
        segment->stream_index = journal_find_stream(journal, slice_from_string(segment->header.stream));
        if (create_file(journal, segment, in_memory)) {
            return segment;
        }
    }
    int error = errno;
    segment_free(segment);
    errno = error;
    return NULL;
}

bool journal_write(struct journal *journal, int fd, struct slice bytes, uint64_t at)
{
    ssize_t written;
    do {
        written = journal->io->pwrite(fd, bytes.data, bytes.len, (off_t)at);
    } while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written != bytes.len) {
        errno = ENOSPC; /* what a short write to a file means */
        return false;
    }
    return written >= 0;
}

struct segment *journal_create_descendant(struct journal *journal, const struct segment *parent)
{
    char name[SEGMENT_NAME_MAX];
    struct buf header = { 0 };
    errno = ENOMEM;
    journal_make_name(journal, parent->header.stream, name);
    segment_header_rename(&parent->header, name, parent->name, &header);
    struct segment *segment = header.failed ? NULL : journal_create(journal, buf_slice(&header), parent->path == NULL);
    if (segment != NULL && !journal_write(journal, segment->fd, buf_slice(&header), 0)) {
        int error = errno;
        journal_discard(journal, segment);
        segment = NULL;
        errno = error;
    }
    if (segment != NULL) {
        segment->length = header.len;
        segment->first_ns = parent->first_ns;
    }
    buf_release(&header);
    return segment;
}

void journal_write_seal(struct journal *journal, const struct segment *segment)
{
    struct buf seal = { 0 };
    if (segment->path == NULL) {
        return;
    }
    segment_seal_write(segment->name, segment->rows, segment->length, &seal);
    if (!seal.failed && !journal_write(journal, segment->fd, buf_slice(&seal), segment->length)) {
        LOG(LOG_WARN, "segment not sealed", "%s has no seal behind its last frame: %s", segment->name, strerror(errno));
    }
    buf_release(&seal);
}

/* A half that outlives its whole would be delivered at the next start: if it cannot be unlinked, it is emptied. */
static void empty(const struct journal *journal, const struct segment *segment, int error)
{
    bool emptied = journal->io->ftruncate(segment->fd, 0) == 0 &&
                   (!journal_is_fsync(journal) || journal->io->fdatasync(segment->fd) == 0);
    LOG(emptied ? LOG_WARN : LOG_ERROR, emptied ? "segment emptied, not removed" : "segment not removed",
        "segment=%s: %s", segment->name, strerror(error));
}

void journal_discard(struct journal *journal, struct segment *segment)
{
    if (segment != NULL && segment->path != NULL && journal->io->unlink(segment->path) != 0 && errno != ENOENT) {
        empty(journal, segment, errno);
    }
    segment_free(segment);
}

static bool sync_new(const struct journal *journal, const struct segment *segment)
{
    return !journal_is_fsync(journal) ||
           (journal->io->fdatasync(segment->fd) == 0 && journal->io->fsync_folder(journal->segment_folder_fd) == 0);
}

int journal_probe(struct journal *journal)
{
    char name[SEGMENT_NAME_MAX];
    struct buf *out = &journal->out;
    buf_clear(out);
    journal_make_name(journal, journal->streams[0]->name, name);
    segment_header_write(journal->streams[0], name, "", out);
    errno = ENOMEM;
    struct segment *segment = out->failed ? NULL : journal_create(journal, buf_slice(out), journal_is_memory(journal));
    if (segment == NULL) {
        return errno;
    }
    bool wrote = journal_write(journal, segment->fd, buf_slice(out), 0) && sync_new(journal, segment);
    int error = wrote ? 0 : errno;
    journal_discard(journal, segment);
    return error;
}
