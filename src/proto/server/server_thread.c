/* Turns listening sockets into a thread that serves them, and the calls of other threads into what it does next. */
#include "proto/server/server_thread.h"

#include "base/assert.h"
#include "base/system/heartbeat.h"
#include "base/system/parking.h"
#include "base/thread.h"
#include "config/options/http_options.h"
#include "config/options/websocket_options.h"
#include "proto/http/io_context.h"
#include "proto/server/connection_life.h"
#include "proto/server/inbox.h"
#include "proto/server/loop.h"
#include "proto/server/payload_thread.h"
#include "proto/server/relief.h"
#include "proto/server/sockets.h"

#include <stdio.h>
#include <stdlib.h>

#define ROOM_PATIENCE_NS (2 * NS_PER_MS)
#define OPENING_PATIENCE_NS (3 * NS_PER_SECOND)
#define LARGE_BODIES_WAITING 4 /* of the largest size */

struct server_thread {
    struct server_shared *shared;
    struct thread thread;
    struct heartbeat heartbeat;
    struct parking parking;
    char name[16];
    struct loop *loop;
    struct sockets *sockets;
    struct payload_thread *payloads;
    size_t payloads_outside; /* taken by that thread, and not delivered yet */
    struct io_context context;
    struct connections connections;
    bool stopping;
    int64_t stop_deadline_ns;
    struct inbox inbox;
};

/* Waking. */

static void ring(void *opaque)
{
    struct server_thread *thread = opaque;
    sockets_wake(thread->sockets);
}

static void wake(void *opaque)
{
    struct server_thread *thread = opaque;
    inbox_wake(&thread->inbox);
}

void page_post(struct page_later later, struct page_reply *reply)
{
    inbox_post(&later.thread->inbox, later.token, reply);
}

static void deliver_pages(struct server_thread *thread, struct posted_page *pages)
{
    for (struct posted_page *page = pages; page != NULL; page = page->next) {
        connections_page(&thread->connections, page->token, &page->reply);
    }
    inbox_free_pages(pages);
}

/* Payloads of each of which a completion may follow. */
static void deliver_submitted(struct server_thread *thread)
{
    if (thread->payloads_outside == 0) {
        return;
    }
    struct large_payload *large = payload_thread_collect(thread->payloads);
    while (large != NULL) {
        thread->payloads_outside--;
        struct large_payload *next = large->next;
        connections_submitted(&thread->connections, large->payload.token, large);
        large_payload_free(large);
        large = next;
    }
}

static bool take_large(struct server_thread *thread, struct large_payload *large)
{
    bool taken = payload_thread_take(thread->payloads, large);
    thread->payloads_outside += taken;
    return taken;
}

static void drain_connections(struct server_thread *thread)
{
    loop_accept_waiting(thread->loop); /* who has sent a request by now gets an answer, not a reset */
    thread->context.draining = true;
    loop_close_listeners(thread->loop);
    connections_drain(&thread->connections);
}

static void on_woken(void *opaque)
{
    struct server_thread *thread = opaque;
    struct inbox_orders orders = inbox_take(&thread->inbox);
    if (orders.stop && !thread->stopping) {
        thread->stopping = true;
        thread->stop_deadline_ns = orders.stop_deadline_ns;
        loop_hurry(thread->loop);
    }
    deliver_submitted(thread);
    pipeline_io_drain(thread->context.intake.io);
    deliver_pages(thread, orders.pages);
    if (orders.close && !thread->context.draining) {
        drain_connections(thread);
    }
}

/* Completions, as the pipeline hands them over. */

static void on_complete(void *opaque, const struct ticket *ticket)
{
    struct server_thread *thread = opaque;
    deliver_submitted(thread); /* of this very payload, it may be */
    connections_complete(&thread->connections, ticket);
}

static void on_stored(void *opaque, struct token token)
{
    struct server_thread *thread = opaque;
    connections_stored(&thread->connections, token);
}

/* The loop. */

