/* Turns bytes into hashes. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash128 hash_128(struct slice bytes)
{
    XXH128_hash_t hash = XXH3_128bits(bytes.data, bytes.len);
    return (struct hash128){ .high = hash.high64, .low = hash.low64 };
}

uint64_t hash_64(struct slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.len);
}
