/* Turns bytes into hashes. */
#include "base/hash.h"

#include <pthread.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t drawn;

static void draw(void)
{
    if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn) {
        drawn = (uint64_t)(uintptr_t)&drawn;
    }
}

static uint64_t seed(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, draw);
    return drawn;
}

static struct hash128 hash128_from(XXH128_hash_t hash)
{
    return (struct hash128){ .high = hash.high64, .low = hash.low64 };
}

struct hash128 hash_xxh3_128(const void *data, size_t len)
{
    return hash128_from(XXH3_128bits(data, len));
}

uint64_t hash_xxh3_64(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

struct hash128 hash_seeded_128(const void *data, size_t len)
{
    return hash128_from(XXH3_128bits_withSeed(data, len, seed()));
}

uint64_t hash_seeded_64(const void *data, size_t len)
{
    return XXH3_64bits_withSeed(data, len, seed());
}
