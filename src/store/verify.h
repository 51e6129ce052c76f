/* Was a batch stored? Counts the segment's different event_ids in its table, bounded by the segment's own time range so
 * that only its partitions and granules are read (the table's ORDER BY ends in event_id, it does not begin with it). */
#pragma once

#include "store/store.h"

enum verify_outcome {
    VERIFY_COUNTED,
    VERIFY_RUNNING,  /* an attempt is still at work on the server: ask again later */
    VERIFY_FAILED,   /* *reply says why */
    VERIFY_DAMAGED,  /* the segment's ids cannot be read */
    VERIFY_NO_MEMORY /* nothing was asked */
};

struct verify_count {
    uint64_t distinct; /* different ids in the segment */
    uint64_t found;    /* of these in the table */
};

/* Which answer is enough, so that what is usual needs few queries. */
enum verify_aim {
    VERIFY_ALL_STORED, /* stops once one is known to be missing */
    VERIFY_NONE_STORED /* stops once one is known to be there */
};

/* Writer thread; blocks for a few queries of at most `timeout_ns` each. */
enum verify_outcome verify_segment(struct store *store, struct store_session *session, size_t server,
                                   const struct segment *segment, enum verify_aim aim, int64_t timeout_ns,
                                   struct verify_count *count, struct store_reply *reply);

/* The ids (struct event_id, no two alike) [first, first + n) as a counting SELECT; pure. */
void verify_count_sql(const struct segment *segment, const char *database, const struct event_id *ids, size_t n,
                      struct buf *out);
