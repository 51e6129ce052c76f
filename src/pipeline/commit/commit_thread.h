/* The commit thread: waits for chunks or the next batch deadline, takes what is there, commits it in groups. */
#pragma once

#include "base/system/heartbeat.h"
#include "base/thread.h"

struct commit_thread {
    struct commit *commit;
    struct commit_queue *queue;
    struct thread thread;
    struct heartbeat heartbeat;
    struct wakeup drained_wakeup;
    bool drained;
};

MUST_CHECK enum error commit_thread_start(struct commit_thread *thread, struct commit *commit,
                                          struct commit_queue *queue);

/* Waits until all that was pushed before is committed and all segments are sealed and handed on, or the deadline
 * (monotonic) has come. True if it is done. */
bool commit_thread_drain(struct commit_thread *thread, int64_t deadline_ns);

/* Commits what waits, then ends. Open segments stay open. */
void commit_thread_stop(struct commit_thread *thread);
