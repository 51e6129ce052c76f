/* Options: the filter of events that came before (pipeline/dedup). See options.h. */
#pragma once

#include <stdint.h>

enum dedup_kind { DEDUP_MEMORY, DEDUP_REDIS, DEDUP_NONE };

enum dedup_redis_verify { DEDUP_REDIS_VERIFY_FULL, DEDUP_REDIS_VERIFY_NOTHING };

enum dedup_on_error { DEDUP_ON_ERROR_ACCEPT, DEDUP_ON_ERROR_REJECT };

struct dedup_options {
    enum dedup_kind kind;
    int64_t window_ns;
    uint64_t max_bytes; /* memory: of the window in process */
    enum dedup_on_error on_error;
    const char *redis_url;
    const char *redis_password_file;      /* "" : none */
    const char *redis_password;           /* "": none, or in the URL, which wins */
    const char *redis_ca_file;            /* rediss: PEM of the CAs that are trusted; "": the system's */
    const char *redis_client_certificate; /* rediss: PEM of our own; "": none */
    const char *redis_client_key;         /* "": in redis_client_certificate */
    enum dedup_redis_verify redis_verify;
    const char *redis_prefix;
    int64_t redis_timeout_ns; /* for one commit group */
    int64_t redis_shards;     /* sets that a window is spread over */
    uint64_t redis_front;     /* bytes of the ids remembered in process, in front of Redis */
};
