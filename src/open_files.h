/* How many of the files that a process may open (RLIMIT_NOFILE) are left for client connections. What the journal, the
 * stores, Redis, the key files and the front ends themselves need is set apart before the first client is let in: an event
 * that was let in must not find that its segment cannot be opened. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct config;

struct open_files {
    uint64_t limit;
    uint64_t reserved;   /* for everything but connections */
    int64_t connections; /* http.max_connections, or what is left for it */
};

/* Pure. `server_count` is of the store. */
struct open_files open_files_plan(const struct config *config, size_t server_count, uint64_t limit);

/* The same with the limit of this process; a warning in the log if http.max_connections is cut by it. */
int64_t open_files_for_connections(const struct config *config, size_t server_count);
