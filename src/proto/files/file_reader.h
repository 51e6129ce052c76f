/* The thread that reads files which would keep an I/O thread waiting. */
#pragma once

#include "proto/front/page_reply.h"

#include <stdint.h>

struct file_reader;

/* A piece of a file, and the reply that it completes. */
struct file_piece {
    int fd; /* closed once it was read */
    uint64_t first;
    uint64_t length;
    struct page_reply reply; /* all but the body */
    struct page_later later;
};

/* At most `most` bytes wait, but always one piece. NULL: memory is short. */
struct file_reader *file_reader_new(uint64_t most, void (*post)(struct page_later later, struct page_reply *reply));
MUST_CHECK bool file_reader_start(struct file_reader *reader);

/* Any thread. OK: it owns the piece, and answers it. Else the piece stays the caller's: ERROR_REPLYING_FULL,
 * ERROR_DRAINING, ERROR_OUT_OF_MEMORY. */
MUST_CHECK enum error file_reader_take(struct file_reader *reader, const struct file_piece *piece);

/* What waits is answered 503; after it returns the thread answers no more. */
void file_reader_stop(struct file_reader *reader);
void file_reader_free(struct file_reader *reader);

/* Reads `length` bytes from `first` on, in steps, into the empty `body`; false if the file has fewer, or memory is short. */
MUST_CHECK bool file_reader_read(int fd, uint64_t first, uint64_t length, struct buf *body);

/* Likewise, but only if none of it must come from a disk. */
MUST_CHECK bool file_reader_read_cached(int fd, uint64_t first, uint64_t length, struct buf *body);
