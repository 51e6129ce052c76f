/* Turns what waits in the commit queue into groups. */
#include "pipeline/commit/commit_thread.h"

#include "base/assert.h"
#include "base/clock.h"
#include "event/chunk.h"
#include "pipeline/commit/commit.h"
#include "pipeline/commit/commit_queue.h"

/* While the journal refuses events, nobody pushes: it is asked again this often. */
#define CHECK_NS (NS_PER_SECOND / 5)

/* Taken and not yet committed. `end` is where the next one goes: &first, or the `next` of the last. */
struct pending {
    struct chunk *first;
    struct chunk **end;
};

static void add(struct pending *pending, struct chunk *chunks)
{
    *pending->end = chunks;
    while (*pending->end != NULL) {
        pending->end = &(*pending->end)->next;
    }
}

/* The first chunks, up to the bound of a group. */
static struct chunk *take_group(struct pending *pending)
{
    struct chunk *group = pending->first;
    ASSERT(group != NULL);
    uint64_t rows = 0;
    struct chunk **end = &pending->first;
    while (*end != NULL && rows < COMMIT_GROUP_ROWS) {
        rows += (*end)->rows;
        end = &(*end)->next;
    }
    struct chunk *rest = *end;
    *end = NULL;
    if (rest == NULL) {
        pending->end = &pending->first;
    }
    pending->first = rest;
    return group;
}

static void commit_next_group(struct commit *commit, struct pending *pending)
{
    int64_t start_ns = clock_monotonic_ns();
    commit_group(commit, take_group(pending), start_ns, clock_wall_ns());
    commit_observe(commit, clock_monotonic_ns() - start_ns);
}

static int64_t wait_until(const struct commit_thread *thread, const struct pending *pending)
{
    if (pending->first != NULL) {
        return 0;
    }
    bool refusing = commit_refuses(thread->commit); /* segments may then be due that cannot be sealed */
    return refusing ? clock_monotonic_ns() + CHECK_NS : commit_deadline_ns(thread->commit);
}

static void say_drained(struct commit_thread *thread)
{
    commit_seal_all(thread->commit);
    wakeup_lock(&thread->drained_wakeup);
    thread->drained = true;
    wakeup_all(&thread->drained_wakeup);
    wakeup_unlock(&thread->drained_wakeup);
}

/* It gets on: what one wakeup brought may take long in all. */
static void beat(struct commit_thread *thread)
{
    heartbeat_turn(&thread->heartbeat, clock_monotonic_ns());
}

static void run(void *argument)
{
    struct commit_thread *thread = argument;
    struct pending pending = { .end = &pending.first };
    struct commit_work work = { 0 };
    bool draining = false;
    while (!work.stopping || pending.first != NULL) {
        int64_t until_ns = wait_until(thread, &pending);
        heartbeat_wait(&thread->heartbeat);
        commit_queue_take(thread->queue, until_ns, &work);
        beat(thread);
        for (size_t i = 0; i < work.feedback_count; i++) {
            commit_learn(thread->commit, &work.feedback[i]);
        }
        commit_take_back(thread->commit, work.returned, clock_wall_ns());
        beat(thread);
        add(&pending, work.chunks);
        draining |= work.draining;
        if (pending.first != NULL) {
            commit_next_group(thread->commit, &pending);
            beat(thread);
        }
        commit_seal_due(thread->commit, clock_monotonic_ns());
        commit_check(thread->commit);
        if (draining && pending.first == NULL) {
            say_drained(thread);
            draining = false;
            heartbeat_wait(&thread->heartbeat);
            parking_pass(&thread->parking);
        }
    }
    heartbeat_wait(&thread->heartbeat);
}

enum error commit_thread_start(struct commit_thread *thread, struct commit *commit, struct commit_queue *queue)
{
    *thread = (struct commit_thread){ .commit = commit, .queue = queue };
    wakeup_init(&thread->drained_wakeup);
    parking_init(&thread->parking);
    return thread_start(&thread->thread, "commit", run, thread);
}

bool commit_thread_drain(struct commit_thread *thread, int64_t deadline_ns)
{
    wakeup_lock(&thread->drained_wakeup);
    thread->drained = false;
    commit_queue_drain(thread->queue);
    while (!thread->drained && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&thread->drained_wakeup, deadline_ns);
    }
    bool drained = thread->drained;
    wakeup_unlock(&thread->drained_wakeup);
    return drained;
}

bool commit_thread_pause(struct commit_thread *thread, int64_t deadline_ns)
{
    parking_want(&thread->parking);
    bool stands = commit_thread_drain(thread, deadline_ns) &&
                  parking_await(&thread->parking, clock_monotonic_ns() + NS_PER_SECOND);
    if (!stands) {
        commit_thread_resume(thread);
    }
    return stands;
}

void commit_thread_resume(struct commit_thread *thread)
{
    parking_let_go(&thread->parking);
}

void commit_thread_stop(struct commit_thread *thread)
{
    commit_queue_stop(thread->queue);
    thread_join(&thread->thread);
    wakeup_release(&thread->drained_wakeup);
    parking_release(&thread->parking);
}
