/* Turns a segment whose rows the table refuses into files that people read. */
#include "pipeline/journal/dead_letters.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/system/disk.h"
#include "event/event_id.h"
#include "event/segment/native.h"
#include "event/segment/segment.h"
#include "pipeline/journal/letter_files.h"
#include "pipeline/journal/letter_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".tmp"

struct dead_letters {
    pthread_mutex_t mutex; /* one burial at a time */
    char *folder;
    uint64_t max_bytes;
    struct metrics *metrics;
    struct letter_report *report;
    uint64_t bytes;          /* in the folder, by the last look at it and what was buried since */
    struct timespec changed; /* the folder, when it was last watched */
};

/* What a crash left half written: <segment>.native.lz4.tmp or <segment>.ndjson.tmp. Its rows are still in the journal. */
static bool is_half_written(struct slice name)
{
    static const struct slice suffixes[] = { SLICE(TEMPORARY_SUFFIX), SLICE(".ndjson") };
    struct slice stream;
    struct event_id uuid;
    for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
        struct slice suffix = suffixes[i];
        if (name.len > suffix.len && slice_equal(slice_after(name, name.len - suffix.len), suffix)) {
            name.len -= suffix.len;
        } else if (i == 0) {
            return false;
        }
    }
    return segment_parse_name(name, &stream, &uuid);
}

static void set_bytes(struct dead_letters *letters, uint64_t bytes)
{
    letters->bytes = bytes;
    metric_set(letters->metrics, METRIC_DEAD_LETTER_BYTES, 0, (double)bytes);
}

/* What no letter can have is a claim, which takes less of the disk. */
static uint64_t size_of(const struct stat *info)
{
    return (uint64_t)info->st_size > SEGMENT_MAX_FILE ? (uint64_t)info->st_blocks * 512 : (uint64_t)info->st_size;
}

/* People take files away while the gateway runs, so the folder itself is asked now and then: with many letters that takes
 * longer than a burial. */
static void count_bytes(struct dead_letters *letters)
{
    uint64_t bytes = 0;
    DIR *folder = opendir(letters->folder);
    letter_report_begin(letters->report);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        struct stat info;
        if (is_half_written(slice_from_string(entry->d_name))) {
            unlinkat(dirfd(folder), entry->d_name, 0);
        } else if (fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) {
            bytes += size_of(&info);
            letter_report_see(letters->report, entry->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    letter_report_end(letters->report);
    set_bytes(letters, bytes);
}

struct dead_letters *dead_letters_open(const char *data_folder, uint64_t max_bytes, struct metrics *metrics,
                                       struct buf *problem)
{
    struct dead_letters *letters = calloc(1, sizeof *letters);
    if (letters == NULL || asprintf(&letters->folder, "%s/" LETTER_FOLDER, data_folder) < 0) {
        buf_append_string(problem, "dead letters: out of memory");
        free(letters);
        return NULL;
    }
    pthread_mutex_init(&letters->mutex, NULL);
    letters->max_bytes = max_bytes;
    letters->metrics = metrics;
    count_bytes(letters);
    return letters;
}

void dead_letters_tell(struct dead_letters *letters, struct status_board *board, const struct stream *const *streams,
                       size_t stream_count)
{
    letters->report = letter_report_new(letters->metrics, board, streams, stream_count);
    dead_letters_bytes(letters);
}

void dead_letters_close(struct dead_letters *letters)
{
    if (letters != NULL) {
        letter_report_free(letters->report);
        pthread_mutex_destroy(&letters->mutex);
        free(letters->folder);
        free(letters);
    }
}

uint64_t dead_letters_bytes(struct dead_letters *letters)
{
    pthread_mutex_lock(&letters->mutex);
    count_bytes(letters);
    uint64_t bytes = letters->bytes;
    pthread_mutex_unlock(&letters->mutex);
    return bytes;
}

void dead_letters_watch(struct dead_letters *letters)
{
    struct stat info;
    pthread_mutex_lock(&letters->mutex);
    if (stat(letters->folder, &info) == 0 && memcmp(&info.st_mtim, &letters->changed, sizeof info.st_mtim) != 0) {
        letters->changed = info.st_mtim;
        count_bytes(letters);
    }
    letter_report_tick(letters->report, clock_monotonic_ns());
    pthread_mutex_unlock(&letters->mutex);
}

/* --- the lines --- */

struct lines {
    struct buf head; /* of each line, up to the event */
    struct native_block block;
    struct buf out;
    uint64_t max_bytes;
};

static void put_member(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "\"%s\":", key);
    buf_append_json_string(out, slice_from_string(value));
    buf_append_byte(out, ',');
}

/* The reason may quote the event, whatever bytes it holds. */
static void put_reason(struct buf *out, const char *reason)
{
    buf_append_string(out, "\"reason\":");
    native_text_to_json(slice_from_string(reason), out);
    buf_append_byte(out, ',');
}

static void put_head(struct buf *out, const struct segment *segment, int code, const char *reason, int64_t wall_ns)
{
    char at[40];
    struct tm utc;
    time_t seconds = (time_t)(wall_ns / NS_PER_SECOND);
    gmtime_r(&seconds, &utc);
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &utc);
    buf_append_byte(out, '{');
    put_member(out, "stream", segment->header.stream);
    put_member(out, "table", segment->header.table);
    put_member(out, "segment", segment->name);
    buf_printf(out, "\"code\":%d,", code);
    put_reason(out, reason);
    put_member(out, "at", at);
    buf_append_string(out, "\"event\":");
}

