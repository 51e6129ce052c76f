/* Signs datagrams, for tests and fuzzers: what docs/protocol.md says, word by word. */
#pragma once

#include <stdlib.h>

#include "base/digest.h"
#include "proto/udp/udp_trailer.h"

/* Appends the payload and its trailer of the key with this hash. */
static inline void sign_datagram(struct buf *out, struct slice payload, const uint8_t hash[DIGEST_SHA256_SIZE],
                                 uint64_t signed_ns)
{
    uint8_t mac[DIGEST_SHA256_SIZE], id[DIGEST_SHA256_SIZE];
    struct slice secret = slice_make(hash, DIGEST_SHA256_SIZE);
    struct digest_hmac_key *key = digest_hmac_key_new(secret);
    struct digest_scratch *scratch = digest_scratch_new();
    size_t begin = out->len;
    buf_append_slice(out, payload);
    buf_append_u64(out, signed_ns);
    if (key == NULL || scratch == NULL || !digest_sha256(secret, id)) {
        abort();
    }
    buf_append(out, id, 8);
    if (!digest_hmac_sha256(key, scratch, slice_after(buf_slice(out), begin), mac)) {
        abort();
    }
    buf_append(out, mac, 16);
    buf_append(out, "SluiceH\x01", 8);
    digest_scratch_free(scratch);
    digest_hmac_key_free(key);
}
