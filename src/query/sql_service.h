/* SQL for people while the gateway runs: `sluice sql` asks it over a socket in the data folder (sql_wire.h), for the engine
 * in process belongs to one process.
 *
 * A thread waits for clients, each statement has a thread of its own, at a lower priority, and a connection of the engine of
 * its own; of SQL_SERVICE_MOST at once. A client that hangs up cancels its statement. */
#pragma once

struct buf;
struct store;

#define SQL_SERVICE_MOST 4

struct sql_service;

/* Once the store is open. NULL with *problem; NULL without one, too: the store is not in process, and answers by itself. */
struct sql_service *sql_service_start(struct store *store, const char *data_folder, struct buf *problem);

/* Before the store is freed: statements that run are cancelled, and waited for. Takes NULL. */
void sql_service_stop(struct sql_service *service);
