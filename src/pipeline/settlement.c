/* Turns the fate of a segment in the store into remembered ids, removed files, counts and messages. */
#include "pipeline/settlement.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "base/system/crash_point.h"
#include "event/event_id.h"
#include "event/segment/segment.h"
#include "event/stream.h"
#include "pipeline/commit/batch.h"
#include "pipeline/commit/commit_queue.h"
#include "pipeline/commit/waiters.h"
#include "pipeline/dedup/dedup.h"
#include "pipeline/journal/dead_letters.h"
#include "pipeline/journal/journal.h"

#define LATENCY_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

bool settlement_init(struct settlement *settlement, struct metrics *metrics)
{
    pthread_mutex_init(&settlement->mutex, NULL);
    settlement->cells = metrics_thread(metrics);
    settlement->no_stream = metrics_no_stream(metrics);
    return settlement->cells != NULL;
}

void settlement_release(struct settlement *settlement)
{
    pthread_mutex_destroy(&settlement->mutex);
}

static void count(struct settlement *settlement, enum metric metric, size_t stream_index, uint64_t rows, uint64_t bytes)
{
    pthread_mutex_lock(&settlement->mutex);
    metric_add_stream(settlement->cells, metric, stream_index, (int64_t)rows);
    if (metric == METRIC_EVENTS_STORED) {
        metric_add_stream(settlement->cells, METRIC_STORED_BYTES, stream_index, (int64_t)bytes);
    }
    pthread_mutex_unlock(&settlement->mutex);
}

static struct dedup_ids as_run(const struct segment *segment, const struct buf *ids)
{
    return (struct dedup_ids){ .stream_index = segment->stream_index,
                               .ids = (const struct event_id *)(const void *)ids->data,
                               .count = ids->len / sizeof(struct event_id) };
}

/* Of a segment whose stream's clients give ids, what the filter knows them by (validate.c). */
static const struct stream *stream_of_clients(const struct settlement_streams *streams, const struct segment *segment)
{
    const struct stream *stream =
        segment->stream_index < streams->count ? stream_at(streams->items, segment->stream_index) : NULL;
    return stream != NULL && stream->id_source_count != 0 ? stream : NULL;
}

enum error settlement_read_ids(const struct settlement_streams *streams, const struct segment *segment, struct buf *ids)
{
    if (segment->header.event_id_column[0] == '\0' || segment->header.version_column[0] != '\0') {
        return OK; /* of updates the filter knows nothing: updates.h */
    }
    enum error error = segment_event_ids(segment, ids);
    if (error != OK) {
        return error;
    }
    struct event_id *at = (struct event_id *)(void *)ids->data;
    const struct stream *of_clients = stream_of_clients(streams, segment);
    size_t kept = 0;
    for (size_t i = 0; i < ids->len / sizeof *at; i++) {
        struct event_id id = of_clients != NULL ? event_id_in_stream(of_clients->name, &at[i]) : at[i];
        if (event_id_is_stable(&id)) {
            at[kept++] = id;
        }
    }
    ASSERT_AT_MOST(kept * sizeof *at, ids->len);
    ids->len = kept * sizeof *at;
    return OK;
}

enum error settlement_remember_recovered(struct settlement *settlement, const struct segment *segment, int64_t wall_ns)
{
    struct buf ids = { 0 };
    enum error error = settlement_read_ids(&settlement->streams, segment, &ids);
    struct dedup_ids run = as_run(segment, &ids);
    if (run.count != 0) {
        settlement->dedup->ops->note(settlement->dedup, &run, 1, wall_ns);
        if (settlement->dedup->persists == PERSISTS_DURABLE) {
            settlement->dedup->ops->persist(settlement->dedup, &run, 1, wall_ns);
        }
    }
    buf_release(&ids);
    return error;
}

static enum error persist_ids(struct settlement *settlement, const struct segment *segment)
{
    if (settlement->dedup->persists == PERSISTS_STORED) {
        struct buf ids = { 0 };
        enum error read = settlement_read_ids(&settlement->streams, segment, &ids);
        if (read == ERROR_OUT_OF_MEMORY) {
            buf_release(&ids);
            return read;
        }
        if (read != OK) {
            LOG(LOG_WARN, "ids of a segment not read", "segment=%s", segment->name);
        }
        struct dedup_ids run = as_run(segment, &ids);
        settlement->dedup->ops->persist(settlement->dedup, &run, 1, clock_wall_ns());
        buf_release(&ids);
    }
    enum error error = settlement->dedup->ops->sync(settlement->dedup);
    if (error == ERROR_DISK_FULL) {
        /* Only segments that go make room for the ids again, which are kept until then; after a crash before that, it
         * is the table that collapses what is sent twice. */
        LOG(LOG_WARN, "segment removed before its ids are on disk", "segment=%s: the disk is full", segment->name);
        return OK;
    }
    return error;
}

