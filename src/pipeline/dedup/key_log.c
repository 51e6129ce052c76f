/* Turns event ids into key files that are rotated, synced and expired. key_log_read.c reads them back. */
#include "pipeline/dedup/key_log_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/system/disk.h"
#include "event/event_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define SYNC_BYTES ((size_t)4 << 20) /* of ids in memory: append then syncs by itself */

void key_log_path(const struct key_log *log, int64_t epoch_ns, struct buf *path)
{
    buf_clear(path);
    buf_printf(path, "%s/" KEY_FILE_PREFIX "%lld" KEY_FILE_SUFFIX, log->folder, (long long)epoch_ns);
}

static void remove_file(struct key_log *log, size_t index)
{
    key_log_path(log, log->files[index].epoch_ns, &log->path);
    const char *path = buf_c_string(&log->path);
    if (path != NULL && unlink(path) != 0 && errno != ENOENT) {
        LOG(LOG_WARN, "key file not deleted", "path=%s error=%s", path, strerror(errno));
    }
    ASSERT_BELOW(index, log->file_count);
    log->file_count--;
    memmove(log->files + index, log->files + index + 1, (log->file_count - index) * sizeof *log->files);
}

void key_log_expire(struct key_log *log, int64_t wall_ns)
{
    uint64_t newer_ids = 0;
    for (size_t i = 1; i < log->file_count; i++) {
        newer_ids += log->files[i].ids;
    }
    /* The second file's birth is later than the first one's newest id. */
    while (log->file_count > 1 &&
           (newer_ids >= 2 * log->options.max_ids || wall_ns - log->files[1].epoch_ns > log->options.window_ns)) {
        newer_ids -= log->files[1].ids;
        remove_file(log, 0);
    }
}

