/* Turns libev's watchers into the few moments that an I/O thread cares about. */
#include "proto/server/loop.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/system/short_memory.h"
#include "proto/server/accept.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTS_AT_ONCE 64
#define ROUNDS_BEFORE_CLOSING 64
#define SECOND 1.0
#define HURRIED 0.02
#define MOST_SHORTAGES 1000 /* in the life of the process: it is hopeless then */

/* A listening socket. */
struct door {
    ev_io io;
    int fd;
    const struct listener *listener;
};

struct loop {
    struct ev_loop *ev;
    struct loop_callbacks callbacks;
    ev_prepare prepare;
    ev_check check;
    ev_timer timer;
    ev_timer alarm;
    ev_idle busy;
    struct door doors[LOOP_LISTENERS];
    size_t door_count; /* 0 once they are closed */
};

/* libev's own would end the process with a line on stderr alone. */
static void *allocate(void *memory, long size)
{
    return short_memory_wait(memory, (size_t)size, "the event loop");
}

/* A system call of libev's has failed, which it tries again: that the kernel has no memory passes. */
static void on_system_error(const char *what)
{
    static atomic_int shortages;
    int number = errno;
    if (number == ENOMEM && atomic_fetch_add(&shortages, 1) < MOST_SHORTAGES) {
        LOG(LOG_WARN, "event loop", "%s: %s; it is tried again", what, strerror(number));
        nanosleep(&(struct timespec){ .tv_nsec = NS_PER_MS * 10 }, NULL);
        return;
    }
    LOG(LOG_ERROR, "event loop", "%s: %s", what, strerror(number));
    short_memory_end("the event loop");
}

static void prepare_library(void)
{
    ev_set_allocator(allocate);
    ev_set_syserr_cb(on_system_error);
}

/* Why it took no more, or ACCEPTED: there may be more. */
static enum accepted accept_some(struct loop *loop, const struct door *door)
{
    enum accepted accepted = ACCEPTED;
    for (int i = 0; i < ACCEPTS_AT_ONCE && accepted == ACCEPTED; i++) {
        int fd;
        struct client_address peer;
        accepted = accept_next(door->fd, &fd, &peer);
        if (accepted == ACCEPTED) {
            loop->callbacks.accepted(loop->callbacks.context, door->listener, fd, peer);
        }
    }
    return accepted;
}

static void on_accept(struct ev_loop *ev, ev_io *io, int events)
{
    (void)events;
    if (accept_some(ev_userdata(ev), io->data) == ACCEPT_EXHAUSTED) {
        ev_io_stop(ev, io); /* the timer starts it again */
    }
}

static void on_prepare(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);
    (void)watcher, (void)events;
    if (!loop->callbacks.before_block(loop->callbacks.context)) {
        ev_break(ev, EVBREAK_ALL);
    }
}

static void on_check(struct ev_loop *ev, ev_check *watcher, int events)
{
    struct loop *loop = ev_userdata(ev);
    (void)watcher, (void)events;
    loop->callbacks.awake(loop->callbacks.context);
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct loop *loop = ev_userdata(ev);
    (void)timer, (void)events;
    for (size_t i = 0; i < loop->door_count; i++) {
        ev_io_start(ev, &loop->doors[i].io);
    }
    loop->callbacks.tick(loop->callbacks.context);
}

/* It has woken the loop: that was all. */
static void on_alarm(struct ev_loop *ev, ev_timer *alarm, int events)
{
    (void)ev, (void)alarm, (void)events;
}

/* There is always something to do. */
static void on_busy(struct ev_loop *ev, ev_idle *busy, int events)
{
    (void)ev, (void)busy, (void)events;
}

struct loop *loop_new(const struct loop_callbacks *callbacks)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_library);
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return NULL;
    }
    loop->callbacks = *callbacks;
    loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOSIGMASK);
    if (loop->ev == NULL) {
        free(loop);
        return NULL;
    }
    ev_set_userdata(loop->ev, loop);
    ev_prepare_init(&loop->prepare, on_prepare);
    ev_prepare_start(loop->ev, &loop->prepare);
    ev_check_init(&loop->check, on_check);
    ev_set_priority(&loop->check, EV_MAXPRI);
    ev_check_start(loop->ev, &loop->check);
    ev_timer_init(&loop->timer, on_tick, SECOND, SECOND);
    ev_timer_start(loop->ev, &loop->timer);
    ev_timer_init(&loop->alarm, on_alarm, 0.0, 0.0);
    ev_idle_init(&loop->busy, on_busy);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop != NULL) {
        loop_close_listeners(loop);
        ev_loop_destroy(loop->ev);
        free(loop);
    }
}

void *loop_handle(struct loop *loop)
{
    return loop->ev;
}

void loop_listen(struct loop *loop, int fd, const struct listener *listener)
{
    ASSERT_BELOW(loop->door_count, LOOP_LISTENERS);
    struct door *door = &loop->doors[loop->door_count++];
    door->fd = fd;
    door->listener = listener;
    ev_io_init(&door->io, on_accept, fd, EV_READ);
    door->io.data = door;
    ev_io_start(loop->ev, &door->io);
}

void loop_accept_waiting(struct loop *loop)
{
    for (size_t i = 0; i < loop->door_count; i++) {
        enum accepted accepted = ACCEPTED;
        for (int round = 0; accepted == ACCEPTED && round < ROUNDS_BEFORE_CLOSING; round++) {
            accepted = accept_some(loop, &loop->doors[i]);
        }
    }
}

void loop_close_listeners(struct loop *loop)
{
    while (loop->door_count != 0) {
        struct door *door = &loop->doors[--loop->door_count];
        ev_io_stop(loop->ev, &door->io);
        close(door->fd);
    }
}

void loop_hurry(struct loop *loop)
{
    ev_timer_stop(loop->ev, &loop->timer);
    ev_timer_set(&loop->timer, HURRIED, HURRIED);
    ev_timer_start(loop->ev, &loop->timer);
}

void loop_set_alarm(struct loop *loop, int64_t delay_ns)
{
    if (!ev_is_active(&loop->alarm)) {
        ev_timer_set(&loop->alarm, (double)delay_ns / (double)NS_PER_SECOND, 0.0);
        ev_timer_start(loop->ev, &loop->alarm);
    }
}

void loop_set_busy(struct loop *loop, bool on)
{
    if (on) {
        ev_idle_start(loop->ev, &loop->busy);
    } else {
        ev_idle_stop(loop->ev, &loop->busy);
    }
}

void loop_run(struct loop *loop)
{
    ev_run(loop->ev, 0);
}
