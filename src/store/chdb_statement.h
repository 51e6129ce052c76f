/* One statement of a person to the engine in process: whether it may run, its result, and its end before its time.
 *
 * Without `write` it changes nothing: the engine's own parser says what a statement would do, and the connection is set to
 * readonly. BACKUP is let through, since it only writes into the folder of backups. What is taken for reading in a format of
 * lines is streamed; any other result is held whole, as text a few times of what the bounds below say of its columns. */
#pragma once

#include "store/client/chdb.h"

struct store_reply;
struct store_statement;

#define STATEMENT_MAX_HELD (UINT64_C(64) << 20)
#define STATEMENT_MAX_HELD_ROWS 1000000

/* Blocks until the statement has ended. The connection is this statement's alone, and of no use to another one after it:
 * its settings are what the statement needs. At most `max_memory` bytes are used for it. */
void chdb_statement_run(const struct chdb *chdb, chdb_connection connection, const struct store_statement *statement,
                        uint64_t max_memory, struct store_reply *reply);

/* On another connection: ends statements of this tag, if there are any. Does not wait for their end. */
void chdb_statement_cancel(const struct chdb *chdb, chdb_connection connection, const char *tag);
