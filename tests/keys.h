/* Keys whose texts a test knows, compiled. */
#pragma once

#include "base/digest.h"
#include "config/options/access_options.h"
#include "proto/access/access.h"

#include <stdio.h>

/* The SHA-256 of a key's text, in hexadecimal: lives until 16 more were asked for. */
static inline const char *key_hash_of(const char *text)
{
    static char hex[16][DIGEST_SHA256_SIZE * 2 + 1];
    static size_t place;
    uint8_t digest[DIGEST_SHA256_SIZE];
    char *out = hex[place++ % ARRAY_LENGTH(hex)];
    assert_true(digest_sha256(slice_from_string(text), digest));
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(out + i * 2, 3, "%02x", digest[i]);
    }
    return out;
}

static inline struct key_options key_of(const char *name, const char *text)
{
    return (struct key_options){ .line = 7,
                                 .file = "f",
                                 .name = name,
                                 .sha256 = key_hash_of(text),
                                 .scopes = ACCESS_WRITE,
                                 .subject = "",
                                 .expires = "" };
}

static inline struct access *keys_compiled(const struct key_options *keys, size_t count, struct stream *const *streams,
                                           size_t stream_count)
{
    struct buf problems = { 0 };
    struct access *access = access_new(keys, count, streams, stream_count, &problems);
    if (access == NULL) {
        fail_msg("%s", buf_c_string(&problems));
    }
    buf_release(&problems);
    return access;
}
