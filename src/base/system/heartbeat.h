/* A heartbeat: whether the loop of a thread still goes round. Its thread notes each turn and when it is about to
 * wait; any thread may ask how long the present turn has lasted. A thread that waits for work is well, however long. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* Zeroed: it waits. */
struct heartbeat {
    _Atomic int64_t turn_ns; /* when the present turn began (monotonic); 0: it waits, or has ended */
};

static inline void heartbeat_turn(struct heartbeat *heartbeat, int64_t now_ns)
{
    atomic_store_explicit(&heartbeat->turn_ns, now_ns, memory_order_relaxed);
}

static inline void heartbeat_wait(struct heartbeat *heartbeat)
{
    atomic_store_explicit(&heartbeat->turn_ns, 0, memory_order_relaxed);
}

/* How long the present turn has lasted; 0: there is none. */
static inline int64_t heartbeat_age_ns(const struct heartbeat *heartbeat, int64_t now_ns)
{
    int64_t turn_ns = atomic_load_explicit(&heartbeat->turn_ns, memory_order_relaxed);
    return turn_ns == 0 || now_ns < turn_ns ? 0 : now_ns - turn_ns;
}
