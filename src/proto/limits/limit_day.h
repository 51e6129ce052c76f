/* What one address has had of a day's limit, as one number: 16 bits say which day it is, 16 whose it is, 32 count. Another
 * day, or another owner of the row, finds nothing. Any thread. */
#pragma once

#include "base/clock.h"

#include <stdatomic.h>
#include <stdint.h>

#define LIMIT_DAY_NS (INT64_C(86400) * NS_PER_SECOND)

/* The upper half of the number: of the day (UTC) of this wall time, for this network. */
static inline uint64_t limit_day_of(int64_t wall_ns, uint64_t network)
{
    uint64_t whose = (network ^ network >> 16 ^ network >> 32 ^ network >> 48) & 0xFFFF;
    return ((uint64_t)(wall_ns / LIMIT_DAY_NS) & 0xFFFF) << 48 | whose << 32;
}

static inline uint64_t limit_day_count(const _Atomic uint64_t *number, uint64_t day)
{
    uint64_t value = atomic_load_explicit(number, memory_order_relaxed);
    return (value ^ day) >> 32 == 0 ? value & UINT32_MAX : 0;
}

static inline void limit_day_add(_Atomic uint64_t *number, uint64_t day, uint32_t more)
{
    uint64_t before = atomic_load_explicit(number, memory_order_relaxed), after;
    do {
        uint64_t count = ((before ^ day) >> 32 == 0 ? before & UINT32_MAX : 0) + more;
        after = day | (count < UINT32_MAX ? count : UINT32_MAX);
    } while (
        !atomic_compare_exchange_weak_explicit(number, &before, after, memory_order_relaxed, memory_order_relaxed));
}
