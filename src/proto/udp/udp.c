/* Turns a configuration into UDP sockets and the threads that read them, and asks the kernel what it dropped. */
#include "proto/udp/udp.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/system/parking.h"
#include "config/options/udp_options.h"
#include "pipeline/pipeline.h"
#include "proto/front/listen.h"
#include "proto/udp/udp_rules.h"
#include "proto/udp/udp_socket.h"
#include "proto/udp/udp_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUT_OF_MEMORY "start the UDP threads: out of memory"

struct reader {
    int fd; /* -1: closed */
    struct udp_thread *thread;
    struct parking *parking; /* its, once it was asked to stand still */
    uint32_t dropped;        /* as the kernel said last; it counts in 32 bits */
};

struct listener {
    const struct udp_listener_options *options;
    size_t index; /* of its metrics */
    int port;
    struct reader *readers;
    size_t reader_count;
    uint64_t dropped;
};

struct udp {
    struct front_end front;
    struct udp_config config;
    struct udp_shared shared;
    bool all_stand;             /* of the readers, when they were asked to */
    struct listener *listeners; /* those that are not off */
    size_t listener_count;
    pthread_mutex_t mutex; /* scrapes read the sockets that stopping closes */
};

/* Metrics. */

/* Under the mutex. */
static void update_listener(struct udp *udp, struct listener *listener)
{
    uint64_t buffer = 0;
    bool open = false;
    for (size_t i = 0; i < listener->reader_count; i++) {
        struct reader *reader = &listener->readers[i];
        struct udp_socket_state state;
        if (reader->fd >= 0 && udp_socket_state(reader->fd, &state)) {
            listener->dropped += (uint32_t)(state.dropped - reader->dropped);
            reader->dropped = state.dropped;
            buffer += state.buffer;
            open = true;
        }
    }
    if (open) {
        metric_set(udp->config.metrics, METRIC_UDP_KERNEL_DROPS, listener->index, (double)listener->dropped);
        metric_set(udp->config.metrics, METRIC_UDP_RECEIVE_BUFFER, listener->index, (double)buffer);
    }
}

static void update_metrics(void *opaque)
{
    struct udp *udp = opaque;
    pthread_mutex_lock(&udp->mutex);
    for (size_t i = 0; i < udp->listener_count; i++) {
        update_listener(udp, &udp->listeners[i]);
    }
    pthread_mutex_unlock(&udp->mutex);
}

/* Starting. */

static uint64_t set_buffer(const struct udp *udp, const struct listener *listener, int fd)
{
    uint64_t asked = udp->config.options->receive_buffer;
    uint64_t granted = udp_socket_set_buffer(fd, asked);
    if (granted < asked) {
        LOG(LOG_WARN, "UDP receive buffer is smaller than asked",
            "listen=%s asked=%llu granted=%llu cure=\"sysctl -w net.core.rmem_max=%llu, or give the gateway "
            "CAP_NET_ADMIN\"",
            listener->options->listen, (unsigned long long)asked, (unsigned long long)granted,
            (unsigned long long)asked);
    }
    return granted;
}

static bool make_thread(struct udp *udp, struct listener *listener, size_t number, struct buf *problem)
{
    struct reader *reader = &listener->readers[number];
    char name[48];
    snprintf(name, sizeof name, "udp-%zu-%zu", listener->index, number);
    struct udp_thread_config config = {
        .name = name,
        .fd = reader->fd,
        .buffer = set_buffer(udp, listener, reader->fd),
        .listener = listener->index,
        .place = (size_t)(listener->options - udp->config.options->listeners),
        .shared = &udp->shared,
        .stream = pipeline_stream(udp->config.pipeline, slice_from_string(listener->options->stream)),
        .max_decompressed_bytes = udp->config.options->max_decompressed_bytes,
        .max_ratio = udp->config.max_ratio,
        .pipeline = udp->config.pipeline,
        .metrics = udp->config.metrics,
    };
    if (config.stream == NULL) {
        buf_printf(problem, "udp.listeners: there is no stream \"%s\"", listener->options->stream);
        return false;
    }
    reader->thread = udp_thread_new(&config);
    if (reader->thread == NULL) {
        buf_append_string(problem, OUT_OF_MEMORY);
    }
    return reader->thread != NULL;
}

