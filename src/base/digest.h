/* Digests of libcrypto, the only place that knows it. From any thread. */
#pragma once

#include "base/bytes.h"

#define DIGEST_SHA1_SIZE 20
#define DIGEST_SHA256_SIZE 32

/* False: memory is short. */
MUST_CHECK bool digest_sha256(struct slice bytes, uint8_t digest[DIGEST_SHA256_SIZE]);

/* HMAC-SHA-256 (RFC 2104), whose key is prepared once. The key may be used by any threads at once, a scratch by one. */
struct digest_hmac_key;
struct digest_scratch;

/* NULL: memory is short. A secret of at most 64 bytes. */
struct digest_hmac_key *digest_hmac_key_new(struct slice secret);
void digest_hmac_key_free(struct digest_hmac_key *key);
struct digest_scratch *digest_scratch_new(void);
void digest_scratch_free(struct digest_scratch *scratch);

/* False: memory is short. */
MUST_CHECK bool digest_hmac_sha256(const struct digest_hmac_key *key, struct digest_scratch *scratch,
                                   struct slice bytes, uint8_t mac[DIGEST_SHA256_SIZE]);

/* For what a protocol asks it, and nothing that must be safe. */
void digest_sha1(struct slice bytes, uint8_t digest[DIGEST_SHA1_SIZE]);

/* Base64 with its padding (RFC 4648, section 4) and a NUL behind it. */
#define DIGEST_BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)
void digest_base64(struct slice bytes, char *text);

/* In the time that `size` takes, wherever they differ. */
MUST_CHECK bool digest_equal(const void *a, const void *b, size_t size);
