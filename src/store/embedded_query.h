/* Statements to the engine in process, and what it answers. There is no request that could get lost: every answer is the
 * engine's own, so no outcome here is UNKNOWN. Calls block. */
#pragma once

#include "store/client/chdb.h"

struct store_query;
struct store_reply;

/* What a connection was last SET to. All zeros: nothing yet. */
struct embedded_limits {
    int64_t seconds; /* max_execution_time */
    uint64_t bytes;  /* max_result_bytes */
    uint64_t rows;   /* max_result_rows */
    uint64_t memory; /* max_memory_usage */
    uint64_t read;   /* max_rows_to_read */
    bool read_only;  /* for good: nothing but queries come on such a connection */
};

/* The engine's reason, or that it gave none. */
struct slice embedded_error_text(const char *error);

/* Takes the result (NULL: the engine is out of memory); appends its bytes to `out` (NULL: ignored), `max` at most. */
void embedded_read_result(const struct chdb *chdb, struct chdb_result *result, struct buf *out, uint64_t max,
                          struct store_reply *reply);

/* One of our own statements, without bounds. */
void embedded_run(const struct chdb *chdb, chdb_connection connection, struct slice sql, struct buf *out,
                  struct store_reply *reply);

/* As in struct store_ops. */
void embedded_run_query(const struct chdb *chdb, chdb_connection connection, struct embedded_limits *limits,
                        const struct store_query *query, struct buf *out, struct store_reply *reply);
