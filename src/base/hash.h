/* XXH3, the only place that knows the library. Stable for ever: ids and checksums on disk depend on it. */
#pragma once

#include "base/bytes.h"

struct hash128 {
    uint64_t high, low;
};

/* Both with seed 0. */
struct hash128 hash_xxh3_128(const void *data, size_t len);
uint64_t hash_xxh3_64(const void *data, size_t len);
