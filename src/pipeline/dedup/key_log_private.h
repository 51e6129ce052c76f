/* What key_log.c (writing) and key_log_read.c (opening) share. */
#pragma once

#include "base/bytes.h"
#include "pipeline/dedup/key_log.h"

#include <pthread.h>

#define KEY_FILE_PREFIX "ids-"
#define KEY_FILE_SUFFIX ".keys"

struct key_log_file {
    int64_t epoch_ns; /* wall, at its creation: its name */
    uint64_t ids;
};

/* Locks are taken in the order sync_mutex, mutex. The file is changed for another with both held, appended to with
 * `mutex`, synced with `sync_mutex`.
 * Invariant: `unsynced` holds every id since the last sync; its first `written` bytes are in the file, behind
 * synced_length. */
struct key_log {
    struct key_log_options options;
    char *folder; /* <data>/keys */
    pthread_mutex_t sync_mutex;
    pthread_mutex_t mutex;
    int fd;      /* of the last of `files`; -1: none is begun yet */
    bool broken; /* a write or sync of it failed: it is not to be used again */
    bool full;   /* the last write or creation failed for want of room */
    uint64_t length;
    uint64_t synced_length;
    struct buf unsynced;
    size_t written;
    uint64_t consumed; /* bytes ever taken from the front of `unsynced` */
    int64_t newest_wall_ns;
    struct key_log_file *files; /* oldest first */
    size_t file_count;
    uint64_t damaged_bytes;
    struct buf scratch;
    struct buf path;
};

void key_log_path(const struct key_log *log, int64_t epoch_ns, struct buf *path);
MUST_CHECK bool key_log_add_file(struct key_log *log, int64_t epoch_ns, uint64_t ids);

/* Deletes the files that nobody needs any more. */
void key_log_expire(struct key_log *log, int64_t wall_ns);
