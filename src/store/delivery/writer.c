/* Turns sealed segments into rows of their tables, on threads of its own. */
#include "store/delivery/writer_private.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "config/options/store_options.h"
#include "config/options/stream_options.h"
#include "config/options/writer_options.h"
#include "event/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A table that was there once is not made anew when it is gone: that is an operator's decision. */
static enum table_missing what_if_missing(const struct writer *writer, const struct lane *lane)
{
    if (!writer->config.store_options->create_table || !lane->stream->options->create_table) {
        return TABLE_TELL;
    }
    return lane->was_ready ? TABLE_WAS_THERE : TABLE_CREATE;
}

static void run_job(struct worker *worker, const struct job *job)
{
    struct store_reply reply;
    struct store_features features;
    struct buf problem = { 0 };
    enum table_verdict verdict;
    switch (job->kind) {
    case JOB_PROBE: attempt_probe(worker, job->server, &features, &reply); break;
    case JOB_CHECK: attempt_check(worker, job, what_if_missing(worker->writer, job->lane), &problem, &verdict); break;
    case JOB_DELIVER: attempt_deliver(worker, job); break;
    case JOB_NONE: break;
    }
    buf_release(&problem);
}

static void work(void *argument)
{
    struct worker *worker = argument;
    struct writer *writer = worker->writer;
    struct job job;
    wakeup_lock(&writer->wakeup);
    while (!writer->stopping) {
        int64_t wake_ns = queue_take(writer, clock_monotonic_ns(), &job);
        if (job.kind == JOB_NONE) {
            wakeup_wait(&writer->wakeup, wake_ns);
            continue;
        }
        wakeup_unlock(&writer->wakeup);
        run_job(worker, &job);
        wakeup_lock(&writer->wakeup);
        wakeup_all(&writer->wakeup);
    }
    wakeup_unlock(&writer->wakeup);
}

static bool init_lanes(struct writer *writer)
{
    const struct writer_config *config = &writer->config;
    for (size_t i = 0; i < writer->lane_count; i++) {
        struct lane *lane = &writer->lanes[i];
        lane->group_rows = UINT64_MAX;
        lane->tables = calloc(writer->server_count, sizeof *lane->tables);
        if (lane->tables == NULL) {
            return false;
        }
        if (i == config->stream_count) {
            lane->label = metrics_no_stream(config->metrics);
            for (size_t server = 0; server < writer->server_count; server++) {
                lane->tables[server].ready = true;
            }
            continue;
        }
        char name[64];
        lane->stream = config->streams[i];
        lane->label = lane->stream->index;
        snprintf(name, sizeof name, "stream:%s", lane->stream->name);
        lane->part = status_add(config->board, name);
    }
    return true;
}

static void init_servers(struct writer *writer)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "store:%s", writer->config.store->server_names[i]);
        writer->servers[i].part = status_add(writer->config.board, name);
    }
}

static bool init_workers(struct writer *writer)
{
    const struct writer_config *config = &writer->config;
    uint64_t seed = (uint64_t)clock_wall_ns() | 1;
    for (size_t i = 0; i < writer->worker_count; i++) {
        struct worker *worker = &writer->workers[i];
        worker->writer = writer;
        worker->random = seed + 2 * i;
        worker->session = config->store->ops->session_new(config->store);
        worker->cells = metrics_thread(config->metrics);
        if (worker->session == NULL || worker->cells == NULL) {
            return false;
        }
    }
    return true;
}

