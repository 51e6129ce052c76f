/* Turns a configuration into running threads between pipeline_submit and the store, and back into rest. */
#include "base/log.h"
#include "pipeline/pipeline_private.h"

#include "base/clock.h"
#include "base/metrics/metrics.h"
#include "config/options/journal_options.h"
#include "event/column.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/commit/commit.h"
#include "pipeline/dedup/dedup.h"
#include "pipeline/journal/dead_letters.h"
#include "pipeline/journal/journal.h"
#include "pipeline/validate/validate_plan.h"

#include <stdlib.h>

static const struct stream *const *const_streams(const struct pipeline_config *config)
{
    return (const struct stream *const *)config->streams;
}

static void submit_to_store(void *context, struct segment *segment)
{
    struct pipeline *pipeline = context;
    writer_submit(pipeline->writer, segment);
}

static void submit_segment(void *context, struct segment *segment)
{
    struct pipeline *pipeline = context;
    destinations_submit(&pipeline->destinations, segment);
}

/* Rule 5 of the journal: before anybody can send the same events again. */
static bool remember_recovered(struct pipeline *pipeline, const struct segment *recovered, struct buf *problem)
{
    for (const struct segment *segment = recovered; segment != NULL; segment = segment->next) {
        enum error error = settlement_remember_recovered(&pipeline->settlement, segment, clock_wall_ns());
        if (error == ERROR_OUT_OF_MEMORY) {
            buf_printf(problem, "dedup: the ids of the recovered segment %s cannot be read: out of memory",
                       segment->name);
            return false;
        }
        if (error != OK) {
            LOG(LOG_WARN, "ids of a recovered segment not read", "segment=%s", segment->name);
        }
    }
    enum error error = pipeline->dedup->ops->sync(pipeline->dedup);
    if (error != OK && error != ERROR_DISK_FULL) { /* only delivering makes room, see settlement.c */
        buf_printf(problem, "dedup: the ids of recovered events cannot be written below %s",
                   journal_folder(pipeline->journal));
        return false;
    }
    return true;
}

static bool open_storage(struct pipeline *pipeline, struct segment **recovered, struct buf *problem)
{
    const struct pipeline_config *config = &pipeline->config;
    struct journal_config journal_config = {
        .options = config->journal,
        .streams = const_streams(config),
        .stream_count = config->stream_count,
        .metrics = config->metrics,
        .board = config->board,
    };
    pipeline->journal = journal_open(&journal_config, recovered, problem);
    if (pipeline->journal == NULL) {
        return false;
    }
    const char *folder = journal_folder(pipeline->journal);
    struct dedup_config dedup_config = {
        .options = config->dedup,
        .folder = folder,
        .durability = config->journal->durability,
        .streams = const_streams(config),
        .stream_count = config->stream_count,
        .metrics = config->metrics,
        .board = config->board,
    };
    pipeline->dedup = dedup_new(&dedup_config, clock_wall_ns(), problem);
    if (pipeline->dedup == NULL) {
        return false;
    }
    pipeline->letters = dead_letters_open(folder, config->journal->max_dead_letter_bytes, config->metrics, problem);
    if (pipeline->letters == NULL) {
        return false;
    }
    dead_letters_tell(pipeline->letters, config->board, const_streams(config), config->stream_count);
    return true;
}

static bool make_settlement(struct pipeline *pipeline)
{
    pipeline->settlement.streams = (struct settlement_streams){ (const struct stream *const *)pipeline->config.streams,
                                                                pipeline->config.stream_count };
    pipeline->settlement.journal = pipeline->journal;
    pipeline->settlement.dedup = pipeline->dedup;
    pipeline->settlement.letters = pipeline->letters;
    pipeline->settlement.queue = &pipeline->queue;
    pipeline->settlement.room = &pipeline->room;
    return settlement_init(&pipeline->settlement, pipeline->config.metrics);
}

static bool make_commit(struct pipeline *pipeline)
{
    const struct pipeline_config *config = &pipeline->config;
    struct commit_config commit_config = {
        .streams = config->streams,
        .stream_count = config->stream_count,
        .journal = pipeline->journal,
        .dedup = pipeline->dedup,
        .dedup_options = config->dedup,
        .queue = &pipeline->queue,
        .room = &pipeline->room,
        .metrics = config->metrics,
        .board = config->board,
        .committed = config->committed,
        .committed_context = config->committed_context,
        .folder = journal_folder(pipeline->journal),
        .submit = submit_segment,
        .context = pipeline,
    };
    pipeline->commit = commit_new(&commit_config);
    return pipeline->commit != NULL;
}

