/* Turns a configuration into a running gateway, and back. Read top to bottom, this is the whole program:
 *
 *   streams ── compiled schemas, read by every thread
 *   access ─── who may come in: the keys, compiled            (proto/)
 *   folder ─── the data folder, locked for this process       (base/)
 *   store ──── where batches go and queries are answered      (store/)
 *   pipeline ─ parse, validate, dedup, journal, batch, write  (pipeline/)
 *   rejects ── what was refused, kept and sent again       (rejects/)
 *   query ──── the read API, and SQL for people               (query/)
 *   server ─── HTTP in, replies and pages out                 (proto/)
 *   udp ────── datagrams in                                   (proto/)
 *
 * Each is built on the ones before it, and stopped in reverse. What takes time to start comes last, and ends first: the
 * ports are open while the journal is read, and while the engine stops, so that clients are refused by nobody for longer
 * than one process needs to follow the other. */
#include "gateway_private.h"

#include "gateway_lookups.h"
#include "gateway_metrics.h"
#include "gateway_rejects.h"
#include "gateway_streams.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "base/status.h"
#include "base/system/crash_point.h"
#include "base/version.h"
#include "pipeline/pipeline.h"
#include "proto/live/live.h"
#include "query/lookup_refresh.h"
#include "query/query.h"
#include "query/sql_service.h"
#include "stop_time.h"
#include "store/store.h"

#include <stdlib.h>
#include <time.h>

static bool start_streams(struct gateway *g, struct buf *problem)
{
    g->streams = gateway_streams_compile(g->config, problem);
    return g->streams != NULL;
}

static bool start_access(struct gateway *g, struct buf *problem)
{
    return gateway_access_new(g->config, g->streams, &g->access, problem);
}

