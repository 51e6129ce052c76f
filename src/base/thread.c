/* Turns a function into a named thread. */
#include "base/thread.h"

#include "base/assert.h"
#include "base/clock.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define BACKGROUND_NICE 10 /* a tenth of the weight of a thread at 0 */

struct start {
    void (*run)(void *);
    void *argument;
    bool background;
};

static void *thread_main(void *opaque)
{
    struct start start = *(struct start *)opaque;
    free(opaque);
    if (start.background) {
        setpriority(PRIO_PROCESS, 0, BACKGROUND_NICE); /* of this thread alone: Linux */
    }
    start.run(start.argument);
    return NULL;
}

static enum error create(struct thread *thread, const char *name, struct start what)
{
    ASSERT(!thread->started);
    ASSERT_BELOW(strlen(name), 16u); /* as Linux has it */
    struct start *start = malloc(sizeof *start);
    if (start == NULL) {
        return ERROR_OUT_OF_MEMORY;
    }
    *start = what;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->id, NULL, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(start);
        return ERROR_OUT_OF_MEMORY;
    }
    pthread_setname_np(thread->id, name);
    thread->started = true;
    return OK;
}

enum error thread_start(struct thread *thread, const char *name, void (*run)(void *), void *argument)
{
    return create(thread, name, (struct start){ run, argument, false });
}

enum error thread_start_background(struct thread *thread, const char *name, void (*run)(void *), void *argument)
{
    return create(thread, name, (struct start){ run, argument, true });
}

enum error thread_run_background(const char *name, void (*run)(void *), void *argument)
{
    struct thread thread = { 0 };
    enum error error = thread_start_background(&thread, name, run, argument);
    thread_join(&thread);
    return error;
}

void thread_join(struct thread *thread)
{
    if (thread->started) {
        pthread_join(thread->id, NULL);
        thread->started = false;
    }
}

void wakeup_init(struct wakeup *wakeup)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&wakeup->mutex, NULL);
    pthread_cond_init(&wakeup->cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

void wakeup_release(struct wakeup *wakeup)
{
    pthread_cond_destroy(&wakeup->cond);
    pthread_mutex_destroy(&wakeup->mutex);
}

void wakeup_lock(struct wakeup *wakeup)
{
    pthread_mutex_lock(&wakeup->mutex);
}

void wakeup_unlock(struct wakeup *wakeup)
{
    pthread_mutex_unlock(&wakeup->mutex);
}

void wakeup_wait(struct wakeup *wakeup, int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX) {
        pthread_cond_wait(&wakeup->cond, &wakeup->mutex);
        return;
    }
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / NS_PER_SECOND),
        .tv_nsec = (long)(deadline_ns % NS_PER_SECOND),
    };
    pthread_cond_timedwait(&wakeup->cond, &wakeup->mutex, &until);
}

void wakeup_one(struct wakeup *wakeup)
{
    pthread_cond_signal(&wakeup->cond);
}

void wakeup_all(struct wakeup *wakeup)
{
    pthread_cond_broadcast(&wakeup->cond);
}
