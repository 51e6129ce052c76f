/* The table of a stream: created when missing, or else compared with the stream.
 *
 * Created: as table_ddl.h says. Existing: read from the catalog; columns only in the table take their defaults, a field
 * whose column is missing or cannot take it is a problem with its name. Engine, keys and TTL are judged (table_judge.h):
 * what loses events is a problem, too, unless the stream allows it. A table of the user's own may lack event_id if the
 * server skips columns of a Native block that the INSERT does not name (has_event_id false: insert with
 * missing_column).
 *
 * A String sent to a Nullable(String) column kills 18.16, which does not convert Native columns (measured): there only
 * equal types fit. */
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

#define TABLE_WARNINGS_MAX 512
#define TABLE_NOTE_MAX 384

struct table_info {
    bool has_event_id;     /* else at-least-once */
    bool replicated;       /* Replicated* or Shared* engine: tokens hold across servers and restarts */
    bool engine_collapses; /* *ReplacingMergeTree */
    bool keeps_json;       /* the column of every JSON field is a JSON too: its values may travel as such */
    uint64_t replicas;     /* replicated: equal on all replicas of one table, by their path in ZooKeeper */
    bool loses;            /* acknowledged events do not all stay in it (served only with allow_lossy_table) */
    char warnings[TABLE_WARNINGS_MAX]; /* what is lost, and what the promise is worth there; "": nothing to say */
    char note[TABLE_NOTE_MAX]; /* it keeps another row of an event than the first (table_first.h); "": it does not */
};

/* On any thread with a session of its own; blocks for a few queries of at most `timeout_ns` each. */
enum table_verdict table_prepare(struct store *store, struct store_session *session, size_t server,
                                 const struct stream *stream, enum table_missing missing, bool fsync,
                                 int64_t timeout_ns, struct table_info *info, struct buf *problem);

/* What the engine of the stream's table is now: fills engine_collapses, replicated and replicas of *info. On any thread with a session of its
 * own; blocks for one or two queries of at most `timeout_ns` each. False: *reply says why it is not known; a missing
 * table is UNKNOWN_TABLE. */
MUST_CHECK bool table_read_engine(struct store *store, struct store_session *session, size_t server,
                                  const struct stream *stream, int64_t timeout_ns, struct table_info *info,
                                  struct store_reply *reply);
