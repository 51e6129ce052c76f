/* Turns pieces of files into bodies, one after another. */
#include "proto/files/file_reader.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/thread.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define STEP_BYTES ((size_t)1 << 20)

struct task {
    struct file_piece piece;
    struct task *next;
};

/* Invariant: `waiting` is the sum of the lengths from `first` to `last`; guarded by wakeup. */
struct file_reader {
    struct wakeup wakeup;
    struct thread thread;
    struct task *first, *last;
    uint64_t waiting;
    uint64_t most;
    bool stopping;
    void (*post)(struct page_later later, struct page_reply *reply);
};

/* flags as preadv2 has them. */
static bool read_with(int fd, uint64_t first, uint64_t length, int flags, struct buf *body)
{
    ASSERT(body->len == 0);
    if (!buf_reserve(body, (size_t)length)) {
        return false;
    }
    while (body->len < length) {
        size_t left = (size_t)length - body->len;
        struct iovec step = { body->data + body->len, left < STEP_BYTES ? left : STEP_BYTES };
        ssize_t got = preadv2(fd, &step, 1, (off_t)(first + body->len), flags);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            body->len = 0;
            return false;
        }
        body->len += (size_t)got;
    }
    return true;
}

bool file_reader_read(int fd, uint64_t first, uint64_t length, struct buf *body)
{
    return read_with(fd, first, length, 0, body);
}

bool file_reader_read_cached(int fd, uint64_t first, uint64_t length, struct buf *body)
{
    return read_with(fd, first, length, RWF_NOWAIT, body);
}

struct file_reader *file_reader_new(uint64_t most, void (*post)(struct page_later later, struct page_reply *reply))
{
    struct file_reader *reader = calloc(1, sizeof *reader);
    if (reader != NULL) {
        wakeup_init(&reader->wakeup);
        reader->most = most;
        reader->post = post;
    }
    return reader;
}

static void finish(struct file_reader *reader, struct task *task, enum error error)
{
    struct file_piece *piece = &task->piece;
    ASSERT(piece->fd >= 0);
    close(piece->fd);
    if (error != OK) {
        page_problem(&piece->reply, error, SLICE(""), SLICE(""));
    }
    reader->post(piece->later, &piece->reply);
    page_reply_release(&piece->reply);
    free(task);
}

static void read_piece(struct file_reader *reader, struct task *task)
{
    struct file_piece *piece = &task->piece;
    enum error error = OK;
    if (!file_reader_read(piece->fd, piece->first, piece->length, &piece->reply.body)) {
        error = piece->reply.body.failed ? ERROR_OUT_OF_MEMORY : ERROR_INTERNAL;
        LOG(LOG_WARN, "file not read", "a file that is served could not be read: %s",
            error == ERROR_OUT_OF_MEMORY ? "out of memory" : "it became shorter meanwhile, or the disk failed");
    }
    finish(reader, task, error);
}

/* Under the lock. */
static struct task *take_first(struct file_reader *reader)
{
    struct task *task = reader->first;
    if (task != NULL) {
        reader->first = task->next;
        reader->last = reader->first == NULL ? NULL : reader->last;
        ASSERT(reader->waiting >= task->piece.length);
        reader->waiting -= task->piece.length;
    }
    return task;
}

static void work(void *argument)
{
    struct file_reader *reader = argument;
    wakeup_lock(&reader->wakeup);
    while (!reader->stopping) {
        struct task *task = take_first(reader);
        if (task == NULL) {
            wakeup_wait(&reader->wakeup, INT64_MAX);
            continue;
        }
        wakeup_unlock(&reader->wakeup);
        read_piece(reader, task);
        wakeup_lock(&reader->wakeup);
    }
    wakeup_unlock(&reader->wakeup);
}

bool file_reader_start(struct file_reader *reader)
{
    return thread_start_background(&reader->thread, "files", work, reader) == OK;
}

enum error file_reader_take(struct file_reader *reader, const struct file_piece *piece)
{
    ASSERT(piece->fd >= 0);
    struct task *task = malloc(sizeof *task);
    enum error error = task == NULL ? ERROR_OUT_OF_MEMORY : OK;
    wakeup_lock(&reader->wakeup);
    if (reader->stopping) {
        error = ERROR_DRAINING;
    } else if (reader->first != NULL && reader->waiting + piece->length > reader->most) {
        error = ERROR_REPLYING_FULL;
    }
    if (error == OK) {
        *task = (struct task){ .piece = *piece };
        *(reader->last == NULL ? &reader->first : &reader->last->next) = task;
        reader->last = task;
        reader->waiting += piece->length;
        wakeup_one(&reader->wakeup);
    }
    wakeup_unlock(&reader->wakeup);
    if (error != OK) {
        free(task);
    }
    return error;
}

void file_reader_stop(struct file_reader *reader)
{
    wakeup_lock(&reader->wakeup);
    reader->stopping = true;
    wakeup_all(&reader->wakeup);
    wakeup_unlock(&reader->wakeup);
    thread_join(&reader->thread);
    for (struct task *task = take_first(reader); task != NULL; task = take_first(reader)) {
        finish(reader, task, ERROR_DRAINING);
    }
    ASSERT(reader->waiting == 0);
}

void file_reader_free(struct file_reader *reader)
{
    if (reader != NULL) {
        wakeup_release(&reader->wakeup);
        free(reader);
    }
}
