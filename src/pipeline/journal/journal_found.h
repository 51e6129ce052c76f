/* The files found at start, between journal_recover.c (which of them are ours) and journal_take.c (what they hold). */
#pragma once

#include "base/system/disk.h"
#include "event/segment/segment.h"

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
    struct segment_folder *folder;
    struct metrics *metrics;
    struct metrics_cells *cells;
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

/* journal_repair.c */

struct damaged_segment {
    struct segment *segment;
    struct slice bytes; /* of its file, as far as the disk gives them */
    uint64_t start;     /* of its frames */
    const struct disk_holes *holes;
};

/* Puts the damaged pieces of a segment aside and its good frames into *repaired. Then its file goes; one that the disk did
 * not give whole goes aside as it is, as another day or another reader may get more of it. Its tail is the caller's to put
 * aside before. Takes damaged->segment on success; rows and times of *repaired are the caller's to fill. */
MUST_CHECK bool journal_repair(struct segment_folder *folder, const struct damaged_segment *damaged,
                               struct segment **repaired, struct buf *problem);
