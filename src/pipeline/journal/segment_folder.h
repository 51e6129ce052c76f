/* The folder of segments: where the journal's files are made, written, named and removed. It knows files, and nothing of
 * groups, bounds or gauges. Every system call that the journal's promises rest on goes through its `io`.
 *
 * Opened on the thread that starts the journal, then constant but for its names: any thread may call, each for its own
 * segments. */
#pragma once

#include "base/bytes.h"
#include "config/options/journal_options.h"
#include "event/event_id.h"
#include "event/segment/segment.h"

#include <pthread.h>

struct segment_folder {
    enum durability durability;
    const struct journal_io *io;
    const struct stream *const *streams;
    size_t stream_count;
    char *data;     /* the data folder's real path */
    char *segments; /* <data>/journal */
    char *damaged;  /* <data>/damaged */
    int fd;         /* of `segments` */
    pthread_mutex_t mutex;
    struct event_id_generator names; /* under `mutex` */
};

/* First of all; `streams` outlive it. */
void segment_folder_init(struct segment_folder *folder, enum durability durability, const struct journal_io *io,
                         const struct stream *const *streams, size_t stream_count);

/* Makes the folders that are missing. False with *problem; segment_folder_close follows either way. */
MUST_CHECK bool segment_folder_open(struct segment_folder *folder, const char *data, struct buf *problem);
void segment_folder_close(struct segment_folder *folder);

/* Segments live in memory: nothing is written. */
static inline bool segment_folder_is_memory(const struct segment_folder *folder)
{
    return folder->durability == DURABILITY_MEMORY;
}

/* What counts must survive a power cut. */
static inline bool segment_folder_is_fsync(const struct segment_folder *folder)
{
    return folder->durability == DURABILITY_FSYNC;
}

/* Makes what was created, renamed or unlinked in it durable. */
MUST_CHECK bool segment_folder_sync(const struct segment_folder *folder);

/* A name never used before. */
void segment_folder_make_name(struct segment_folder *folder, const char *stream, char name[SEGMENT_NAME_MAX]);

/* The index of the stream of this name; SIZE_MAX: it is not configured. */
size_t segment_folder_find_stream(const struct segment_folder *folder, struct slice name);

/* A segment with a new, empty file (or memfd: `in_memory`), and the header that stands at the front of `bytes`. NULL
 * with errno set. */
struct segment *segment_folder_create(const struct segment_folder *folder, struct slice bytes, bool in_memory);

/* A segment of no row yet whose header is written and names `parent`, which wins at start as long as it is there; in
 * memory if the parent is. NULL with errno set. */
struct segment *segment_folder_create_descendant(struct segment_folder *folder, const struct segment *parent);

/* The descriptor of a new, empty file that lives in memory; -1 with errno. */
int segment_folder_memory_file(const char *name);

/* All of `bytes` at `at`; a short write is a failure (ENOSPC). */
MUST_CHECK bool segment_folder_write(const struct segment_folder *folder, int fd, struct slice bytes, uint64_t at);

/* Writes the seal behind the last frame, as far as it goes: without, damage of that frame looks like a torn tail. */
void segment_folder_seal(const struct segment_folder *folder, const struct segment *segment);

/* Removes the file of a segment that nobody needs, as far as it goes, and frees it. */
void segment_folder_discard(const struct segment_folder *folder, struct segment *segment);

/* Makes, writes, syncs and removes the file of a segment without rows: what a new group would need. 0, or errno of what
 * failed. `scratch` is cleared. */
int segment_folder_probe(struct segment_folder *folder, struct buf *scratch);

/* <folder>/<name><suffix>, owned by the caller. NULL if memory is short. */
char *segment_path(const char *folder, const char *name, const char *suffix);

/* The descriptor of a file that was found; -1 with errno. Whether it is a plain file is yet to be asked. */
int segment_open_found(const char *path);
