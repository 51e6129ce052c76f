/* The files of rejects: <data>/rejects/<stream>-<number>.ndjson, a line each reject (reject.h).
 *
 * Numbers rise with time, and no two files have the same; a stream's file is written to until it is large, and after a start never
 * again. So a process that dies leaves at most a last line that is torn. What is appended is not synced: rejects are refused input, which
 * nobody was promised.
 *
 * One owner at a time, who holds the lock of the data folder; others may read. Waits for the disk. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REJECT_FOLDER "rejects"
#define REJECT_SUFFIX ".ndjson"
#define REJECT_NAME_MAX 256

struct reject_file {
    char name[REJECT_NAME_MAX];
    uint64_t number;
    uint64_t size;
    uint64_t lines; /* that were appended since the start */
    bool found;     /* at the start: there are others before them */
};

struct reject_files {
    char *folder;
    struct reject_file *items; /* oldest first */
    size_t count, room;
    uint64_t bytes; /* of all */
    uint64_t last;  /* the greatest number so far */
};

/* Lists what is there; a folder that is missing is none. Whoever owns it removes what a crash left half written. False with
 * *problem. */
MUST_CHECK bool reject_files_open(struct reject_files *files, const char *data, bool owner, struct buf *problem);
void reject_files_close(struct reject_files *files);

/* The place of the file with this number; `count` if there is none. */
size_t reject_files_find(const struct reject_files *files, uint64_t number);

/* Appends so many lines to the stream's file with the number *number; 0: to a new one, whose number it becomes. The folder is made if it
 * is missing. False with errno, and the file is as before. */
MUST_CHECK bool reject_files_append(struct reject_files *files, const char *stream, uint64_t *number, int64_t wall_ns,
                                    struct slice lines, uint64_t count);

/* Removes the oldest file, of which there is one; how many lines it had. */
uint64_t reject_files_remove_oldest(struct reject_files *files);

/* All of a file. False with errno. */
MUST_CHECK bool reject_files_read(const struct reject_files *files, size_t at, struct buf *out);

/* Puts these lines in the place of a file that was read; without any the file goes. False with errno, and it is as before. */
MUST_CHECK bool reject_files_replace(struct reject_files *files, size_t at, struct slice lines);

/* Bytes that others may still take on the disk of the folder; UINT64_MAX: that is not known. */
uint64_t reject_files_free_bytes(const char *data);
