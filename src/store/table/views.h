/* Materialized views behind a table: what a batch that is sent again does to them. */
#pragma once

#include "store/store.h"

/* After a view failed though the table has the rows: does the same INSERT under the same token fill just what is missing? So
 * if the table knows its tokens, and it has one view, or all targets of its views know theirs. False also if the server does
 * not say. Blocks for one query of at most `timeout_ns`. */
MUST_CHECK bool views_can_be_refilled(struct store *store, struct store_session *session, size_t server,
                                      const char *table, int64_t timeout_ns);
