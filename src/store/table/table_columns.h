/* Adds to the table of a stream the columns that its fields lack: those of a newer version of the stream. Nothing else of a
 * table is ever altered. */
#pragma once

#include "store/store.h"

/* On any thread with a session of its own; blocks for a few queries of at most `timeout_ns` each. True: the table has been
 * altered, *added names the columns with commas between. False: there was nothing to add, or the server refused, which
 * *problem says. A table without the stream's event_id is none that was made for it, and stays as it is. */
MUST_CHECK bool table_add_columns(struct store *store, struct store_session *session, size_t server,
                                  const struct stream *stream, int64_t timeout_ns, struct buf *added,
                                  struct buf *problem);
