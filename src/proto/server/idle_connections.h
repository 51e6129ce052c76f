/* Which connection goes when max_connections are open and a client comes: one that has asked for nothing for a second at least
 * and is owed nothing. Those that never sent a byte go first, then those that have been idle longest. WebSockets and requests
 * on their way stay. Of the connections of one I/O thread, which calls it. */
#pragma once

struct connection;
struct connections;

/* NULL: nobody is idle. */
struct connection *idle_connections_next(struct connections *connections);