bool key_log_add_file(struct key_log *log, int64_t epoch_ns, uint64_t ids)
{
    struct key_log_file *grown = realloc(log->files, (log->file_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    log->files = grown;
    log->files[log->file_count++] = (struct key_log_file){ epoch_ns, ids };
    return true;
}

/* A new file for what follows. Both mutexes held. */
static bool begin_file(struct key_log *log)
{
    int64_t epoch_ns = log->newest_wall_ns;
    if (log->file_count != 0 && epoch_ns <= log->files[log->file_count - 1].epoch_ns) {
        epoch_ns = log->files[log->file_count - 1].epoch_ns + 1;
    }
    key_log_path(log, epoch_ns, &log->path);
    const char *path = buf_c_string(&log->path);
    bool there = path != NULL && disk_make_folder(log->folder); /* somebody may have deleted it */
    int fd = there ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || !disk_sync_folder(log->folder) || !key_log_add_file(log, epoch_ns, 0)) {
        log->full = disk_error(errno) == ERROR_DISK_FULL;
        if (fd >= 0) {
            close(fd);
            unlink(path);
        }
        return false;
    }
    log->fd = fd;
    log->length = log->synced_length = 0;
    log->written = 0;
    log->broken = false;
    key_log_expire(log, log->newest_wall_ns);
    return true;
}

/* Both mutexes held. */
static void end_file(struct key_log *log)
{
    if (log->fd < 0) {
        return;
    }
    if (log->broken && ftruncate(log->fd, (off_t)log->synced_length) != 0) {
        LOG(LOG_WARN, "key file not cut back", "folder=%s error=%s", log->folder, strerror(errno));
    }
    close(log->fd);
    log->fd = -1;
    /* One that holds nothing which the next one will not goes: a failing disk must not pile files up. */
    if (log->synced_length == 0) {
        remove_file(log, log->file_count - 1);
    }
}

/* Brings the ids that are only in memory into the file. `mutex` held. */
static void write_ids(struct key_log *log)
{
    ASSERT_AT_MOST(log->written, log->unsynced.len);
    size_t unwritten = log->unsynced.len - log->written;
    if (log->fd < 0 || log->broken || unwritten == 0) {
        return;
    }
    size_t count = unwritten / sizeof(struct event_id);
    buf_clear(&log->scratch);
    key_records_append(&log->scratch, (const struct event_id *)(const void *)(log->unsynced.data + log->written), count,
                       log->newest_wall_ns);
    ssize_t wrote = -1;
    if (!log->scratch.failed) {
        wrote = pwrite(log->fd, log->scratch.data, log->scratch.len, (off_t)log->length);
    }
    if (wrote != (ssize_t)log->scratch.len) {
        log->full = wrote >= 0 || disk_error(errno) == ERROR_DISK_FULL; /* before the log line can change errno */
        LOG(LOG_WARN, "key file not written", "folder=%s error=%s", log->folder,
            wrote < 0 ? strerror(errno) : "short write");
        log->broken = true;
        return;
    }
    log->full = false;
    ASSERT(log->file_count != 0);
    log->length += log->scratch.len;
    log->written = log->unsynced.len;
    log->files[log->file_count - 1].ids += count;
}

static bool is_due(const struct key_log *log)
{
    ASSERT(log->file_count != 0);
    const struct key_log_file *file = &log->files[log->file_count - 1];
    return file->ids >= log->options.max_ids || log->newest_wall_ns - file->epoch_ns >= log->options.window_ns;
}

/* What would be forgotten by its age anyway need not wait for a disk that fails. `mutex` held. */
static void bound_unsynced(struct key_log *log)
{
    size_t most = (size_t)(2 * log->options.max_ids) * sizeof(struct event_id);
    if (log->unsynced.len > most) {
        size_t excess = log->unsynced.len - most;
        buf_consume(&log->unsynced, excess);
        log->consumed += excess;
        log->written -= excess < log->written ? excess : log->written;
    }
}

void key_log_append(struct key_log *log, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    buf_append(&log->unsynced, ids, count * sizeof *ids);
    if (log->unsynced.failed) {
        LOG(LOG_WARN, "key file: ids not kept", "error=\"out of memory\" ids=%zu", count);
        log->unsynced.failed = false;
    }
    log->newest_wall_ns = wall_ns;
    write_ids(log);
    bound_unsynced(log);
    bool wanted = log->fd < 0 || log->broken || log->unsynced.len >= SYNC_BYTES;
    pthread_mutex_unlock(&log->mutex);
    if (wanted && key_log_sync(log) != OK) {
        LOG(LOG_WARN, "key file not synced", "folder=%s ids=%zu", log->folder, count);
    }
}

/* Both mutexes held; `mutex` is let go during the fdatasync, so that appends go on. */
static enum error sync_file(struct key_log *log)
{
    uint64_t upto = log->consumed + log->written;
    uint64_t length = log->length;
    int fd = log->fd;
    pthread_mutex_unlock(&log->mutex);
    int failed = fdatasync(fd);
    pthread_mutex_lock(&log->mutex);
    if (failed != 0) {
        LOG(LOG_WARN, "key file not synced", "folder=%s error=%s", log->folder, strerror(errno));
        log->broken = true;
        return ERROR_JOURNAL_FAILED;
    }
    if (upto > log->consumed) { /* else bound_unsynced came between */
        size_t synced = (size_t)(upto - log->consumed);
        ASSERT_AT_MOST(synced, log->written);
        buf_consume(&log->unsynced, synced);
        log->consumed = upto;
        log->written -= synced;
    }
    ASSERT_AT_MOST(length, log->length);
    log->synced_length = length;
    return OK;
}

static enum error failure(const struct key_log *log)
{
    return log->full ? ERROR_DISK_FULL : ERROR_JOURNAL_FAILED;
}

static enum error sync_locked(struct key_log *log)
{
    if (log->unsynced.len == 0) {
        return OK;
    }
    if (log->fd < 0 || log->broken || is_due(log)) {
        end_file(log);
        if (!begin_file(log)) {
            return failure(log);
        }
        write_ids(log);
    }
    return log->broken ? failure(log) : sync_file(log);
}

enum error key_log_sync(struct key_log *log)
{
    pthread_mutex_lock(&log->sync_mutex);
    pthread_mutex_lock(&log->mutex);
    enum error error = sync_locked(log);
    pthread_mutex_unlock(&log->mutex);
    pthread_mutex_unlock(&log->sync_mutex);
    return error;
}

void key_log_close(struct key_log *log)
{
    if (log == NULL) {
        return;
    }
    if (key_log_sync(log) != OK) {
        LOG(LOG_WARN, "key file not synced at the end", "folder=%s", log->folder);
    }
    end_file(log);
    buf_release(&log->unsynced);
    buf_release(&log->scratch);
    buf_release(&log->path);
    free(log->files);
    free(log->folder);
    pthread_mutex_destroy(&log->mutex);
    pthread_mutex_destroy(&log->sync_mutex);
    free(log);
}
