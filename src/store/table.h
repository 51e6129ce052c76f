/* The table of a stream: created when missing, or else compared with the stream.
 *
 * Created: ReplacingMergeTree, ORDER BY ends in event_id, PARTITION BY from the key's time, comments on columns,
 * non_replicated_deduplication_window = 10000, and in the embedded store with `fsync` fsync_after_insert and
 * fsync_part_directory. Existing: read with DESCRIBE; columns only in the table take their defaults, a field whose
 * column is missing or cannot take it is a problem with its name. A table of the user's own may lack event_id if the
 * server skips columns of a Native block that the INSERT does not name (has_event_id false: insert with
 * missing_column).
 *
 * A server that does not convert Native columns (18.16) gets a table without LowCardinality: it would refuse the strings
 * that travel, and a String sent to a Nullable(String) column kills 18.16 (measured), so there only equal types fit. */
#pragma once

#include "store/store.h"

enum table_verdict {
    TABLE_READY,
    TABLE_UNREACHABLE, /* nothing was checked: accept, journal, ask again */
    TABLE_UNFIT        /* *problem says which column and why, one line each */
};

/* What to do about a table that is not there. */
enum table_missing {
    TABLE_TELL,     /* it is the user's to create */
    TABLE_CREATE,   /* create_table */
    TABLE_WAS_THERE /* create_table, but since the start the table was there once: somebody has dropped it */
};

struct table_info {
    bool has_event_id;     /* else at-least-once */
    bool replicated;       /* Replicated* or Shared* engine: tokens hold across servers and restarts */
    bool engine_collapses; /* *ReplacingMergeTree */
    uint64_t replicas;     /* replicated: equal on all replicas of one table, by their path in ZooKeeper */
};

/* CREATE TABLE for a stream on a server with these features. */
void table_ddl(const struct stream *stream, const char *database, const struct store_features *features, bool fsync,
               struct buf *out);

/* On any thread with a session of its own; blocks for a few queries of at most `timeout_ns` each. */
enum table_verdict table_prepare(struct store *store, struct store_session *session, size_t server,
                                 const struct stream *stream, enum table_missing missing, bool fsync,
                                 int64_t timeout_ns, struct table_info *info, struct buf *problem);

/* What the engine of the stream's table is now: fills all of *info but has_event_id. On any thread with a session of its
 * own; blocks for one or two queries of at most `timeout_ns` each. False: *reply says why it is not known; a missing
 * table is UNKNOWN_TABLE. */
MUST_CHECK bool table_read_engine(struct store *store, struct store_session *session, size_t server,
                                  const struct stream *stream, int64_t timeout_ns, struct table_info *info,
                                  struct store_reply *reply);