static struct writer *allocate(const struct writer_config *config)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return NULL;
    }
    wakeup_init(&writer->wakeup);
    writer->config = *config;
    writer_change_waits(writer, config->options);
    writer->lane_count = config->stream_count + 1;
    writer->server_count = config->store->server_count;
    writer->worker_count = (size_t)config->options->threads;
    writer->lanes = calloc(writer->lane_count, sizeof *writer->lanes);
    writer->servers = calloc(writer->server_count, sizeof *writer->servers);
    writer->workers = calloc(writer->worker_count, sizeof *writer->workers);
    writer->cells = metrics_thread(config->metrics);
    if (writer->lanes == NULL || writer->servers == NULL || writer->workers == NULL || writer->cells == NULL ||
        !init_lanes(writer) || !init_workers(writer) || !setup_init(writer)) {
        writer_stop(writer);
        return NULL;
    }
    init_servers(writer);
    return writer;
}

/* Every stream's table on one server that answers. False if one is unfit. */
static bool check_tables(struct writer *writer, size_t server, struct buf *problem)
{
    struct worker *worker = &writer->workers[0];
    for (size_t i = 0; i < writer->config.stream_count; i++) {
        struct lane *lane = &writer->lanes[i];
        struct job job = { .kind = JOB_CHECK, .server = server, .lane = lane };
        struct buf detail = { 0 };
        enum table_verdict verdict;
        lane->busy++;
        attempt_check(worker, &job, what_if_missing(writer, lane), &detail, &verdict);
        if (verdict == TABLE_UNFIT) {
            buf_printf(problem, "stream %s: table %s on %s does not fit:\n", lane->stream->name, lane->stream->table,
                       writer->config.store->server_names[server]);
            buf_append_slice(problem, buf_slice(&detail));
        }
        buf_release(&detail);
        if (verdict == TABLE_UNFIT) {
            return false;
        }
    }
    return true;
}

#define CHECK_PATIENCE_NS (2 * NS_PER_SECOND)

struct check {
    struct writer *writer;
    struct buf *problem;
    bool fit;
    bool over; /* under the writer's lock */
};

static void run_check(void *argument)
{
    struct check *check = argument;
    check->fit = true;
    for (size_t server = 0; check->fit && server < check->writer->server_count; server++) {
        struct store_reply reply;
        struct store_features features;
        attempt_probe(&check->writer->workers[0], server, &features, &reply);
        if (reply.outcome != STORE_DONE) {
            continue;
        }
        check->fit = check_tables(check->writer, server, check->problem);
        attempt_probe(&check->writer->workers[0], server, &features,
                      &reply); /* what the check taught goes on the board */
    }
    wakeup_lock(&check->writer->wakeup);
    check->over = true;
    wakeup_all(&check->writer->wakeup);
    wakeup_unlock(&check->writer->wakeup);
}

/* In the background, for the embedded engine starts threads when it is first used. Clients wait for it: a server that
 * takes long for its answers counts as one that gives none. */
static bool check_store(struct writer *writer, struct buf *problem)
{
    int64_t deadline_ns = clock_monotonic_ns() + CHECK_PATIENCE_NS;
    struct check check = { .writer = writer, .problem = problem };
    struct thread thread = { 0 };
    if (thread_start_background(&thread, "store-check", run_check, &check) != OK) {
        buf_append_string(problem, "writers: the system refuses more threads");
        return false;
    }
    wakeup_lock(&writer->wakeup);
    while (!check.over && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&writer->wakeup, deadline_ns);
    }
    wakeup_unlock(&writer->wakeup);
    atomic_store(&writer->config.store->hurried, true);
    thread_join(&thread);
    atomic_store(&writer->config.store->hurried, false);
    return check.fit;
}

static bool start_threads(struct writer *writer)
{
    for (size_t i = 0; i < writer->worker_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "writer-%u", (unsigned)(i % 1000));
        if (thread_start_background(&writer->workers[i].thread, name, work, &writer->workers[i]) != OK) {
            return false;
        }
    }
    return true;
}

struct writer *writer_start(const struct writer_config *config, struct buf *problem)
{
    struct writer *writer = allocate(config);
    if (writer == NULL) {
        buf_append_string(problem, "writers: out of memory");
        return NULL;
    }
    if (!check_store(writer, problem)) {
        writer_stop(writer);
        return NULL;
    }
    if (!start_threads(writer)) {
        buf_append_string(problem, "writers: a thread could not be started (check the limit of processes)");
        writer_stop(writer);
        return NULL;
    }
    return writer;
}