static bool start_board(struct gateway *g, struct buf *problem)
{
    g->board = status_board_new();
    if (g->board == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    g->status = status_add(g->board, "gateway");
    return true;
}

static bool start_folder(struct gateway *g, struct buf *problem)
{
    return data_folder_take(&g->folder, g->config->journal.data, true, problem);
}

static bool start_store(struct gateway *g, struct buf *problem)
{
    const struct journal_options *journal = &g->config->journal;
    g->store = store_new(&g->config->store, g->folder.path, journal->durability == DURABILITY_FSYNC, problem);
    return g->store != NULL;
}

static bool start_metrics(struct gateway *g, struct buf *problem)
{
    g->metrics = gateway_metrics_new(g->streams, g->config->stream_count, &g->config->udp, g->config->lookups,
                                     g->config->lookup_count, g->store, g->access, gateway_routes_room(g->config));
    if (g->metrics == NULL) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    const struct gateway_gauges gauges = {
        .metrics = g->metrics,
        .board = g->board,
        .folder = g->folder.path,
        .pipeline = &g->pipeline,
        .journal = &g->live.journal,
        .commit = &g->live.commit,
        .dedup = &g->live.dedup,
        .limits = &g->live.limits,
        .websocket = &g->live.websocket,
        .streams = g->streams,
        .stream_count = g->config->stream_count,
    };
    g->gauges = gateway_gauges_start(&gauges);
    if (g->gauges == NULL || !gateway_reload_init(g)) {
        buf_append_string(problem, "out of memory");
        return false;
    }
    return true;
}

static bool start_lookups(struct gateway *g, struct buf *problem)
{
    const struct lookups_parts parts = { g->store, g->metrics, g->board, &g->pipeline };
    g->lookups = gateway_lookups_new(g->config, g->streams, &parts, problem);
    return g->lookups != NULL;
}

/* Commit thread. */
static void note_committed(void *context, const struct chunk *chunk, const uint64_t *keep)
{
    struct gateway *g = context;
    if (g->start->lookup_count != 0) {
        lookups_note_committed(g->lookups, chunk, keep);
    }
    live_note_committed(g->pages.live, chunk, keep);
}

static bool start_pipeline(struct gateway *g, struct buf *problem)
{
    struct pipeline_config config = {
        .journal = &g->config->journal,
        .commit = &g->config->commit,
        .dedup = &g->config->dedup,
        .writer = &g->config->writer,
        .store_options = &g->config->store,
        .setup = g->config->setup,
        .setup_count = g->config->setup_count,
        .max_events = g->config->http.max_events,
        .streams = g->streams,
        .stream_count = g->config->stream_count,
        .store = g->store,
        .metrics = g->metrics,
        .board = g->board,
        .committed = note_committed,
        .committed_context = g,
    };
    g->pipeline = pipeline_new(&config, problem);
    return g->pipeline != NULL;
}

static bool start_query(struct gateway *g, struct buf *problem)
{
    struct query_service_config config = gateway_query_config(g->config, g->streams);
    config.store = g->store;
    config.metrics = g->metrics;
    g->query = query_new(&config, problem);
    return g->query != NULL;
}

static bool start_pages(struct gateway *g, struct buf *problem)
{
    size_t query_count;
    const struct page *queries = query_pages(g->query, &query_count);
    const struct pages_source source = {
        .metrics = g->metrics,
        .board = g->board,
        .pipeline = g->pipeline,
        .version = SLUICE_VERSION,
        .started_wall_ns = clock_wall_ns(),
        .streams = g->streams,
        .stream_count = g->config->stream_count,
        .event_metrics = &queries[0],
    };
    const struct gateway_pages_parts parts = { &source, queries, query_count, g->lookups, g->access };
    if (!gateway_pages_start(&g->pages, g->config, &parts, problem)) {
        return false;
    }
    pipeline_add_refusal_sink(g->pipeline, live_refusal_sink(g->pages.live));
    return true;
}

static bool start_routes(struct gateway *g, struct buf *problem)
{
    if (!gateway_routes_compile(&g->routes, g->config, g->streams, g->pages.items, g->pages.count, problem)) {
        return false;
    }
    gateway_routes_count_in(&g->routes, g->metrics);
    return true;
}

static bool start_limits(struct gateway *g, struct buf *problem)
{
    const struct config *config = g->config;
    return gateway_limits_start(&g->limits, &config->limits, config->keys, config->key_count, g->metrics,
                                config->limits.shared ? &config->dedup : NULL, problem);
}

static bool start_doors(struct gateway *g, struct buf *problem)
{
    const struct gateway_doors_parts parts = {
        .config = g->config,
        .http = &g->config->http,
        .websocket = &g->config->websocket,
        .udp = &g->config->udp,
        .server_count = g->store->server_count,
        .pipeline = g->pipeline,
        .metrics = g->metrics,
        .rates = gateway_limits_rates(&g->limits),
        .board = g->board,
        .routes = &g->routes.list,
        .access = g->access,
    };
    return gateway_doors_start(&g->doors, &parts, problem);
}

/* What takes no time: clients can connect from here on. */
static bool start_parts(struct gateway *g, struct buf *problem)
{
    return crash_points_arm(getenv("SLUICE_CRASH_POINT"), problem) && start_streams(g, problem) &&
           start_access(g, problem) && start_board(g, problem) && start_folder(g, problem) && start_store(g, problem) &&
           start_metrics(g, problem) && start_lookups(g, problem) && start_pipeline(g, problem) &&
           gateway_rejects_start(g, problem) && start_query(g, problem) && start_pages(g, problem) &&
           start_routes(g, problem) && start_limits(g, problem) && start_doors(g, problem);
}

/* Events do not depend on it. */
static void start_sql(struct gateway *g)
{
    struct buf problem = { 0 };
    g->sql = sql_service_start(g->store, g->folder.path, &problem);
    if (problem.len != 0) {
        LOG(LOG_WARN, "sql cannot be asked", "`sluice sql` has to wait for this gateway's end: %s",
            buf_c_string(&problem));
    }
    buf_release(&problem);
}

static void stop_sql(struct gateway *g)
{
    sql_service_stop(g->sql);
    g->sql = NULL;
}

/* What may take time: the disk syncs, the engine starts, the journal is read, the tables are looked at. */
static bool open_parts(struct gateway *g, struct buf *problem)
{
    return data_folder_sync(&g->folder, problem) && store_open(g->store, problem) &&
           pipeline_open(g->pipeline, problem) && query_start(g->query, problem) && lookups_start(g->lookups, problem);
}

static void free_store(struct gateway *g)
{
    if (g->store != NULL) {
        g->store->ops->free(g->store);
        g->store = NULL;
    }
}

/* What was started, in reverse, but for *g; query and front ends have stopped already. */
static void free_all(struct gateway *g)
{
    gateway_rejects_stop(g);
    if (g->pipeline != NULL) {
        pipeline_stop(g->pipeline);
    }
    gateway_rejects_free(g);
    g->pipeline = NULL;
    gateway_doors_free(&g->doors);
    query_free(g->query);
    lookups_free(g->lookups);
    gateway_routes_release(&g->routes);
    gateway_pages_free(&g->pages);
    gateway_limits_release(&g->limits);
    metrics_free(g->metrics);
    free(g->gauges);
    free_store(g);
    data_folder_release(&g->folder);
    status_board_free(g->board);
    gateway_access_free(g->access);
    gateway_streams_free(g->streams, g->config->stream_count);
    gateway_reload_release(g);
}

void gateway_free(struct gateway *g)
{
    pthread_mutex_destroy(&g->ending);
    free(g);
}

/* Nobody was let in, but for what the fronts answered 503. */
static void abandon_start(struct gateway *g)
{
    if (g->pipeline != NULL) {
        pipeline_give_up(g->pipeline);
    }
    if (g->query != NULL) {
        query_stop(g->query);
    }
    if (g->lookups != NULL) {
        lookups_stop(g->lookups);
    }
    gateway_pages_stop(&g->pages);
    gateway_doors_stop(&g->doors, 0);
    free_all(g);
    gateway_free(g);
}

struct gateway *gateway_start(const struct config *config, struct buf *problem)
{
    struct gateway *g = calloc(1, sizeof *g);
    if (g == NULL) {
        buf_append_string(problem, "out of memory");
        return NULL;
    }
    g->start = config;
    g->live = *config;
    g->config = &g->live;
    pthread_mutex_init(&g->ending, NULL);
    if (!start_parts(g, problem) || !open_parts(g, problem)) {
        abandon_start(g);
        return NULL;
    }
    start_sql(g);
    status_set(g->status, STATUS_OK, "accepting events");
    return g;
}

const char *gateway_address(const struct gateway *g, unsigned serves, int *port, bool *secure)
{
    return gateway_doors_address(&g->doors, serves, port, secure);
}

void gateway_http_addresses(const struct gateway *g, struct buf *out)
{
    gateway_doors_addresses(&g->doors, out);
}

void gateway_udp_addresses(const struct gateway *g, struct buf *out)
{
    gateway_doors_udp_addresses(&g->doors, out);
}

void gateway_store_names(const struct gateway *g, struct buf *out)
{
    buf_append_string(out, g->store->ops->name);
    for (size_t i = 0; !g->store->in_process && i < g->store->server_count; i++) {
        buf_printf(out, "%s%s%s", i == 0 ? "(" : ",", g->store->server_names[i],
                   i + 1 == g->store->server_count ? ")" : "");
    }
}

const struct config *gateway_config(const struct gateway *g)
{
    return g->config;
}

const char *gateway_data_folder(const struct gateway *g)
{
    return g->folder.path;
}

void gateway_tick(struct gateway *g)
{
    pipeline_tick(g->pipeline);
    gateway_rejects_tick(g);
    gateway_doors_tick(&g->doors);
}

const char *gateway_stuck(const struct gateway *g, int64_t limit_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    if (pipeline_turn_ns(g->pipeline, now_ns) >= limit_ns) {
        return "the commit thread";
    }
    return gateway_doors_stuck(&g->doors, now_ns, limit_ns);
}

int64_t gateway_longest_stop_ns(const struct gateway *g)
{
    const struct config *config = g->config;
    const struct stop_options options = { &config->drain, &config->journal, &config->dedup,
                                          &config->query, config->queries,  config->query_count };
    return stop_time_longest_ns(&options);
}

static void sleep_ns(int64_t duration_ns)
{
    struct timespec left = { .tv_sec = (time_t)(duration_ns / NS_PER_SECOND),
                             .tv_nsec = (long)(duration_ns % NS_PER_SECOND) };
    nanosleep(&left, NULL);
}

uint64_t gateway_waiting(struct gateway *g)
{
    pthread_mutex_lock(&g->ending);
    uint64_t waiting = g->drained ? g->left : pipeline_waiting(g->pipeline);
    pthread_mutex_unlock(&g->ending);
    return waiting;
}

/* Nobody is let in any more; what had come in is committed. */
static void close_pipeline(struct gateway *g)
{
    pipeline_close(g->pipeline);
    pthread_mutex_lock(&g->ending);
    g->left = pipeline_waiting(g->pipeline);
    g->drained = true;
    pthread_mutex_unlock(&g->ending);
}

static void drain(struct gateway *g)
{
    pipeline_drain(g->pipeline, clock_monotonic_ns() + g->config->drain.timeout_ns);
}

static void halt_delivery(struct gateway *g)
{
    pipeline_halt_delivery(g->pipeline, clock_monotonic_ns() + STOP_GRACE_NS);
}

/* Whatever depends on the store may take its time: events are still accepted, and the journal keeps them. One in memory
 * does not: what came during the drain is stored once nobody is let in any more. */
static void end_parts(struct gateway *g)
{
    bool keeps = g->config->journal.durability != DURABILITY_MEMORY;
    drain(g);
    if (keeps) {
        halt_delivery(g);
    }
    stop_sql(g);
    query_stop(g->query);
    lookups_stop(g->lookups);
    gateway_pages_stop(&g->pages);
    if (keeps) {
        free_store(g);
    }
    gateway_doors_close(&g->doors);
    gateway_doors_stop(&g->doors, clock_monotonic_ns() + STOP_REPLIES_NS);
    if (!keeps) {
        drain(g);
        halt_delivery(g);
    }
}

bool gateway_stop(struct gateway *g)
{
    status_set(g->status, STATUS_DOWN, "draining");
    sleep_ns(g->config->drain.delay_ns); /* load balancers notice /readyz; events are still accepted */
    end_parts(g);
    close_pipeline(g);
    free_all(g);
    return g->left == 0;
}
