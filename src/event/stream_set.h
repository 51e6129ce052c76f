/* Some of the configuration's streams, by their index. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_SET_MAX 256 /* most streams of a configuration */

struct stream_set {
    uint64_t bits[STREAM_SET_MAX / 64];
};

static inline void stream_set_add(struct stream_set *set, size_t index)
{
    set->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static inline bool stream_set_holds(const struct stream_set *set, size_t index)
{
    return (set->bits[index / 64] >> (index % 64) & 1) != 0;
}
