/* The files found at start, between journal_recover.c (which of them are ours) and journal_take.c (what they hold). */
#pragma once

#include "pipeline/journal_private.h"

/* A file of ours. */
struct found {
    char name[SEGMENT_NAME_MAX];
    char named[SEGMENT_NAME_MAX]; /* by its header, if that belongs to another file; else "" */
    int64_t made_ns;
    size_t stream_index;     /* by the name of the file */
    uint64_t file_length;    /* as it says */
    uint64_t written;        /* up to the end of what was ever written: what is read of it */
    uint64_t header_length;  /* 0: no header that checks, or another file's */
    bool sound;              /* taken, and nothing was amiss */
    bool tail_stays;         /* in the file, behind the segment's length, for want of room elsewhere */
    struct disk_holes holes; /* what the disk did not give of it */
    struct segment *segment;
};

struct recovery {
    struct journal *journal;
    struct found *files;
    size_t count;
    size_t capacity;
    struct buf *problem;
    struct buf bytes; /* of the file that is looked at */
};

/* Adds "cannot <what> <name>: <errno>" to *problem and returns false. */
bool found_fail(struct recovery *recovery, const char *what, const char *name);

/* The file that another one's header names, NULL if it is not there or its own header does not check. */
const struct found *found_find(const struct recovery *recovery, const struct found *except, const char *name);

/* Makes a sealed segment of the file, with its good frames; what else it holds is put aside and counted. found->segment
 * is NULL afterwards if it holds no row. */
MUST_CHECK bool found_take(struct recovery *recovery, struct found *found);

/* Moves the file to damaged/ as it is; found->segment is NULL afterwards. */
MUST_CHECK bool found_put_aside(struct recovery *recovery, struct found *found, const char *why);

/* A half or a repaired segment beside its whole, which was taken before: it holds no rows of its own, and goes; or is
 * put aside if the whole is damaged. */
MUST_CHECK bool found_drop(struct recovery *recovery, struct found *found, const struct found *whole);
