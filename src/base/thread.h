/* Threads: named, started and joined; never cancelled. Signals are blocked in all of them, main takes them. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <pthread.h>

struct thread {
    pthread_t id;
    bool started;
};

/* `name` shows in top -H (at most 15 characters). `run` gets `argument`. */
MUST_CHECK enum error thread_start(struct thread *thread, const char *name, void (*run)(void *), void *argument);

/* Likewise, at a lower priority: it and every thread that it starts, as the embedded engine does, give way when cores
 * are short. Delivery may wait, for the journal holds what it delivers; clients may not. */
MUST_CHECK enum error thread_start_background(struct thread *thread, const char *name, void (*run)(void *),
                                              void *argument);

/* Runs it on such a thread and waits for its end. */
MUST_CHECK enum error thread_run_background(const char *name, void (*run)(void *), void *argument);

/* Waits for its end; does nothing if it was never started. */
void thread_join(struct thread *thread);

/* A condition variable on the monotonic clock, with its mutex. */
struct wakeup {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

void wakeup_init(struct wakeup *wakeup);
void wakeup_release(struct wakeup *wakeup);
void wakeup_lock(struct wakeup *wakeup);
void wakeup_unlock(struct wakeup *wakeup);

/* Locked on entry and on return; until woken or clock_monotonic_ns() reaches deadline_ns (INT64_MAX: no deadline). */
void wakeup_wait(struct wakeup *wakeup, int64_t deadline_ns);
void wakeup_one(struct wakeup *wakeup);
void wakeup_all(struct wakeup *wakeup);