static void on_awake(void *opaque)
{
    struct server_thread *thread = opaque;
    io_context_set_time(&thread->context, clock_monotonic_ns(), clock_wall_ns());
    heartbeat_turn(&thread->heartbeat, thread->context.now_ns);
    turn_begin(&thread->context.turn, thread->context.now_ns);
}

static void on_accepted(void *opaque, const struct listener *listener, int fd, struct client_address peer)
{
    struct server_thread *thread = opaque;
    enum error why;
    struct connection *connection = connection_life_begin(&thread->connections, listener, peer, &why);
    if (connection == NULL) {
        connection_life_refuse(listener, fd, why);
    } else if (!sockets_adopt(thread->sockets, connection, fd) && connection->ops != NULL) {
        connection_life_end(connection);
    }
}

static void on_tick(void *opaque)
{
    struct server_thread *thread = opaque;
    connections_tick(&thread->connections);
    pipeline_io_shed(thread->context.intake.io);
    relief_tick(&thread->connections);
}

static bool on_before_block(void *opaque)
{
    struct server_thread *thread = opaque;
    if (thread->connections.waiting != NULL && pipeline_admits(thread->shared->pipeline) == OK) {
        connections_flush_waiting(&thread->connections);
    }
    if (thread->connections.later != NULL) {
        connections_flush_later(&thread->connections);
    }
    connection_life_serve_line(&thread->connections);
    pipeline_io_flush(thread->context.intake.io);
    connections_push_held(&thread->connections, connection_life_push);
    relief_round(&thread->connections);
    if (thread->connections.listed != NULL) {
        connection_life_round(&thread->connections);
        pipeline_io_flush(thread->context.intake.io);
    }
    if (thread->connections.waiting != NULL || thread->connections.held != NULL) {
        /* Other threads and clients make room without a word to this one. */
        loop_set_alarm(thread->loop, ROOM_PATIENCE_NS);
    }
    if (thread->connections.later != NULL) {
        loop_set_alarm(thread->loop, CONNECTIONS_LATER_NS);
    }
    loop_set_busy(thread->loop, connections_wait_in_line(&thread->connections));
    heartbeat_wait(&thread->heartbeat);
    parking_pass(&thread->parking);
    return !thread->stopping ||
           (thread->context.now_ns < thread->stop_deadline_ns && connections_owe(&thread->connections));
}

/* Clients wait for a gateway that is about to be there, at the door that the kernel keeps open; if that takes long, they
 * are told. */
static void run(void *opaque)
{
    struct server_thread *thread = opaque;
    if (!thread->shared->early) {
        pipeline_await(thread->shared->pipeline, clock_monotonic_ns() + OPENING_PATIENCE_NS);
    }
    loop_run(thread->loop);
    pipeline_io_flush(thread->context.intake.io);
}

/* Begin and end. */

static bool make_loop(struct server_thread *thread)
{
    struct loop_callbacks callbacks = {
        .context = thread,
        .awake = on_awake,
        .accepted = on_accepted,
        .tick = on_tick,
        .before_block = on_before_block,
    };
    thread->loop = loop_new(&callbacks);
    return thread->loop != NULL;
}

/* Bytes of large payloads. */
static uint64_t max_waiting(const struct server_shared *shared)
{
    uint64_t body = shared->options->max_body_bytes, message = shared->websocket->max_message_bytes;
    return LARGE_BODIES_WAITING * (body > message ? body : message);
}

static bool make_payload_thread(struct server_thread *thread)
{
    const struct server_shared *shared = thread->shared;
    const struct payload_thread_config config = {
        .name = thread->name,
        .pipeline = shared->pipeline,
        .gatekeeper = &shared->gatekeeper,
        .io = thread->context.intake.io,
        .metrics = shared->metrics,
        .max_ratio = shared->options->max_ratio,
        .max_waiting = max_waiting(shared),
        .wake = wake,
        .io_thread = thread,
    };
    thread->payloads = payload_thread_new(&config);
    thread->context.take_large = take_large;
    return thread->payloads != NULL;
}

