/* Turns a wish into a thread that stands still. */
#include "base/system/parking.h"

#include "base/assert.h"
#include "base/clock.h"

void parking_init(struct parking *parking)
{
    *parking = (struct parking){ 0 };
    wakeup_init(&parking->wakeup);
}

void parking_release(struct parking *parking)
{
    ASSERT(!parking->stands);
    wakeup_release(&parking->wakeup);
}

void parking_want(struct parking *parking)
{
    ASSERT(!atomic_load(&parking->wanted));
    atomic_store(&parking->wanted, true);
}

bool parking_await(struct parking *parking, int64_t deadline_ns)
{
    wakeup_lock(&parking->wakeup);
    while (!parking->stands && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&parking->wakeup, deadline_ns);
    }
    bool stands = parking->stands;
    wakeup_unlock(&parking->wakeup);
    return stands;
}

void parking_let_go(struct parking *parking)
{
    wakeup_lock(&parking->wakeup);
    atomic_store(&parking->wanted, false);
    wakeup_all(&parking->wakeup);
    wakeup_unlock(&parking->wakeup);
}

void parking_stand(struct parking *parking)
{
    wakeup_lock(&parking->wakeup);
    ASSERT(!parking->stands);
    parking->stands = atomic_load(&parking->wanted);
    wakeup_all(&parking->wakeup);
    while (atomic_load(&parking->wanted)) {
        wakeup_wait(&parking->wakeup, INT64_MAX);
    }
    parking->stands = false;
    wakeup_unlock(&parking->wakeup);
}