void writer_submit(struct writer *writer, struct segment *segment)
{
    wakeup_lock(&writer->wakeup);
    if (!queue_add(writer, segment, clock_monotonic_ns())) {
        segment->next = writer->incoming;
        writer->incoming = segment;
    }
    wakeup_all(&writer->wakeup); /* one alone might be writer_drain */
    wakeup_unlock(&writer->wakeup);
}

bool writer_drain(struct writer *writer, int64_t deadline_ns)
{
    int64_t since_wall_ns = clock_wall_ns();
    wakeup_lock(&writer->wakeup);
    while (!queue_is_drained(writer, since_wall_ns) && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&writer->wakeup, deadline_ns);
    }
    bool nothing_left = writer->incoming == NULL;
    for (size_t i = 0; i < writer->lane_count; i++) {
        nothing_left = nothing_left && writer->lanes[i].count == 0;
    }
    wakeup_unlock(&writer->wakeup);
    return nothing_left;
}

static bool is_working(const struct writer *writer)
{
    bool working = false;
    for (size_t i = 0; writer->lanes != NULL && i < writer->lane_count; i++) {
        working = working || writer->lanes[i].busy != 0;
    }
    for (size_t i = 0; writer->servers != NULL && i < writer->server_count; i++) {
        working = working || writer->servers[i].probing;
    }
    return working;
}

void writer_halt(struct writer *writer, int64_t deadline_ns)
{
    wakeup_lock(&writer->wakeup);
    writer->stopping = true;
    wakeup_all(&writer->wakeup);
    while (is_working(writer) && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&writer->wakeup, deadline_ns);
    }
    wakeup_unlock(&writer->wakeup);
    atomic_store(&writer->config.store->hurried, true);
    for (size_t i = 0; writer->workers != NULL && i < writer->worker_count; i++) {
        struct worker *worker = &writer->workers[i];
        thread_join(&worker->thread);
        if (worker->session != NULL) {
            writer->config.store->ops->session_free(worker->session);
        }
        worker->session = NULL;
        buf_release(&worker->bytes);
    }
    writer->halted = true;
}

static void free_list(struct segment *first)
{
    while (first != NULL) {
        struct segment *segment = first;
        first = segment->next;
        segment_free(segment);
    }
}

static void free_lane(struct writer *writer, struct lane *lane)
{
    while (lane->first != NULL) {
        struct segment *segment = lane->first->segment;
        queue_remove(writer, lane, lane->first);
        free_list(segment);
    }
    free(lane->tables);
}

static void free_segments(struct writer *writer)
{
    for (size_t i = 0; writer->lanes != NULL && i < writer->lane_count; i++) {
        free_lane(writer, &writer->lanes[i]);
    }
    free_list(writer->incoming);
}

void writer_stop(struct writer *writer)
{
    if (!writer->halted) {
        writer_halt(writer, INT64_MAX);
    }
    free_segments(writer);
    setup_release(writer);
    free(writer->lanes);
    free(writer->servers);
    free(writer->workers);
    wakeup_release(&writer->wakeup);
    free(writer);
}

int64_t writer_oldest_ns(struct writer *writer, size_t stream_index)
{
    wakeup_lock(&writer->wakeup);
    struct lane *lane = &writer->lanes[stream_index < writer->lane_count ? stream_index : writer->lane_count - 1];
    int64_t oldest = queue_oldest_ns(lane);
    for (const struct segment *segment = writer->incoming; segment != NULL; segment = segment->next) {
        bool same = segment->stream_index == stream_index;
        oldest = same && segment->first_ns < oldest ? segment->first_ns : oldest;
    }
    wakeup_unlock(&writer->wakeup);
    return oldest;
}
