/* Turns large payloads into submissions, beside the I/O thread that received them. */
#include "proto/server/payload_thread.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/system/parking.h"
#include "base/thread.h"
#include "proto/front/intake.h"
#include "proto/gate/gatekeeper.h"
#include "proto/gate/toll.h"

#include <stdio.h>
#include <stdlib.h>

#define SHED_AFTER_NS NS_PER_SECOND
#define MOST_WAITING 256

struct payload_thread {
    struct payload_thread_config config;
    char name[16];
    struct thread thread;
    struct parking parking;
    struct intake intake;
    /* Guards what follows. */
    struct wakeup wakeup;
    bool stopping;
    uint64_t waiting_bytes;
    unsigned waiting_count;
    struct large_payload *waiting; /* in the order in which they are taken */
    struct large_payload *done;    /* oldest first */
    struct large_payload **done_end;
};

struct payload_thread *payload_thread_new(const struct payload_thread_config *config)
{
    struct payload_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return NULL;
    }
    thread->config = *config;
    snprintf(thread->name, sizeof thread->name, "large-%.9s", config->name);
    thread->done_end = &thread->done;
    wakeup_init(&thread->wakeup);
    parking_init(&thread->parking);
    bool ok = intake_init(&thread->intake, config->pipeline, config->metrics);
    thread->intake.max_ratio = config->max_ratio;
    thread->intake.io = ok ? pipeline_io_new_beside(config->io) : NULL;
    if (thread->intake.io == NULL) {
        payload_thread_free(thread);
        return NULL;
    }
    return thread;
}

/* Payloads of the same connection that wait before it. */
static uint64_t turn_of(const struct payload_thread *thread, const struct large_payload *large)
{
    uint64_t turn = 0;
    for (const struct large_payload *other = thread->waiting; other != NULL; other = other->next) {
        turn += other->payload.token.slot == large->payload.token.slot;
    }
    return turn;
}

static void put(struct payload_thread *thread, struct large_payload *large)
{
    struct large_payload **at = &thread->waiting;
    large->turn = turn_of(thread, large);
    while (*at != NULL && (*at)->turn <= large->turn) {
        at = &(*at)->next;
    }
    large->next = *at;
    *at = large;
    thread->waiting_bytes += large->bytes.len;
    thread->waiting_count++;
    ASSERT_AT_MOST(thread->waiting_count, MOST_WAITING);
}

bool payload_thread_take(struct payload_thread *thread, struct large_payload *large)
{
    wakeup_lock(&thread->wakeup);
    bool room = thread->waiting_count < MOST_WAITING &&
                (thread->waiting == NULL || thread->waiting_bytes + large->bytes.len <= thread->config.max_waiting);
    if (room) {
        put(thread, large);
        wakeup_one(&thread->wakeup);
    }
    wakeup_unlock(&thread->wakeup);
    return room;
}

struct large_payload *payload_thread_collect(struct payload_thread *thread)
{
    wakeup_lock(&thread->wakeup);
    struct large_payload *done = thread->done;
    thread->done = NULL;
    thread->done_end = &thread->done;
    wakeup_unlock(&thread->wakeup);
    return done;
}

static void refuse(struct payload_thread *thread, struct large_payload *large, enum error error)
{
    large->error = error;
    pipeline_refuse(thread->intake.io, &large->payload, large->blamed, error);
}

/* What is known at once goes back before the events are pushed, so that their completion finds somebody who waits for it. */
static void hand_back(struct payload_thread *thread, struct large_payload *large)
{
    buf_release(&large->bytes);
    large->next = NULL;
    wakeup_lock(&thread->wakeup);
    *thread->done_end = large;
    thread->done_end = &large->next;
    wakeup_unlock(&thread->wakeup);
    thread->config.wake(thread->config.io_thread);
    pipeline_io_flush(thread->intake.io);
}

/* It has waited since it was let in, and the room may be gone. A message of a WebSocket is held until there is some, once. */
static enum error ask_again(const struct payload_thread *thread, struct large_payload *large)
{
    enum error full = large->payload.protocol == PROTOCOL_WS
                          ? OK
                          : gatekeeper_admits(thread->config.gatekeeper, large->payload.stream);
    if (full != OK) {
        large->blamed = large->payload.stream;
    }
    return full;
}