static bool open_listener(struct udp *udp, const struct udp_listener_options *options, struct buf *problem)
{
    size_t count = (size_t)udp->config.options->threads;
    struct listener *listener = &udp->listeners[udp->listener_count];
    ASSERT_BELOW(udp->listener_count, udp->config.options->listener_count);
    *listener = (struct listener){ .options = options, .index = udp->listener_count };
    listener->readers = calloc(count, sizeof *listener->readers);
    int *fds = calloc(count, sizeof *fds);
    bool ok = listener->readers != NULL && fds != NULL;
    if (!ok) {
        buf_append_string(problem, OUT_OF_MEMORY);
    }
    udp->listener_count++;
    ok = ok && listen_open_datagrams(options->listen, fds, count, problem);
    for (size_t i = 0; ok && i < count; i++) {
        listener->readers[listener->reader_count++].fd = fds[i];
        listener->port = listen_port(fds[0]);
    }
    free(fds);
    for (size_t i = 0; ok && i < count; i++) {
        ok = make_thread(udp, listener, i, problem);
    }
    return ok;
}

static bool start_threads(struct udp *udp, struct buf *problem)
{
    for (size_t l = 0; l < udp->listener_count; l++) {
        for (size_t i = 0; i < udp->listeners[l].reader_count; i++) {
            if (udp_thread_start(udp->listeners[l].readers[i].thread) != OK) {
                buf_append_string(problem, "start the UDP threads: the system refuses more threads");
                return false;
            }
        }
    }
    return true;
}

struct udp_rules *udp_prepare(const struct udp *udp, const struct udp_options *options, const struct access *access,
                              struct buf *problems)
{
    ASSERT_EQUAL(options->listener_count, udp->config.options->listener_count);
    const struct udp_rules_source source = {
        .options = options, .access = access, .before = udp->shared.rules, .wall_ns = clock_wall_ns()
    };
    size_t before = problems->len;
    struct udp_rules *rules = udp_rules_new(&source, problems);
    if (rules == NULL && problems->len == before) {
        buf_append_string(problems, OUT_OF_MEMORY);
    }
    return rules;
}

static bool open_all(struct udp *udp, struct buf *problem)
{
    const struct udp_options *options = udp->config.options;
    udp->listeners = calloc(options->listener_count + 1, sizeof *udp->listeners);
    if (udp->listeners == NULL) {
        buf_append_string(problem, OUT_OF_MEMORY);
        return false;
    }
    udp->shared.rules = udp_prepare(udp, options, udp->config.access, problem);
    if (udp->shared.rules == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->listener_count; i++) {
        if (!udp_listener_is_off(&options->listeners[i]) && !open_listener(udp, &options->listeners[i], problem)) {
            return false;
        }
    }
    return start_threads(udp, problem);
}

/* Living. */

static int64_t front_turn_ns(const struct front_end *front, int64_t now_ns)
{
    const struct udp *udp = (const struct udp *)front;
    int64_t longest_ns = 0;
    for (size_t l = 0; l < udp->listener_count; l++) {
        for (size_t i = 0; i < udp->listeners[l].reader_count; i++) {
            int64_t turn_ns = udp_thread_turn_ns(udp->listeners[l].readers[i].thread, now_ns);
            longest_ns = turn_ns > longest_ns ? turn_ns : longest_ns;
        }
    }
    return longest_ns;
}

typedef void reader_action(struct udp *udp, struct reader *reader, int64_t deadline_ns);

static void for_each_reader(struct udp *udp, reader_action *action, int64_t deadline_ns)
{
    for (size_t l = 0; l < udp->listener_count; l++) {
        for (size_t i = 0; i < udp->listeners[l].reader_count; i++) {
            action(udp, &udp->listeners[l].readers[i], deadline_ns);
        }
    }
}

/* Standing still. */

static void park_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)udp, (void)deadline_ns;
    reader->parking = udp_thread_park(reader->thread);
}

static void await_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    udp->all_stand = parking_await(reader->parking, deadline_ns) && udp->all_stand;
}

static void let_reader_go(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)udp, (void)deadline_ns;
    parking_let_go(reader->parking);
}

static void front_resume(struct front_end *front)
{
    for_each_reader((struct udp *)front, let_reader_go, 0);
}