static bool make_context(struct server_thread *thread)
{
    struct server_shared *shared = thread->shared;
    struct io_context *context = &thread->context;
    struct pipeline_io_callbacks callbacks = {
        .context = thread, .complete = on_complete, .stored = on_stored, .wake = wake
    };
    if (!io_context_init(context, shared->options, &shared->trusted, shared->pipeline, shared->metrics)) {
        return false;
    }
    context->websocket = shared->websocket;
    context->gatekeeper = &shared->gatekeeper;
    context->reads_request = pipeline_reads_request(shared->pipeline);
    context->thread = thread;
    context->turn = (struct turn){ .clock = clock_monotonic_ns, .heartbeat = &thread->heartbeat };
    connections_init(&thread->connections, context, &shared->connections, shared->max_connections);
    kept_line_init(&context->receiving, &shared->receiving, context->intake.cells, METRIC_RECEIVING_BYTES);
    kept_line_init(&context->replying, &shared->replying, context->intake.cells, METRIC_REPLYING_BYTES);
    context->intake.io = pipeline_io_new(shared->pipeline, &callbacks);
    return context->intake.io != NULL && make_payload_thread(thread);
}

static bool make_parts(struct server_thread *thread)
{
    if (!make_loop(thread)) {
        return false;
    }
    thread->sockets = sockets_new(loop_handle(thread->loop), on_woken, thread);
    return thread->sockets != NULL && make_context(thread);
}

struct server_thread *server_thread_new(struct server_shared *shared, const char *name, struct buf *problem)
{
    struct server_thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        buf_append_string(problem, "start the I/O threads: out of memory");
        return NULL;
    }
    thread->shared = shared;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    inbox_init(&thread->inbox, ring, thread);
    parking_init(&thread->parking);
    if (!make_parts(thread)) {
        buf_append_string(problem, "start the I/O threads: libwebsockets on libev could not be set up (is its plugin "
                                   "libwebsockets-evlib-ev installed?)");
        server_thread_free(thread);
        return NULL;
    }
    return thread;
}

_Static_assert(HTTP_LISTENERS_MAX <= LOOP_LISTENERS, "a thread may serve all listeners");

void server_thread_listen(struct server_thread *thread, int fd, const struct listener *listener)
{
    loop_listen(thread->loop, fd, listener);
}

enum error server_thread_start(struct server_thread *thread)
{
    enum error error = payload_thread_start(thread->payloads);
    return error != OK ? error : thread_start(&thread->thread, thread->name, run, thread);
}

int64_t server_thread_turn_ns(const struct server_thread *thread, int64_t now_ns)
{
    return heartbeat_age_ns(&thread->heartbeat, now_ns);
}

struct parking *server_thread_park(struct server_thread *thread)
{
    parking_want(&thread->parking);
    inbox_wake(&thread->inbox);
    return &thread->parking;
}

struct parking *server_thread_park_payloads(struct server_thread *thread)
{
    return payload_thread_park(thread->payloads);
}

void server_thread_refresh(struct server_thread *thread)
{
    ASSERT(thread->parking.stands);
    io_context_refresh(&thread->context);
    connections_refresh(&thread->connections);
    thread->context.reads_request = pipeline_reads_request(thread->shared->pipeline);
    payload_thread_bound(thread->payloads, thread->shared->options->max_ratio, max_waiting(thread->shared));
}

void server_thread_close(struct server_thread *thread)
{
    inbox_want_close(&thread->inbox);
}

/* Without a thread of its own any more: what is left is closed. */
static void dismantle(struct server_thread *thread)
{
    inbox_shut(&thread->inbox);
    sockets_free(thread->sockets);
    thread->sockets = NULL;
    connections_release(&thread->connections);
    loop_free(thread->loop);
    thread->loop = NULL;
}

void server_thread_stop(struct server_thread *thread, int64_t deadline_ns)
{
    inbox_want_stop(&thread->inbox, deadline_ns);
    thread_join(&thread->thread);
    payload_thread_stop(thread->payloads);
    dismantle(thread);
}

void server_thread_free(struct server_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    dismantle(thread);
    payload_thread_free(thread->payloads);
    io_context_release(&thread->context);
    inbox_release(&thread->inbox);
    parking_release(&thread->parking);
    free(thread);
}