/* The limits may have changed while it waited. */
static void pay(const struct payload_thread *thread, const struct large_payload *large, struct service service)
{
    if (!large->charged || service.rates == NULL) {
        return;
    }
    uint32_t events = large->error == OK ? large->submission.events : 0;
    const struct visitor visitor =
        toll_visitor(thread->config.gatekeeper, &large->client, large->has_key ? large->key_hash : NULL,
                     large->payload.received_wall_ns);
    service_end(service, &visitor, (struct spending){ .events = events != 0 ? events : 1 }, clock_monotonic_ns(),
                clock_thread_cpu_ns);
}

static void submit(struct payload_thread *thread, struct large_payload *large)
{
    struct service service = service_begin(thread->config.gatekeeper, clock_thread_cpu_ns);
    enum error error = ask_again(thread, large);
    if (error == OK) {
        error = intake_unpack(&thread->intake, large->encoding, large->max_decompressed, &large->payload.bytes);
    }
    if (error != OK) {
        refuse(thread, large, error);
    } else {
        large->payload.held = true;
        pipeline_submit(thread->intake.io, &large->payload, &large->submission);
    }
    pay(thread, large, service);
    hand_back(thread, large);
}

static struct large_payload *take_first(struct payload_thread *thread)
{
    struct large_payload *first = thread->waiting;
    ASSERT_EQUAL(first == NULL, thread->waiting_count == 0);
    if (first != NULL) {
        thread->waiting = first->next;
        thread->waiting_bytes -= first->bytes.len;
        thread->waiting_count--;
    }
    return first;
}

/* Under the lock, which the I/O thread needs while this one stands. */
static void pass_parking(struct payload_thread *thread)
{
    if (atomic_load(&thread->parking.wanted)) {
        wakeup_unlock(&thread->wakeup);
        parking_pass(&thread->parking);
        wakeup_lock(&thread->wakeup);
    }
}

static void run(void *opaque)
{
    struct payload_thread *thread = opaque;
    bool large = false; /* memory is held that is not needed any more */
    wakeup_lock(&thread->wakeup);
    while (!thread->stopping) {
        pass_parking(thread);
        struct large_payload *first = take_first(thread);
        if (first == NULL) {
            int64_t since_ns = clock_monotonic_ns();
            wakeup_wait(&thread->wakeup, large ? since_ns + SHED_AFTER_NS : INT64_MAX);
            if (large && thread->waiting == NULL && clock_monotonic_ns() >= since_ns + SHED_AFTER_NS) {
                intake_shed(&thread->intake);
                large = pipeline_io_shed(thread->intake.io);
            }
            continue;
        }
        wakeup_unlock(&thread->wakeup);
        submit(thread, first);
        large = true;
        wakeup_lock(&thread->wakeup);
    }
    wakeup_unlock(&thread->wakeup);
}

struct parking *payload_thread_park(struct payload_thread *thread)
{
    wakeup_lock(&thread->wakeup);
    parking_want(&thread->parking);
    wakeup_one(&thread->wakeup);
    wakeup_unlock(&thread->wakeup);
    return &thread->parking;
}

void payload_thread_bound(struct payload_thread *thread, uint64_t max_ratio, uint64_t max_waiting)
{
    ASSERT(thread->parking.stands);
    thread->intake.max_ratio = max_ratio;
    thread->config.max_waiting = max_waiting;
}

enum error payload_thread_start(struct payload_thread *thread)
{
    return thread_start_background(&thread->thread, thread->name, run, thread);
}

static void free_all(struct large_payload *list)
{
    while (list != NULL) {
        struct large_payload *next = list->next;
        large_payload_free(list);
        list = next;
    }
}

void payload_thread_stop(struct payload_thread *thread)
{
    wakeup_lock(&thread->wakeup);
    thread->stopping = true;
    wakeup_one(&thread->wakeup);
    wakeup_unlock(&thread->wakeup);
    thread_join(&thread->thread);
    for (struct large_payload *large = thread->waiting; large != NULL; large = large->next) {
        refuse(thread, large, ERROR_DRAINING);
    }
    free_all(thread->waiting);
    thread->waiting = NULL;
}

void payload_thread_free(struct payload_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    free_all(thread->waiting);
    free_all(thread->done);
    intake_release(&thread->intake);
    wakeup_release(&thread->wakeup);
    parking_release(&thread->parking);
    free(thread);
}
