/* The key files of a folder, as one log of event ids that outlives the process.
 *
 * Files are named ids-<wall ns at creation>.keys. One is appended to at a time. A new one begins when it is a window old,
 * full, or has failed. Old ones are deleted when their newest id is older than the window, or when enough newer ids are
 * there. Ids written but not yet synced are also kept in memory. After a failed write or fdatasync the file is cut back to
 * its synced length, and those ids go into a new file: the same range is never synced twice.
 *
 * Any thread may call append and sync; append waits for no fdatasync but its own, every 4 MiB. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "pipeline/dedup/key_file.h"

struct key_log;

struct key_log_options {
    const char *folder; /* the data folder; the files lie in its folder keys/, made if missing */
    int64_t window_ns;
    uint64_t max_ids; /* in one file; two files' worth are kept */
};

/* Reads what is there, oldest first, through `each`; what does not check is skipped and stays. NULL with *problem. */
struct key_log *key_log_open(const struct key_log_options *options, int64_t wall_ns, key_record_each each,
                             void *context, struct buf *problem);

/* What did not check when it was opened. */
uint64_t key_log_damaged_bytes(const struct key_log *log);

/* Syncs and frees. */
void key_log_close(struct key_log *log);

/* Never fails: what cannot be written now is kept and tried again. */
void key_log_append(struct key_log *log, const struct event_id *ids, size_t count, int64_t wall_ns);

/* OK: everything appended so far is on disk. Costs nothing if nothing is new. ERROR_DISK_FULL: there is no room for
 * them now. */
MUST_CHECK enum error key_log_sync(struct key_log *log);
