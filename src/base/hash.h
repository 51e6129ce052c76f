/* XXH3, the only place that knows the library. Stable for ever: ids and checksums on disk depend on it. */
#pragma once

#include "base/bytes.h"

struct hash128 {
    uint64_t high, low;
};

/* Both with seed 0. */
struct hash128 hash_128(struct slice bytes);
uint64_t hash_64(struct slice bytes);