static bool front_pause(struct front_end *front, int64_t deadline_ns, int64_t *since_ns)
{
    struct udp *udp = (struct udp *)front;
    udp->all_stand = true;
    *since_ns = clock_monotonic_ns();
    for_each_reader(udp, park_reader, 0);
    for_each_reader(udp, await_reader, deadline_ns);
    if (!udp->all_stand) {
        front_resume(front);
    }
    return udp->all_stand;
}

static void bound_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)deadline_ns;
    udp_thread_bound(reader->thread, udp->config.options->max_decompressed_bytes, udp->config.max_ratio);
}

void udp_refresh(struct udp *udp, uint64_t max_ratio, const struct access *access, struct limits *rates,
                 struct udp_rules **rules)
{
    struct udp_rules *old = udp->shared.rules;
    udp->shared.rules = *rules;
    *rules = old;
    udp->shared.gatekeeper.access = access;
    udp->shared.gatekeeper.rates = rates;
    udp->config.max_ratio = max_ratio;
    for_each_reader(udp, bound_reader, 0);
}

/* Ending. */

static void close_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)udp, (void)deadline_ns;
    if (reader->thread != NULL) {
        udp_thread_close(reader->thread);
    }
}

static void stop_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)udp;
    if (reader->thread != NULL) {
        udp_thread_stop(reader->thread, deadline_ns);
    }
}

static void close_socket(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)deadline_ns;
    pthread_mutex_lock(&udp->mutex);
    if (reader->fd >= 0) {
        close(reader->fd);
        reader->fd = -1;
    }
    pthread_mutex_unlock(&udp->mutex);
}

static void free_reader(struct udp *udp, struct reader *reader, int64_t deadline_ns)
{
    (void)udp, (void)deadline_ns;
    if (reader->thread != NULL) {
        udp_thread_free(reader->thread);
    }
}

static void front_close(struct front_end *front)
{
    for_each_reader((struct udp *)front, close_reader, 0);
}

static void front_stop(struct front_end *front, int64_t deadline_ns)
{
    struct udp *udp = (struct udp *)front;
    for_each_reader(udp, stop_reader, deadline_ns);
    update_metrics(udp); /* while there are sockets to ask */
    for_each_reader(udp, close_socket, 0);
}

static void front_free(struct front_end *front)
{
    struct udp *udp = (struct udp *)front;
    for_each_reader(udp, free_reader, 0);
    for (size_t i = 0; i < udp->listener_count; i++) {
        free(udp->listeners[i].readers);
    }
    free(udp->listeners);
    udp_rules_free(udp->shared.rules);
    pthread_mutex_destroy(&udp->mutex);
    free(udp);
}

static const struct front_end_ops ops = { .threads = "a UDP thread",
                                          .turn_ns = front_turn_ns,
                                          .pause = front_pause,
                                          .resume = front_resume,
                                          .close = front_close,
                                          .stop = front_stop,
                                          .free = front_free };

struct udp *udp_start(const struct udp_config *config, struct buf *problem)
{
    struct udp *udp = calloc(1, sizeof *udp);
    if (udp == NULL) {
        buf_append_string(problem, OUT_OF_MEMORY);
        return NULL;
    }
    udp->front.ops = &ops;
    udp->config = *config;
    udp->shared.gatekeeper =
        (struct gatekeeper){ .pipeline = config->pipeline, .access = config->access, .rates = config->rates };
    pthread_mutex_init(&udp->mutex, NULL);
    if (!open_all(udp, problem)) {
        front_stop(&udp->front, 0);
        front_free(&udp->front);
        return NULL;
    }
    metrics_on_scrape(config->metrics, update_metrics, udp);
    return udp;
}

struct front_end *udp_front(struct udp *udp)
{
    return &udp->front;
}

void udp_addresses(const struct udp *udp, struct buf *out)
{
    for (size_t i = 0; i < udp->listener_count; i++) {
        const char *listen = udp->listeners[i].options->listen;
        int host_length = (int)(strrchr(listen, ':') - listen);
        buf_printf(out, "%s%.*s:%d", i == 0 ? "" : ",", host_length, listen, udp->listeners[i].port);
    }
    if (udp->listener_count == 0) {
        buf_append_string(out, "off");
    }
}