static bool start_writer(struct pipeline *pipeline, struct buf *problem)
{
    const struct pipeline_config *config = &pipeline->config;
    struct writer_config writer_config = {
        .options = config->writer,
        .store_options = config->store_options,
        .setup = config->setup,
        .setup_count = config->setup_count,
        .store = config->store,
        .streams = const_streams(config),
        .stream_count = config->stream_count,
        .fsync = config->journal->durability == DURABILITY_FSYNC,
        .metrics = config->metrics,
        .board = config->board,
        .owner = settlement_callbacks(&pipeline->settlement),
    };
    pipeline->writer = writer_start(&writer_config, problem);
    destinations_add(&pipeline->destinations, (struct destination){ NULL, submit_to_store, pipeline });
    return pipeline->writer != NULL;
}

int64_t pipeline_oldest_ns(struct pipeline *pipeline, size_t stream_index)
{
    int64_t opened_ns = commit_opened_ns(pipeline->commit, stream_index);
    int64_t waiting_ns = writer_oldest_ns(pipeline->writer, stream_index);
    int64_t open_wall_ns = opened_ns == INT64_MAX ? INT64_MAX : clock_wall_ns() - (clock_monotonic_ns() - opened_ns);
    return open_wall_ns < waiting_ns ? open_wall_ns : waiting_ns;
}

/* Of the older of the two: what is open, what waits for the store. */
static double oldest_age_seconds(struct pipeline *pipeline, size_t stream_index)
{
    int64_t opened_ns = commit_opened_ns(pipeline->commit, stream_index);
    int64_t waiting_ns = writer_oldest_ns(pipeline->writer, stream_index);
    int64_t open_age_ns = opened_ns == INT64_MAX ? 0 : clock_monotonic_ns() - opened_ns;
    int64_t waiting_age_ns = waiting_ns == INT64_MAX ? 0 : clock_wall_ns() - waiting_ns;
    int64_t age_ns = open_age_ns > waiting_age_ns ? open_age_ns : waiting_age_ns;
    return age_ns < 0 ? 0 : (double)age_ns / (double)NS_PER_SECOND;
}

static void update_gauges(void *context)
{
    struct pipeline *pipeline = context;
    struct metrics *metrics = pipeline->config.metrics;
    for (size_t i = 0; i < pipeline->config.stream_count; i++) {
        metric_set(metrics, METRIC_OLDEST_EVENT_AGE, i, oldest_age_seconds(pipeline, i));
    }
    metric_set(metrics, METRIC_QUEUE_EVENTS, 0,
               (double)atomic_load_explicit(&pipeline->queue.events, memory_order_relaxed));
    metric_set(metrics, METRIC_QUEUE_BYTES, 0,
               (double)atomic_load_explicit(&pipeline->queue.bytes, memory_order_relaxed));
}

static void submit_recovered(struct pipeline *pipeline, struct segment **recovered)
{
    while (*recovered != NULL) {
        struct segment *segment = *recovered;
        *recovered = segment->next;
        segment->next = NULL;
        destinations_submit(&pipeline->destinations, segment);
    }
}

static bool open_all(struct pipeline *pipeline, struct segment **recovered, struct buf *problem)
{
    if (!open_storage(pipeline, recovered, problem)) {
        return false;
    }
    pipeline->tick_cells = metrics_thread(pipeline->config.metrics);
    if (pipeline->tick_cells == NULL || !make_settlement(pipeline) || !make_commit(pipeline)) {
        buf_append_string(problem, "pipeline: out of memory");
        return false;
    }
    if (!remember_recovered(pipeline, *recovered, problem) || !start_writer(pipeline, problem)) {
        return false;
    }
    submit_recovered(pipeline, recovered);
    commit_check(pipeline->commit);
    if (commit_thread_start(&pipeline->commit_thread, pipeline->commit, &pipeline->queue) != OK) {
        buf_append_string(problem, "pipeline: the commit thread cannot be started");
        return false;
    }
    metrics_on_scrape(pipeline->config.metrics, update_gauges, pipeline);
    pipeline_tick(pipeline);
    return true;
}

struct pipeline *pipeline_new(const struct pipeline_config *config, struct buf *problem)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    struct validate_plans *plans = validate_plans_new(config->streams, config->stream_count);
    if (pipeline == NULL || plans == NULL) {
        buf_append_string(problem, "pipeline: out of memory");
        free(pipeline);
        validate_plans_free(plans);
        return NULL;
    }
    pipeline->config = *config;
    pipeline->plans = plans;
    commit_queue_init(&pipeline->queue, config->commit);
    waiting_room_init(&pipeline->room);
    destinations_init(&pipeline->destinations);
    refusals_init(&pipeline->refusals);
    wakeup_init(&pipeline->opening);
    pipeline->awaited = true;
    return pipeline;
}

void pipeline_add_refusal_sink(struct pipeline *pipeline, const struct refusal_sink *sink)
{
    refusals_add_sink(&pipeline->refusals, sink);
}

void pipeline_give_up(struct pipeline *pipeline)
{
    wakeup_lock(&pipeline->opening);
    pipeline->awaited = false;
    wakeup_all(&pipeline->opening);
    wakeup_unlock(&pipeline->opening);
}

