/* Turns a folder of key files into the ids that are remembered from before. */
#include "pipeline/key_log_internal.h"

#include "base/disk.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct counting {
    key_record_each each;
    void *context;
    uint64_t ids;
};

static void count_and_pass(void *opaque, const struct event_id *ids, size_t count, int64_t wall_ns)
{
    struct counting *counting = opaque;
    counting->ids += count;
    counting->each(counting->context, ids, count, wall_ns);
}

static bool cut_tail(int fd, const char *path, size_t good, size_t length)
{
    if (good == length) {
        return true;
    }
    LOG(LOG_INFO, "key file cut at its last whole record", "path=%s bytes=%zu", path, length - good);
    return ftruncate(fd, (off_t)good) == 0;
}

static bool read_open_file(int fd, const char *path, struct counting *counting)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return false;
    }
    size_t length = (size_t)about.st_size;
    if (length == 0) {
        return true;
    }
    void *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return false;
    }
    size_t skipped = 0;
    size_t good = key_records_read(slice_make(bytes, length), count_and_pass, counting, &skipped);
    munmap(bytes, length);
    if (skipped != 0) {
        LOG(LOG_WARN, "key file is damaged", "path=%s bytes_skipped=%zu", path, skipped);
    }
    return cut_tail(fd, path, good, length);
}

static bool read_file(struct key_log *log, struct key_log_file *file, struct counting *counting, struct buf *problem)
{
    key_log_path(log, file->epoch_ns, &log->path);
    const char *path = buf_c_string(&log->path);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    counting->ids = 0;
    bool done = fd >= 0 && read_open_file(fd, path, counting);
    if (!done) {
        buf_printf(problem, "dedup: cannot read the key file %s: %s", path == NULL ? "" : path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    file->ids = counting->ids;
    return done;
}

static int compare_files(const void *a, const void *b)
{
    const struct key_log_file *first = a, *second = b;
    return (first->epoch_ns > second->epoch_ns) - (first->epoch_ns < second->epoch_ns);
}

/* "ids-123.keys" → 123; false for any other name. */
static bool parse_name(const char *name, int64_t *epoch_ns)
{
    struct slice rest = slice_from_string(name);
    struct slice prefix = SLICE(KEY_FILE_PREFIX), suffix = SLICE(KEY_FILE_SUFFIX);
    if (rest.len <= prefix.len + suffix.len || !slice_starts_with(rest, prefix)) {
        return false;
    }
    rest = slice_after(rest, prefix.len);
    rest.len -= suffix.len;
    return slice_equal(slice_make(rest.data + rest.len, suffix.len), suffix) && slice_to_i64(rest, epoch_ns);
}

static bool list_files(struct key_log *log, struct buf *problem)
{
    if (!disk_make_folder(log->folder)) {
        buf_printf(problem, "dedup: cannot make the folder %s: %s", log->folder, strerror(errno));
        return false;
    }
    DIR *folder = opendir(log->folder);
    if (folder == NULL) {
        buf_printf(problem, "dedup: cannot read the folder %s: %s", log->folder, strerror(errno));
        return false;
    }
    bool done = true;
    for (struct dirent *entry = readdir(folder); done && entry != NULL; entry = readdir(folder)) {
        int64_t epoch_ns;
        done = !parse_name(entry->d_name, &epoch_ns) || key_log_add_file(log, epoch_ns, 0);
    }
    closedir(folder);
    if (!done) {
        buf_append_string(problem, "dedup: out of memory");
    } else if (log->file_count > 1) {
        qsort(log->files, log->file_count, sizeof *log->files, compare_files);
    }
    return done;
}

struct key_log *key_log_open(const struct key_log_options *options, int64_t wall_ns, key_record_each each,
                             void *context, struct buf *problem)
{
    struct key_log *log = calloc(1, sizeof *log);
    if (log == NULL || asprintf(&log->folder, "%s/keys", options->folder) < 0) {
        free(log);
        buf_append_string(problem, "dedup: out of memory");
        return NULL;
    }
    pthread_mutex_init(&log->mutex, NULL);
    pthread_mutex_init(&log->sync_mutex, NULL);
    log->options = *options;
    log->fd = -1;
    log->newest_wall_ns = wall_ns;
    bool done = list_files(log, problem);
    if (done) {
        key_log_expire(log, wall_ns);
    }
    struct counting counting = { .each = each, .context = context };
    for (size_t i = 0; done && i < log->file_count; i++) {
        done = read_file(log, &log->files[i], &counting, problem);
    }
    if (!done) {
        key_log_close(log);
        return NULL;
    }
    return log;
}