static enum error put_lines(void *context, struct slice bytes)
{
    struct lines *lines = context;
    enum error error = segment_read_block(&lines->block, bytes);
    for (uint64_t row = 0; error == OK && row < lines->block.rows; row++) {
        buf_append_slice(&lines->out, buf_slice(&lines->head));
        native_row_to_json(&lines->block, row, &lines->out);
        buf_append_string(&lines->out, "}\n");
        error = lines->out.len > lines->max_bytes ? ERROR_JOURNAL_FULL : OK;
    }
    return error;
}

static enum error make_lines(struct lines *lines, const struct segment *segment)
{
    enum error error = segment_each_block(segment, put_lines, lines);
    if (lines->head.failed || lines->out.failed) {
        return ERROR_OUT_OF_MEMORY;
    }
    return error == ERROR_BAD_COMPRESSION ? ERROR_JOURNAL_FAILED : error;
}

/* --- the files --- */

/* <folder>/<name><suffix>, whole or not at all. */
static bool write_file(const struct dead_letters *letters, const char *name, const char *suffix, struct slice bytes)
{
    char *path = NULL;
    char *temporary = NULL;
    bool done = asprintf(&path, "%s/%s%s", letters->folder, name, suffix) >= 0 &&
                asprintf(&temporary, "%s" TEMPORARY_SUFFIX, path) >= 0;
    bool made = done && (unlink(temporary) == 0 || errno == ENOENT);
    int fd = made ? open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    done = fd >= 0 && disk_write_all(fd, bytes) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (done) {
        done = rename(temporary, path) == 0;
        error = errno;
    }
    if (!done && temporary != NULL) {
        unlink(temporary);
    }
    free(path);
    free(temporary);
    errno = error;
    return done;
}

static bool is_there(const struct dead_letters *letters, const char *name, const char *suffix)
{
    char *path = NULL;
    bool there = asprintf(&path, "%s/%s%s", letters->folder, name, suffix) >= 0 && access(path, F_OK) == 0;
    free(path);
    return there;
}

/* One of the two alone is what a crash left, of a burial or of `sluice dead-letters`. */
static bool is_buried(const struct dead_letters *letters, const struct segment *segment)
{
    return is_there(letters, segment->name, LETTER_SUFFIX) && is_there(letters, segment->name, SEGMENT_SUFFIX);
}

static enum error write_files(const struct dead_letters *letters, const struct segment *segment, struct slice bytes,
                              struct slice text)
{
    if (disk_make_folder(letters->folder) && write_file(letters, segment->name, LETTER_SUFFIX, text) &&
        write_file(letters, segment->name, SEGMENT_SUFFIX, bytes) && disk_sync_folder(letters->folder)) {
        return OK;
    }
    int error = errno;
    LOG(LOG_ERROR, "dead letters not written", "%s/%s: %s", letters->folder, segment->name, strerror(error));
    return disk_error(error);
}

static enum error try_to_add(struct dead_letters *letters, const struct segment *segment, struct lines *lines)
{
    struct buf bytes = { 0 };
    uint64_t used = letters->bytes;
    if (used > letters->max_bytes || segment->length > letters->max_bytes - used) {
        return ERROR_JOURNAL_FULL;
    }
    buf_clear(&lines->out);
    lines->max_bytes = letters->max_bytes - used - segment->length;
    ASSERT_AT_MOST(lines->max_bytes, letters->max_bytes);
    enum error error = make_lines(lines, segment);
    if (error == OK) {
        error = segment_read(segment, &bytes);
    }
    if (error == OK) {
        error = write_files(letters, segment, buf_slice(&bytes), buf_slice(&lines->out));
    }
    buf_release(&bytes);
    if (error == OK) {
        set_bytes(letters, used + segment->length + lines->out.len);
    }
    return error;
}

static enum error add(struct dead_letters *letters, const struct segment *segment, struct lines *lines)
{
    if (is_buried(letters, segment)) {
        return disk_sync_folder(letters->folder) ? OK : ERROR_JOURNAL_FAILED;
    }
    enum error error = try_to_add(letters, segment, lines);
    if (error == OK) {
        return OK;
    }
    uint64_t used = letters->bytes;
    count_bytes(letters); /* something was left half written, or people have made room */
    return error == ERROR_JOURNAL_FULL && letters->bytes < used ? try_to_add(letters, segment, lines) : error;
}

enum error dead_letters_add(struct dead_letters *letters, const struct segment *segment, int code, const char *reason,
                            int64_t wall_ns)
{
    struct lines lines = { 0 };
    ASSERT(segment->rows != 0);
    put_head(&lines.head, segment, code, reason, wall_ns);
    pthread_mutex_lock(&letters->mutex);
    bool known = is_buried(letters, segment);
    enum error error = add(letters, segment, &lines);
    if (error == OK && !known) {
        letter_report_add(letters->report, segment, code, clock_monotonic_ns());
    }
    pthread_mutex_unlock(&letters->mutex);
    buf_release(&lines.head);
    buf_release(&lines.out);
    native_block_release(&lines.block);
    return error;
}
