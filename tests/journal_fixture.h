/* A journal in a folder of its own, on system calls that write down what was called and fail when told to. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/options.h"
#include "event/chunk.h"
#include "event/segment/segment.h"
#include "pipeline/journal/journal.h"
#include "pipeline/journal/journal_io.h"
#include "sample_rows.h"

#ifndef FIXTURE_PARENT
#define FIXTURE_PARENT "/tmp" /* or "/dev/shm", where an fsync costs nothing */
#endif

/* What is called: W pwrite, D fdatasync, T ftruncate, U unlink, R rename, L link, F fsync of the folder. */
static struct {
    char calls[64];
    size_t count;
    int pwrite_errno, fdatasync_errno, ftruncate_errno, unlink_errno, rename_errno, link_errno, folder_errno,
        create_errno; /* 0: works */
    bool short_write;
    size_t fails_at, total; /* the call of this number, from 1, fails with EIO; calls so far */
    uint64_t free_bytes;
    int64_t now_ns;
} fault;

static inline int fault_call(char call, int error)
{
    if (fault.count < sizeof fault.calls - 1) {
        fault.calls[fault.count++] = call;
    }
    error = ++fault.total == fault.fails_at ? EIO : error;
    errno = error;
    return error == 0 ? 0 : -1;
}

static ssize_t fault_pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (fault.short_write) {
        len /= 2;
    }
    return fault_call('W', fault.pwrite_errno) == 0 ? pwrite(fd, data, len, at) : -1;
}

static int fault_fdatasync(int fd)
{
    return fault_call('D', fault.fdatasync_errno) == 0 ? fdatasync(fd) : -1;
}

static int fault_ftruncate(int fd, off_t length)
{
    return fault_call('T', fault.ftruncate_errno) == 0 ? ftruncate(fd, length) : -1;
}

static int fault_unlink(const char *path)
{
    return fault_call('U', fault.unlink_errno) == 0 ? unlink(path) : -1;
}

static int fault_rename(const char *from, const char *to)
{
    return fault_call('R', fault.rename_errno) == 0 ? rename(from, to) : -1;
}

static int fault_link(const char *from, const char *to)
{
    return fault_call('L', fault.link_errno) == 0 ? link(from, to) : -1;
}

static int fault_fsync_folder(int fd)
{
    return fault_call('F', fault.folder_errno) == 0 ? fsync(fd) : -1;
}

static int fault_create(int folder_fd, const char *name)
{
    errno = fault.create_errno;
    return fault.create_errno == 0 ? journal_system_io.create(folder_fd, name) : -1;
}

static int fault_free_bytes(const char *folder, uint64_t *bytes)
{
    (void)folder;
    *bytes = fault.free_bytes;
    return 0;
}

static int64_t fault_now(void)
{
    return fault.now_ns;
}

static const struct journal_io fault_io = {
    .pwrite = fault_pwrite,
    .fdatasync = fault_fdatasync,
    .ftruncate = fault_ftruncate,
    .unlink = fault_unlink,
    .rename = fault_rename,
    .link = fault_link,
    .fsync_folder = fault_fsync_folder,
    .create = fault_create,
    .free_bytes = fault_free_bytes,
    .monotonic_ns = fault_now,
};

/* What was called since the last time this was asked. */
static inline const char *fault_take(void)
{
    static char calls[sizeof fault.calls];
    memcpy(calls, fault.calls, sizeof calls);
    memset(fault.calls, 0, sizeof fault.calls);
    fault.count = 0;
    return calls;
}

struct fixture {
    char folder[64];
    struct stream *stream;
    const struct stream *streams[1];
    struct chunk *chunk;
    struct metrics *metrics;
    struct status_board *board;
    struct journal_options options;
    struct journal *journal;
    struct segment *recovered;
    struct buf problem;
};

static inline struct journal *fixture_open_through(struct fixture *f, const struct journal_io *io)
{
    struct journal_config config = { .options = &f->options,
                                     .streams = f->streams,
                                     .stream_count = 1,
                                     .metrics = f->metrics,
                                     .board = f->board,
                                     .io = io };
    return journal_open(&config, &f->recovered, &f->problem);
}

static inline void fault_clear(void)
{
    memset(&fault, 0, sizeof fault);
    fault.free_bytes = UINT64_MAX;
    fault.now_ns = NS_PER_SECOND;
}

