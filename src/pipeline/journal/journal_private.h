/* What the files of the journal share that know more of it than its segment folder: journal.c (append, commit, seal, remove),
 * journal_open.c (its beginning and end), journal_refuse.c (failures, admission), journal_split.c, journal_share.c, journal_adopt.c (what is
 * given back). The start has its own: journal_recover.c (which files are ours), journal_take.c (what they hold), journal_repair.c
 * (damage). */
#pragma once

#include "pipeline/journal/admission.h"
#include "pipeline/journal/journal.h"
#include "pipeline/journal/journal_usage.h"
#include "pipeline/journal/segment_folder.h"

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
    int64_t received_ns;    /* wall, the mean of the group's rows */
    bool unlisted;          /* new: its folder entry is not durable yet */
    bool cut_failed;        /* bytes that are not acknowledged could not be cut off */
    enum error group_error; /* of an append of this group */
};

/* Of one stream's segments. Commit thread. */
struct stream_bound {
    struct bound bound;
    struct status_part *status; /* NULL: the stream may have the whole journal */
};

struct journal {
    const struct journal_options *options;
    struct segment_folder folder;
    struct journal_usage usage;
    struct metrics *metrics;
    struct metrics_cells *cells; /* commit thread's, and of journal_open before it starts */
    struct status_part *status;
    enum error status_shown; /* what the status part says now; ERROR_INTERNAL: why a group failed */

    /* commit thread */
    struct lz4_encoder *encoder;
    struct buf out;            /* the bytes of one append */
    struct open_segment *open; /* by stream index */
    struct segment *sealed;    /* by rule 3, for journal_take_sealed */
    struct admission admission;
    struct stream_bound *stream_bounds;

    struct timespec retry_changed; /* journal_adopt's: the folder, when it last looked */
};

/* journal.c: cuts off the zeros that wait to be written over. What a kill leaves of them is cut as a torn tail. */
void journal_cut_ahead(struct journal *journal, struct open_segment *open);

/* journal_refuse.c: commit thread */

/* Rule 3, after `what` failed with errno `number`: cuts the open segment back and seals it. Nothing is accepted until
 * journal_admits has found that a file can be written. Returns what to answer. */
enum error journal_fail_group(struct journal *journal, struct open_segment *open, const char *what, int number);

/* A cut has failed: nothing is accepted. */
bool journal_is_stuck(const struct journal *journal);

/* journal_recover.c */

/* Rule 4. False with *problem. */
MUST_CHECK bool journal_recover(struct journal *journal, struct segment **recovered, struct buf *problem);
