/* The data folder: of one process at a time, whatever lies in it (journal, key files, the embedded engine). Taken before
 * anything in it is read; the lock goes with the process, however it ends. */
#pragma once

#include "base/bytes.h"

struct data_folder {
    char *path; /* real path, owned */
    int lock_fd;
};

/* Takes flock on <data>/LOCK. With `make` the folder is made if it is missing, and those above it are synced. False with
 * *problem: it cannot be used, or "is in use by another gateway (pid …)". */
MUST_CHECK bool data_folder_take(struct data_folder *folder, const char *data, bool make, struct buf *problem);

/* Syncs it and the folders in it, before anything in them is relied on. An earlier process may have died between making a
 * file or a folder and syncing the folder around it; such a file is not durable yet. Waits for the disk. */
MUST_CHECK bool data_folder_sync(const struct data_folder *folder, struct buf *problem);

/* Does nothing to a zeroed one, or to one that was not taken. */
void data_folder_release(struct data_folder *folder);