static inline bool fixture_open(struct fixture *f)
{
    static const char *const names[] = { "events" };
    f->metrics = metrics_new(&(struct metrics_labels){ .streams = { names, 1 } });
    f->board = status_board_new();
    buf_clear(&f->problem);
    fault_clear();
    f->journal = fixture_open_through(f, &fault_io);
    fault_clear();
    return f->journal != NULL;
}

static inline void fixture_close(struct fixture *f)
{
    while (f->recovered != NULL) {
        struct segment *segment = f->recovered;
        f->recovered = segment->next;
        segment_free(segment);
    }
    if (f->journal != NULL) {
        journal_close(f->journal);
    }
    metrics_free(f->metrics);
    status_board_free(f->board);
    f->journal = NULL;
}

static inline void fixture_reopen(struct fixture *f)
{
    fixture_close(f);
    if (!fixture_open(f)) {
        fail_msg("%s", buf_c_string(&f->problem));
    }
}

static inline int fixture_start(void **state, enum durability durability)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, FIXTURE_PARENT "/sluice-journal-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->stream = sample_stream();
    f->streams[0] = f->stream;
    f->chunk = chunk_new(f->stream);
    f->options = (struct journal_options){ .data = f->folder, .durability = durability, .max_bytes = 1 << 30 };
    *state = f;
    return fixture_open(f) ? 0 : -1;
}

static inline void remove_tree(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        char child[512];
        int len = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (len < (int)sizeof child && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlink(child) != 0) {
            remove_tree(child);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(path);
}

static inline int fixture_stop(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    chunk_free(f->chunk);
    stream_free(f->stream);
    remove_tree(f->folder);
    buf_release(&f->problem);
    free(f);
    return 0;
}

static inline enum error fixture_append(struct fixture *f, unsigned first, unsigned count)
{
    chunk_clear(f->chunk);
    sample_fill(f->chunk, first, count);
    return journal_append(f->journal, f->chunk, NULL, count, fault.now_ns);
}

/* Rows [first, first + count) acknowledged. */
static inline void fixture_put(struct fixture *f, unsigned first, unsigned count)
{
    assert_int_equal(fixture_append(f, first, count), OK);
    assert_int_equal(journal_commit(f->journal, 0), OK);
}

struct row_check {
    unsigned next;
    struct native_block block;
};

static enum error check_block(void *context, struct slice bytes)
{
    struct row_check *check = context;
    assert_true(native_read(&check->block, &bytes));
    for (uint64_t row = 0; row < check->block.rows; row++) {
        struct buf found = { 0 };
        struct buf expected = { 0 };
        native_row_to_json(&check->block, row, &found);
        sample_json(&expected, check->next++);
        assert_string_equal(buf_c_string(&found), buf_c_string(&expected));
        buf_release(&found);
        buf_release(&expected);
    }
    return OK;
}

/* The segment holds exactly rows [first, first + count), and says so. */
static inline void assert_segment(const struct segment *segment, unsigned first, unsigned count)
{
    struct row_check check = { .next = first };
    assert_non_null(segment);
    assert_int_equal(segment_each_block(segment, check_block, &check), OK);
    native_block_release(&check.block);
    assert_int_equal(check.next, first + count);
    assert_int_equal(segment->rows, count);
    assert_int_equal(segment->min_time_ns, (INT64_C(1700000000000) + first) * NS_PER_MS);
    assert_int_equal(segment->max_time_ns, (INT64_C(1700000000000) + first + count - 1) * NS_PER_MS);
}

/* Unlists and frees the first of the recovered segments. */
static inline void fixture_drop_recovered(struct fixture *f)
{
    struct segment *segment = f->recovered;
    f->recovered = segment->next;
    segment_free(segment);
}

static inline int64_t fixture_metric(struct fixture *f, enum metric metric)
{
    return metric_read(f->metrics, metric, 0, 0, OK);
}

/* Files in <folder>/<name>; 0 if there is no such folder. */
static inline size_t count_files(const struct fixture *f, const char *name)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static inline enum status_level fixture_status(struct fixture *f)
{
    struct status_view view = { .level = STATUS_DOWN };
    assert_int_equal(status_read(f->board, &view, 1), 1);
    return view.level;
}