void pipeline_await(struct pipeline *pipeline, int64_t deadline_ns)
{
    wakeup_lock(&pipeline->opening);
    while (pipeline->awaited && clock_monotonic_ns() < deadline_ns) {
        wakeup_wait(&pipeline->opening, deadline_ns);
    }
    wakeup_unlock(&pipeline->opening);
}

bool pipeline_open(struct pipeline *pipeline, struct buf *problem)
{
    struct segment *recovered = NULL;
    bool open = open_all(pipeline, &recovered, problem);
    while (recovered != NULL) {
        struct segment *segment = recovered;
        recovered = segment->next;
        segment_free(segment);
    }
    atomic_store(&pipeline->open, open);
    pipeline_give_up(pipeline);
    return open;
}

uint64_t pipeline_waiting(const struct pipeline *pipeline)
{
    if (pipeline->journal == NULL) {
        return 0;
    }
    uint64_t events = journal_events(pipeline->journal, SIZE_MAX);
    for (size_t i = 0; i < pipeline->config.stream_count; i++) {
        events += journal_events(pipeline->journal, i);
    }
    return events;
}

bool pipeline_drain(struct pipeline *pipeline, int64_t deadline_ns)
{
    return commit_thread_drain(&pipeline->commit_thread, deadline_ns) && writer_drain(pipeline->writer, deadline_ns) &&
           pipeline_waiting(pipeline) == 0;
}

void pipeline_halt_delivery(struct pipeline *pipeline, int64_t deadline_ns)
{
    writer_halt(pipeline->writer, deadline_ns);
}

void pipeline_close(struct pipeline *pipeline)
{
    if (pipeline->commit_thread.commit != NULL) {
        commit_thread_stop(&pipeline->commit_thread);
        pipeline->commit_thread.commit = NULL;
    }
    refusals_tell(&pipeline->refusals);
}

/* In reverse of open_all; each part may be missing if the start failed. */
void pipeline_stop(struct pipeline *pipeline)
{
    pipeline_close(pipeline);
    if (pipeline->writer != NULL) {
        writer_stop(pipeline->writer);
    }
    pipeline_io_free_all(pipeline);
    validate_plans_free(pipeline->plans);
    commit_free(pipeline->commit);
    if (pipeline->settlement.cells != NULL) {
        settlement_release(&pipeline->settlement);
    }
    if (pipeline->letters != NULL) {
        dead_letters_close(pipeline->letters);
    }
    if (pipeline->dedup != NULL) {
        pipeline->dedup->ops->free(pipeline->dedup);
    }
    if (pipeline->journal != NULL) {
        journal_close(pipeline->journal);
    }
    destinations_release(&pipeline->destinations);
    waiting_room_release(&pipeline->room);
    refusals_release(&pipeline->refusals);
    commit_queue_release(&pipeline->queue);
    wakeup_release(&pipeline->opening);
    free(pipeline);
}

const struct stream *pipeline_present(const struct pipeline *pipeline, const struct stream *stream)
{
    return pipeline->config.streams[stream->index];
}

const struct stream *pipeline_stream(const struct pipeline *pipeline, struct slice name)
{
    for (size_t i = 0; i < pipeline->config.stream_count; i++) {
        const struct stream *stream = pipeline->config.streams[i];
        if (name.len == 0 || slice_equal(name, slice_from_string(stream->name))) {
            return stream;
        }
    }
    return NULL;
}

static bool stream_reads_request(const struct stream *stream)
{
    for (size_t i = 0; i < stream->column_count; i++) {
        switch (stream->columns[i].fill) {
        case FILL_KEY_NAME:
        case FILL_HOST:
        case FILL_REFERER:
        case FILL_ACCEPT_LANGUAGE: return true;
        default: break;
        }
    }
    return stream->has_tenant;
}

bool pipeline_reads_request(const struct pipeline *pipeline)
{
    bool reads = false;
    for (size_t i = 0; i < pipeline->config.stream_count; i++) {
        reads = reads || stream_reads_request(pipeline->config.streams[i]);
    }
    return reads;
}

void pipeline_describe_unknown(const struct pipeline *pipeline, struct slice name, struct buf *out)
{
    stream_describe_unknown(pipeline->config.streams, pipeline->config.stream_count, name, out);
}

enum error pipeline_admits(const struct pipeline *pipeline)
{
    if (!atomic_load_explicit(&pipeline->open, memory_order_acquire)) {
        return ERROR_STARTING;
    }
    return commit_queue_has_room(&pipeline->queue) ? commit_admits(pipeline->commit) : ERROR_QUEUE_FULL;
}

enum error pipeline_admits_stream(const struct pipeline *pipeline, const struct stream *stream)
{
    return atomic_load_explicit(&pipeline->open, memory_order_acquire)
               ? commit_admits_stream(pipeline->commit, stream->index)
               : ERROR_STARTING;
}
