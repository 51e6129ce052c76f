/* What the files of the journal share: journal.c (append, commit, seal, remove), journal_open.c (folder, lock),
 * journal_refuse.c (failures, admission), journal_files.c (making segment files), journal_recover.c (the start: which
 * files are ours), journal_take.c (the start: what they hold), journal_repair.c (damage), journal_split.c,
 * journal_adopt.c (what is given back). */
#pragma once

#include "base/disk.h"
#include "base/lz4.h"
#include "base/thread.h"
#include "pipeline/journal.h"

/* A stream's open segment. Invariant: segment->length, rows, raw_bytes and times are what is acknowledged; rows and
 * raw_bytes here are what this group has added behind it. segment->length <= written <= extended. */
struct open_segment {
    struct segment *segment; /* NULL: none */
    int64_t opened_ns;
    uint64_t written;  /* bytes in the file, acknowledged or not */
    uint64_t extended; /* with `fsync` the file's length: zeros from `written` on */
    uint64_t group;    /* bytes of the last group */
    uint64_t rows;
    uint64_t raw_bytes;
    int64_t min_time_ns, max_time_ns;
    bool unlisted;          /* new: its folder entry is not durable yet */
    bool cut_failed;        /* bytes that are not acknowledged could not be cut off */
    enum error group_error; /* of an append of this group */
};

/* Once something does not fit it counts as full until there is room for that, so that neither refusals nor the status
 * flicker; of the journal's bounds a sixteenth at least and half of it at most. */
struct bound {
    uint64_t limit;
    uint64_t needed; /* the room that ends it; 0: it is not full */
};

/* Of one stream's segments. Commit thread. */
struct stream_bound {
    struct bound bound;
    struct status_part *status; /* NULL: the stream may have the whole journal */
};

/* Of one stream; the last is of streams that are not configured. Under `mutex`. */
struct usage {
    uint64_t events;
    uint64_t bytes;
    uint64_t segments;
};

struct journal {
    const struct journal_options *options;
    const struct journal_io *io;
    const struct stream *const *streams;
    size_t stream_count;
    char *folder;         /* real path */
    char *segment_folder; /* <folder>/journal */
    char *damaged_folder;
    int segment_folder_fd;
    struct metrics *metrics;
    struct metrics_cells *cells; /* commit thread's, and of journal_open before it starts */
    struct status_part *status;
    enum error status_shown; /* what the status part says now; ERROR_INTERNAL: why a group failed */

    /* commit thread */
    struct lz4_encoder *encoder;
    struct buf out;            /* the bytes of one append */
    struct open_segment *open; /* by stream index */
    struct segment *sealed;    /* by rule 3, for journal_take_sealed */
    struct bound bound;        /* of all segments */
    struct bound disk;         /* what is free above min_free; its limit is not used */
    enum error failing;        /* a group has failed: what all are answered until a file can be written; OK: none */
    int64_t probed_ns;         /* when that was last tried */
    struct stream_bound *stream_bounds;
    int64_t checked_ns; /* when free space was last asked for */
    uint64_t free_bytes;

    struct timespec retry_changed; /* journal_adopt's: the folder, when it last looked */

    pthread_mutex_t mutex; /* guards what follows */
    struct usage *usage;   /* stream_count + 1 */
    uint64_t all_bytes;
    struct event_id_generator names;
};

static inline bool journal_is_memory(const struct journal *journal)
{
    return journal->options->durability == DURABILITY_MEMORY;
}

static inline bool journal_is_fsync(const struct journal *journal)
{
    return journal->options->durability == DURABILITY_FSYNC;
}

/* With nothing waiting anything fits: what is larger than the bound would be refused for ever. */
static inline bool journal_fits(uint64_t limit, uint64_t used, uint64_t bytes)
{
    return used == 0 || (used <= limit && bytes <= limit - used);
}

/* Moves the gauges of a stream (SIZE_MAX: not configured). */
void journal_use(struct journal *journal, size_t stream_index, int64_t events, int64_t bytes, int64_t segments);

/* journal.c: cuts off the zeros that wait to be written over. What a kill leaves of them is cut as a torn tail. */
void journal_cut_ahead(struct journal *journal, struct open_segment *open);

/* journal_refuse.c: commit thread */

/* Rule 3, after `what` failed with errno `number`: cuts the open segment back and seals it. Nothing is accepted until
 * journal_admits has found that a file can be written. Returns what to answer. */
enum error journal_fail_group(struct journal *journal, struct open_segment *open, const char *what, int number);

/* A cut has failed: nothing is accepted. */
bool journal_is_stuck(const struct journal *journal);

/* Bytes of the segments of a configured stream. Any thread. */
uint64_t journal_stream_bytes(struct journal *journal, size_t stream_index);

/* journal_files.c */

/* A name never used before. Any thread. */
void journal_make_name(struct journal *journal, const char *stream, char name[SEGMENT_NAME_MAX]);

/* The index of the stream of this name; SIZE_MAX: it is not configured. */
size_t journal_find_stream(const struct journal *journal, struct slice name);

/* A segment with a new, empty file (or memfd: `in_memory`), and the header that stands at the front of `bytes`. NULL
 * with errno set. */
struct segment *journal_create(struct journal *journal, struct slice bytes, bool in_memory);

/* The descriptor of a segment's file that was found; -1 with errno. Whether it is a plain file is yet to be asked. */
int journal_open_file(const char *path);

/* A segment of no row yet whose header is written and names `parent`, which wins at start as long as it is there; in
 * memory if the parent is. NULL with errno set. */
struct segment *journal_create_descendant(struct journal *journal, const struct segment *parent);

/* All of `bytes` at `at`; a short write is a failure. */
MUST_CHECK bool journal_write(struct journal *journal, int fd, struct slice bytes, uint64_t at);

/* Makes, writes, syncs and removes the file of a segment without rows: what a new group would need. 0, or errno of what
 * failed. */
int journal_probe(struct journal *journal);

/* Writes the seal behind the last frame, as far as it goes: without, damage of that frame looks like a torn tail. */
void journal_write_seal(struct journal *journal, const struct segment *segment);

/* Removes the file of a segment that nobody needs, as far as it goes, and frees it. */
void journal_discard(struct journal *journal, struct segment *segment);

/* <folder>/<name><suffix>, owned by the caller. NULL if memory is short. */
char *journal_path(const char *folder, const char *name, const char *suffix);

/* journal_recover.c */

/* Rule 4. False with *problem. */
MUST_CHECK bool journal_recover(struct journal *journal, struct segment **recovered, struct buf *problem);

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
MUST_CHECK bool journal_repair(struct journal *journal, const struct damaged_segment *damaged,
                               struct segment **repaired, struct buf *problem);
