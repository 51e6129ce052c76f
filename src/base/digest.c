/* Turns bytes into digests. */
#include "base/digest.h"

#include "base/assert.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>

_Static_assert(DIGEST_SHA1_SIZE == SHA_DIGEST_LENGTH && DIGEST_SHA256_SIZE == SHA256_DIGEST_LENGTH,
               "the sizes of FIPS 180-4");

static EVP_MD *sha256; /* libcrypto would look for it anew in each call */

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static bool fetched(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    return sha256 != NULL;
}

bool digest_sha256(struct slice bytes, uint8_t digest[DIGEST_SHA256_SIZE])
{
    unsigned size = DIGEST_SHA256_SIZE;
    bool done = fetched() && EVP_Digest(bytes.data, bytes.len, digest, &size, sha256, NULL) == 1;
    ASSERT(!done || size == DIGEST_SHA256_SIZE);
    return done;
}

/* SHA-256 as it stands behind the block of the key: a copy of it costs a fifth of what a new HMAC does. */
struct digest_hmac_key {
    EVP_MD_CTX *inner;
    EVP_MD_CTX *outer;
};

static EVP_MD_CTX *behind_block(struct slice secret, uint8_t mask)
{
    uint8_t block[SHA256_CBLOCK] = { 0 };
    ASSERT_AT_MOST(secret.len, sizeof block);
    memcpy(block, secret.data, secret.len);
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] ^= mask;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context != NULL &&
        (EVP_DigestInit_ex2(context, sha256, NULL) != 1 || EVP_DigestUpdate(context, block, sizeof block) != 1)) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    OPENSSL_cleanse(block, sizeof block);
    return context;
}

struct digest_hmac_key *digest_hmac_key_new(struct slice secret)
{
    struct digest_hmac_key *key = calloc(1, sizeof *key);
    if (key == NULL || !fetched()) {
        free(key);
        return NULL;
    }
    key->inner = behind_block(secret, 0x36);
    key->outer = behind_block(secret, 0x5C);
    if (key->inner == NULL || key->outer == NULL) {
        digest_hmac_key_free(key);
        return NULL;
    }
    return key;
}

void digest_hmac_key_free(struct digest_hmac_key *key)
{
    if (key != NULL) {
        EVP_MD_CTX_free(key->inner);
        EVP_MD_CTX_free(key->outer);
        free(key);
    }
}

struct digest_scratch *digest_scratch_new(void)
{
    return (struct digest_scratch *)EVP_MD_CTX_new();
}

void digest_scratch_free(struct digest_scratch *scratch)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)scratch);
}

bool digest_hmac_sha256(const struct digest_hmac_key *key, struct digest_scratch *scratch, struct slice bytes,
                        uint8_t mac[DIGEST_SHA256_SIZE])
{
    EVP_MD_CTX *context = (EVP_MD_CTX *)scratch;
    unsigned size = 0;
    bool done = EVP_MD_CTX_copy_ex(context, key->inner) == 1 && EVP_DigestUpdate(context, bytes.data, bytes.len) == 1 &&
                EVP_DigestFinal_ex(context, mac, &size) == 1 && EVP_MD_CTX_copy_ex(context, key->outer) == 1 &&
                EVP_DigestUpdate(context, mac, DIGEST_SHA256_SIZE) == 1 && EVP_DigestFinal_ex(context, mac, &size) == 1;
    ASSERT(!done || size == DIGEST_SHA256_SIZE);
    return done;
}

void digest_sha1(struct slice bytes, uint8_t digest[DIGEST_SHA1_SIZE])
{
    SHA1((const unsigned char *)bytes.data, bytes.len, digest);
}

void digest_base64(struct slice bytes, char *text)
{
    int length = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.data, (int)bytes.len);
    ASSERT((size_t)length + 1 == DIGEST_BASE64_SIZE(bytes.len));
    (void)length;
}

/* As CRYPTO_memcmp, which goes byte by byte: the compiler may not know that no more can change. */
#define KEEP(value) __asm__("" : "+r"(value))

bool digest_equal(const void *a, const void *b, size_t size)
{
    const char *left = a, *right = b;
    uint64_t differ = 0;
    size_t at = 0;
    for (; at + sizeof differ <= size; at += sizeof differ) {
        differ |= load_u64(left + at) ^ load_u64(right + at);
        KEEP(differ);
    }
    if (at < size && size >= sizeof differ) { /* some bytes twice */
        at = size - sizeof differ;
        differ |= load_u64(left + at) ^ load_u64(right + at);
        KEEP(differ);
        at = size;
    }
    for (; at < size; at++) {
        differ |= (uint64_t)(uint8_t)(left[at] ^ right[at]);
        KEEP(differ);
    }
    return differ == 0;
}
