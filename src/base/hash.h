/* XXH3, the only place that knows the library. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

/* Both with seed 0. Stable for ever: ids and checksums on disk depend on them. */
struct hash128 hash_xxh3_128(const void *data, size_t len);
uint64_t hash_xxh3_64(const void *data, size_t len);

/* Both with a seed that is drawn once in a process, so that nobody chooses data that collide. To be written nowhere. From
 * any thread. */
struct hash128 hash_seeded_128(const void *data, size_t len);
uint64_t hash_seeded_64(const void *data, size_t len);
