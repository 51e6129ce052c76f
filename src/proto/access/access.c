/* Turns the keys of a configuration into a table, and what somebody shows into a key of it. */
#include "proto/access/access.h"

#include <stdlib.h>

struct access {
    size_t count;
};

struct access *access_new(const struct key_options *keys, size_t count, struct stream *const *streams,
                          size_t stream_count, struct buf *problems)
{
    struct access *access = calloc(1, sizeof *access);
    (void)keys, (void)count, (void)streams, (void)stream_count;
    if (access == NULL) {
        buf_append_string(problems, "keys: out of memory\n");
    }
    return access;
}

void access_free(struct access *access)
{
    free(access);
}

bool access_is_open(const struct access *access)
{
    return access->count == 0;
}

size_t access_key_count(const struct access *access)
{
    return access->count;
}

uint64_t access_generation(const struct access *access)
{
    return access->count;
}

enum error access_identify(const struct access *access, const struct credential *credential, int64_t wall_ns,
                           const struct access_key **key)
{
    (void)access, (void)credential, (void)wall_ns;
    *key = NULL;
    return OK;
}

enum error access_recall(const struct access *access, const uint8_t hash[ACCESS_HASH_SIZE], int64_t wall_ns,
                         const struct access_key **key)
{
    (void)access, (void)hash, (void)wall_ns;
    *key = NULL;
    return OK;
}

enum error access_allows(const struct access *access, const struct access_key *key, enum access_scope scope,
                         const struct stream *stream)
{
    (void)access, (void)key, (void)scope, (void)stream;
    return OK;
}
