/* Turns names into segment files, and system calls into functions that tests can replace. */
#include "pipeline/journal/segment_folder.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/system/disk.h"
#include "event/stream.h"
#include "pipeline/journal/journal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* O_EXCL: a file is never recycled. */
static int system_create(int folder_fd, const char *name)
{
    return openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int system_free_bytes(const char *folder, uint64_t *bytes)
{
    return disk_free_bytes(folder, bytes) ? 0 : -1;
}

const struct journal_io journal_system_io = {
    .pwrite = pwrite,
    .fdatasync = fdatasync,
    .ftruncate = ftruncate,
    .unlink = unlink,
    .rename = rename,
    .link = link,
    .fsync_folder = fsync,
    .create = system_create,
    .free_bytes = system_free_bytes,
    .monotonic_ns = clock_monotonic_ns,
};

static bool fail(struct buf *problem, const char *what, const char *path)
{
    buf_printf(problem, "journal.data: cannot %s %s: %s", what, path, strerror(errno));
    return false;
}

void segment_folder_init(struct segment_folder *folder, enum durability durability, const struct journal_io *io,
                         const struct stream *const *streams, size_t stream_count)
{
    *folder = (struct segment_folder){
        .durability = durability, .io = io, .streams = streams, .stream_count = stream_count, .fd = -1
    };
    pthread_mutex_init(&folder->mutex, NULL);
    event_id_generator_init(&folder->names);
}

bool segment_folder_open(struct segment_folder *folder, const char *data, struct buf *problem)
{
    folder->data = realpath(data, NULL);
    if (folder->data == NULL) {
        return fail(problem, "find the real path of", data);
    }
    folder->segments = segment_path(folder->data, "journal", "");
    folder->damaged = segment_path(folder->data, "damaged", "");
    if (folder->segments == NULL || folder->damaged == NULL) {
        return fail(problem, "open", folder->data);
    }
    if (!disk_make_folder(folder->segments)) {
        return fail(problem, "make the folder", folder->segments);
    }
    folder->fd = open(folder->segments, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder->fd >= 0 || fail(problem, "open", folder->segments);
}

void segment_folder_close(struct segment_folder *folder)
{
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    pthread_mutex_destroy(&folder->mutex);
    free(folder->data);
    free(folder->segments);
    free(folder->damaged);
}

bool segment_folder_sync(const struct segment_folder *folder)
{
    return folder->io->fsync_folder(folder->fd) == 0;
}

char *segment_path(const char *folder, const char *name, const char *suffix)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", folder, name, suffix) < 0 ? NULL : path;
}

void segment_folder_make_name(struct segment_folder *folder, const char *stream, char name[SEGMENT_NAME_MAX])
{
    pthread_mutex_lock(&folder->mutex);
    struct event_id uuid = event_id_generate(&folder->names, clock_wall_ns());
    pthread_mutex_unlock(&folder->mutex);
    segment_make_name(name, stream, &uuid);
}

size_t segment_folder_find_stream(const struct segment_folder *folder, struct slice name)
{
    for (size_t i = 0; i < folder->stream_count; i++) {
        if (slice_equal(slice_from_string(folder->streams[i]->name), name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

int segment_folder_memory_file(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC);
}

/* In the folder that was opened, which is the one that is synced: if it is gone, or
 * another lies at its path, there is no new file, and events are refused until the gateway is started again. */
static bool create_file(const struct segment_folder *folder, struct segment *segment, bool in_memory)
{
    if (in_memory) {
        segment->fd = segment_folder_memory_file(segment->name);
        return segment->fd >= 0;
    }
    ASSERT(folder->fd >= 0);
    segment->path = segment_path(folder->segments, segment->name, SEGMENT_SUFFIX);
    if (segment->path == NULL) {
        return false;
    }
    const char *file_name = strrchr(segment->path, '/') + 1;
    segment->fd = folder->io->create(folder->fd, file_name);
    return segment->fd >= 0;
}

int segment_open_found(const char *path)
{
    return open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

struct segment *segment_folder_create(const struct segment_folder *folder, struct slice bytes, bool in_memory)
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
        segment->stream_index = segment_folder_find_stream(folder, slice_from_string(segment->header.stream));
        if (create_file(folder, segment, in_memory)) {
            return segment;
        }
    }
    int error = errno;
    segment_free(segment);
    errno = error;
    return NULL;
}

bool segment_folder_write(const struct segment_folder *folder, int fd, struct slice bytes, uint64_t at)
{
    ASSERT(fd >= 0);
    ssize_t written;
    do {
        written = folder->io->pwrite(fd, bytes.data, bytes.len, (off_t)at);
    } while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written != bytes.len) {
        errno = ENOSPC; /* what a short write to a file means */
        return false;
    }
    return written >= 0;
}

struct segment *segment_folder_create_descendant(struct segment_folder *folder, const struct segment *parent)
{
    char name[SEGMENT_NAME_MAX];
    struct buf header = { 0 };
    errno = ENOMEM;
    segment_folder_make_name(folder, parent->header.stream, name);
    segment_header_rename(&parent->header, name, parent->name, &header);
    struct segment *segment =
        header.failed ? NULL : segment_folder_create(folder, buf_slice(&header), parent->path == NULL);
    if (segment != NULL && !segment_folder_write(folder, segment->fd, buf_slice(&header), 0)) {
        int error = errno;
        segment_folder_discard(folder, segment);
        segment = NULL;
        errno = error;
    }
    if (segment != NULL) {
        segment->length = header.len;
        ASSERT_EQUAL(segment->rows, 0u);
        segment->first_ns = parent->first_ns;
    }
    buf_release(&header);
    return segment;
}

void segment_folder_seal(const struct segment_folder *folder, const struct segment *segment)
{
    struct buf seal = { 0 };
    if (segment->path == NULL) {
        return;
    }
    segment_seal_write(segment->name, segment->rows, segment->length, &seal);
    if (!seal.failed && !segment_folder_write(folder, segment->fd, buf_slice(&seal), segment->length)) {
        LOG(LOG_WARN, "segment not sealed", "%s has no seal behind its last frame: %s", segment->name, strerror(errno));
    }
    buf_release(&seal);
}

/* A half that outlives its whole would be delivered at the next start: if it cannot be unlinked, it is emptied. */
static void empty(const struct segment_folder *folder, const struct segment *segment, int error)
{
    bool emptied = folder->io->ftruncate(segment->fd, 0) == 0 &&
                   (!segment_folder_is_fsync(folder) || folder->io->fdatasync(segment->fd) == 0);
    LOG(emptied ? LOG_WARN : LOG_ERROR, emptied ? "segment emptied, not removed" : "segment not removed",
        "segment=%s: %s", segment->name, strerror(error));
}

void segment_folder_discard(const struct segment_folder *folder, struct segment *segment)
{
    if (segment != NULL && segment->path != NULL && folder->io->unlink(segment->path) != 0 && errno != ENOENT) {
        empty(folder, segment, errno);
    }
    segment_free(segment);
}

static bool sync_new(const struct segment_folder *folder, const struct segment *segment)
{
    return !segment_folder_is_fsync(folder) || (folder->io->fdatasync(segment->fd) == 0 && segment_folder_sync(folder));
}

int segment_folder_probe(struct segment_folder *folder, struct buf *scratch)
{
    ASSERT(folder->stream_count != 0);
    char name[SEGMENT_NAME_MAX];
    buf_clear(scratch);
    segment_folder_make_name(folder, folder->streams[0]->name, name);
    segment_header_write(folder->streams[0], name, "", scratch);
    errno = ENOMEM;
    struct segment *segment =
        scratch->failed ? NULL : segment_folder_create(folder, buf_slice(scratch), segment_folder_is_memory(folder));
    if (segment == NULL) {
        return errno;
    }
    bool wrote = segment_folder_write(folder, segment->fd, buf_slice(scratch), 0) && sync_new(folder, segment);
    int error = wrote ? 0 : errno;
    segment_folder_discard(folder, segment);
    return error;
}
