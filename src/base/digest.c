/* Turns bytes into digests. */
#include "base/digest.h"

#include "base/assert.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>

_Static_assert(DIGEST_SHA1_SIZE == SHA_DIGEST_LENGTH && DIGEST_SHA256_SIZE == SHA256_DIGEST_LENGTH,
               "the sizes of FIPS 180-4");

static EVP_MD *sha256; /* libcrypto would look for it anew in each call */

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool digest_sha256(struct slice bytes, uint8_t digest[DIGEST_SHA256_SIZE])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned size = DIGEST_SHA256_SIZE;
    pthread_once(&once, fetch);
    bool done = sha256 != NULL && EVP_Digest(bytes.data, bytes.len, digest, &size, sha256, NULL) == 1;
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

bool digest_equal(const void *a, const void *b, size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}
