/* Turns a folder of key files into the ids that are remembered from before. */
#include "pipeline/dedup/key_log_private.h"

#include "base/log.h"
#include "base/system/disk.h"
#include "event/event_id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAST_BOUND ((uint64_t)256 << 20)

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

/* It stays as it is: nothing is appended to it any more, and it goes when its ids are too old. */
static void count_damage(struct key_log *log, const char *path, size_t skipped, size_t tail)
{
    log->damaged_bytes += skipped + tail;
    if (skipped != 0) {
        LOG(LOG_WARN, "key file is damaged", "path=%s bytes_skipped=%zu; their ids are not remembered", path, skipped);
    }
    if (tail != 0) {
        LOG(LOG_INFO, "key file ends in a torn record", "path=%s bytes=%zu", path, tail);
    }
}

/* Four times what one of ours may have, for max_bytes may have been more. */
static uint64_t most_bytes(const struct key_log *log)
{
    return 4 * log->options.max_ids * sizeof(struct event_id) + LEAST_BOUND;
}

static bool read_open_file(struct key_log *log, int fd, uint64_t length, const char *path, struct counting *counting)
{
    if (length == 0) {
        return true;
    }
    struct buf bytes = { 0 };
    struct disk_holes holes;
    uint64_t most = most_bytes(log);
    if (length > most) {
        LOG(LOG_WARN, "key file is too long", "path=%s bytes=%llu; what is behind %llu is not read", path,
            (unsigned long long)length, (unsigned long long)most);
        log->damaged_bytes += length - most;
        length = most;
    }
    bool read = disk_salvage(fd, length, &bytes, &holes) == OK;
    if (read) {
        size_t skipped = 0;
        size_t good = key_records_read(buf_slice(&bytes), count_and_pass, counting, &skipped);
        count_damage(log, path, skipped, bytes.len - good);
    }
    int number = errno;
    buf_release(&bytes);
    errno = number;
    return read;
}

static bool read_file(struct key_log *log, struct key_log_file *file, struct counting *counting, struct buf *problem)
{
    key_log_path(log, file->epoch_ns, &log->path);
    const char *path = buf_c_string(&log->path);
    struct stat about;
    int fd = path == NULL ? -1 : disk_open_plain(path, O_RDONLY);
    counting->ids = 0;
    bool done = fd >= 0 && fstat(fd, &about) == 0 &&
                read_open_file(log, fd, disk_written_length(fd, (uint64_t)about.st_size), path, counting);
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

/* "ids-123.keys" → 123; false for any other name, "ids-0123.keys" too. */
static bool parse_name(const char *name, int64_t *epoch_ns)
{
    struct slice rest = slice_from_string(name);
    struct slice prefix = SLICE(KEY_FILE_PREFIX), suffix = SLICE(KEY_FILE_SUFFIX);
    if (rest.len <= prefix.len + suffix.len || !slice_starts_with(rest, prefix)) {
        return false;
    }
    rest = slice_after(rest, prefix.len);
    rest.len -= suffix.len;
    char digits[24];
    return slice_equal(slice_make(rest.data + rest.len, suffix.len), suffix) && slice_to_i64(rest, epoch_ns) &&
           snprintf(digits, sizeof digits, "%lld", (long long)*epoch_ns) > 0 &&
           slice_equal(rest, slice_from_string(digits));
}

/* What is not ours is never read, and never deleted when it would be too old. */
static bool add_file(struct key_log *log, int folder_fd, const char *name)
{
    int64_t epoch_ns;
    struct stat about;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return true;
    }
    if (!parse_name(name, &epoch_ns) || fstatat(folder_fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(about.st_mode)) {
        LOG(LOG_WARN, "foreign file left alone", "%s/%s is not a key file", log->folder, name);
        return true;
    }
    return key_log_add_file(log, epoch_ns, 0);
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
        done = add_file(log, dirfd(folder), entry->d_name);
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

uint64_t key_log_damaged_bytes(const struct key_log *log)
{
    return log->damaged_bytes;
}