/* In milliseconds. A clock that was set meanwhile makes it neither negative nor more than all rows together could be. */
static int64_t latency_ms(int64_t received_ns, int64_t now_ns)
{
    int64_t ms = (now_ns - received_ns) / NS_PER_MS;
    return ms < 0 ? 0 : ms > LATENCY_MAX_MS ? LATENCY_MAX_MS : ms;
}

/* From receipt to now, of all rows. */
static void observe_latency(struct settlement *settlement, const struct receipts *receipts, size_t stream_index)
{
    int64_t now_ns = clock_wall_ns();
    pthread_mutex_lock(&settlement->mutex);
    for (size_t i = 0; i < receipts->count; i++) {
        metric_observe(settlement->cells, METRIC_STORED_LATENCY, stream_index,
                       latency_ms(receipts->items[i].wall_ns, now_ns), (int64_t)receipts->items[i].rows);
    }
    pthread_mutex_unlock(&settlement->mutex);
}

/* The end of a segment's way, either way. */
static enum error let_go(struct settlement *settlement, struct segment *segment, enum metric counted)
{
    uint64_t rows = segment->rows, bytes = segment->raw_bytes;
    size_t stream_index = segment->stream_index;
    ASSERT(rows != 0);
    struct waiters *waiters = segment->waiters;
    struct receipts receipts = segment->receipts;
    if (receipts.count == 0) {
        receipts_add(&receipts, segment->first_ns, rows);
    }
    enum error error = persist_ids(settlement, segment);
    if (error == OK) {
        error = journal_remove(settlement->journal, segment);
    }
    if (error != OK) {
        return error;
    }
    if (stream_index == SIZE_MAX) {
        stream_index = settlement->no_stream;
    }
    count(settlement, counted, stream_index, rows, bytes);
    if (counted == METRIC_EVENTS_STORED) {
        observe_latency(settlement, &receipts, stream_index);
    }
    waiters_settle(settlement->room, waiters, counted == METRIC_EVENTS_STORED);
    return OK;
}

static enum error stored(void *context, struct segment *segment)
{
    return let_go(context, segment, METRIC_EVENTS_STORED);
}

static enum error bury(void *context, struct segment *segment, int code, const char *reason)
{
    struct settlement *settlement = context;
    enum error error = dead_letters_add(settlement->letters, segment, code, reason, clock_wall_ns());
    if (error != OK) {
        return error;
    }
    CRASH_POINT(after_burial);
    return let_go(settlement, segment, METRIC_EVENTS_DEAD_LETTERED);
}

static enum error split(void *context, struct segment *whole, uint64_t at, struct segment **first,
                        struct segment **second)
{
    struct settlement *settlement = context;
    struct waiters *waiters = whole->waiters;
    enum error error = journal_split(settlement->journal, whole, at, first, second);
    if (error == OK) {
        ASSERT(*first != NULL && *second != NULL);
        waiters_share(settlement->room, waiters);
        (*first)->waiters = waiters;
        (*second)->waiters = waiters;
    }
    return error;
}

static void feedback(void *context, size_t stream_index, enum writer_feedback answer, uint64_t rows, int64_t latency_ns)
{
    static const enum batch_answer answers[] = {
        [FEEDBACK_STORED] = BATCH_STORED,
        [FEEDBACK_TOO_MANY_PARTS] = BATCH_TOO_MANY_PARTS,
        [FEEDBACK_FAILED] = BATCH_FAILED,
    };
    struct settlement *settlement = context;
    struct batch_feedback lesson = { stream_index, answers[answer], rows, latency_ns };
    commit_queue_feedback(settlement->queue, &lesson);
}

struct segment_owner settlement_callbacks(struct settlement *settlement)
{
    return (struct segment_owner){ settlement, stored, split, bury, feedback };
}
