/* A place where a thread can be had to stand still between two turns of its loop, so that another one may change what the
 * thread reads without a lock. It costs a thread that is not asked one relaxed load a turn. */
#pragma once

#include "base/thread.h"

#include <stdatomic.h>

/* One per thread. */
struct parking {
    struct wakeup wakeup; /* guards what follows */
    bool stands;
    atomic_bool wanted;
};

void parking_init(struct parking *parking);
void parking_release(struct parking *parking);

/* Another thread. It is to stand still; whoever asks has it woken afterwards, if it waits. */
void parking_want(struct parking *parking);

/* Another thread. True: it stands still, until parking_let_go, and all that it did is seen by the caller. False: the deadline
 * (monotonic) has come first. */
MUST_CHECK bool parking_await(struct parking *parking, int64_t deadline_ns);

/* Another thread. It goes on, if it stands; and sees what the caller did. */
void parking_let_go(struct parking *parking);

/* The thread itself. */
void parking_stand(struct parking *parking);

/* The thread itself, between two turns, when it has looked at whatever wakes it. */
static inline void parking_pass(struct parking *parking)
{
    if (atomic_load_explicit(&parking->wanted, memory_order_relaxed)) {
        parking_stand(parking);
    }
}
