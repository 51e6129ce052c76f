/* Was a batch stored, which is a segment, and all that hang on its `next`? Counts its different event_ids in its table, bounded
 * by the own time range of its segments so that only their partitions and granules are read (the table's ORDER BY ends in
 * event_id, it does not begin with it).
 *
 * Of updates (upsert) an id alone proves nothing: a state that came back has the id that it had. What counts is the row of that
 * id and version, and of each key the last one of the batch, for it stands for those before it. If it is not there, a later
 * batch may have replaced it. */
#pragma once

#include "store/store.h"

struct event_id;
struct segment_update;

enum verify_outcome {
    VERIFY_COUNTED,
    VERIFY_RUNNING,  /* an attempt is still at work on the server: ask again later */
    VERIFY_FAILED,   /* *reply says why */
    VERIFY_DAMAGED,  /* the segment's ids cannot be read */
    VERIFY_NO_MEMORY /* nothing was asked */
};

struct verify_count {
    uint64_t distinct; /* different ids in the batch */
    uint64_t found;    /* of these in the table */
};

/* Which answer is enough, so that what is usual needs few queries. */
enum verify_aim {
    VERIFY_ALL_STORED,  /* stops once one is known to be missing */
    VERIFY_ALL_OR_NONE, /* stops once one is known to be missing and one to be there */
    VERIFY_NONE_STORED  /* stops once one is known to be there */
};

/* Writer thread; blocks for a few queries of at most `timeout_ns` each. */
enum verify_outcome verify_segment(struct store *store, struct store_session *session, size_t server,
                                   const struct segment *segment, enum verify_aim aim, int64_t timeout_ns,
                                   struct verify_count *count, struct store_reply *reply);

/* The ids (struct event_id, no two alike) [first, first + n) as a counting SELECT; pure. */
void verify_count_sql(const struct segment *segment, const char *database, const struct event_id *ids, size_t n,
                      struct buf *out);

/* Of updates: their ids and versions, both of which a row must have. Pure. */
void verify_updates_sql(const struct segment *segment, const char *database, const struct segment_update *updates,
                        size_t n, struct buf *out);

/* Asks whether an INSERT that may hold a segment of the batch is at work: every attempt's query_id begins with the name of
 * its segment or group, and a group's tells the least and the greatest of its ids. Pure. */
void verify_running_sql(const struct segment *segment, struct buf *out);

/* Writer thread. Has the replica not yet fetched all that other replicas had by `since_ns` (wall)? Then what it lacks may be
 * stored all the same. False: *reply says why nobody knows. */
MUST_CHECK bool verify_replica_lags(struct store *store, struct store_session *session, size_t server,
                                    const struct segment *segment, int64_t since_ns, int64_t timeout_ns, bool *lags,
                                    struct store_reply *reply);
