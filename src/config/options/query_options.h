/* Options: the read API (query/). See options.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct query_options {
    bool event_metrics; /* /events/metrics is served */
    int64_t threads;
    int64_t queue;           /* queries waiting, at most */
    int64_t max_per_address; /* of them of one client */
    int64_t timeout_ns;
    uint64_t max_memory;       /* of one; 0: half of the embedded engine's, else as the server says */
    uint64_t max_rows_to_read; /* 0: any number */
    int64_t max_range_ns;      /* of /events/metrics; 0: any */
    uint64_t cache_bytes;      /* of answers kept in memory */
    const char *user;          /* of a server; "": store.user */
    const char *password;
    const char *password_file; /* "": none; else `password` is what it holds */
};
