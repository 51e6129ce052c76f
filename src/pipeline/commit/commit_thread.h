/* The commit thread: waits for chunks or the next batch deadline, takes what is there, commits it in groups. */
#pragma once

#include "base/system/heartbeat.h"
#include "base/system/parking.h"
#include "base/thread.h"

struct commit_thread {
    struct commit *commit;
    struct commit_queue *queue;
    struct thread thread;
    struct heartbeat heartbeat;
    struct wakeup drained_wakeup;
    bool drained;
    struct parking parking;
};

MUST_CHECK enum error commit_thread_start(struct commit_thread *thread, struct commit *commit,
                                          struct commit_queue *queue);

/* Waits until all that was pushed before is committed and all segments are sealed and handed on, or the deadline
 * (monotonic) has come. True if it is done. */
bool commit_thread_drain(struct commit_thread *thread, int64_t deadline_ns);

/* While nobody pushes: the same, and it stands still then until `resume`. False: not by the deadline, and it goes on. */
MUST_CHECK bool commit_thread_pause(struct commit_thread *thread, int64_t deadline_ns);
void commit_thread_resume(struct commit_thread *thread);

/* Commits what waits, then ends. Open segments stay open. */
void commit_thread_stop(struct commit_thread *thread);
