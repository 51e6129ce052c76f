/* Turns the fate of a segment in the store into remembered ids, removed files, counts and messages. */
#include "pipeline/home.h"

#include "base/assert.h"
#include "base/system/crash_point.h"

bool home_init(struct home *home, struct metrics *metrics)
{
    pthread_mutex_init(&home->mutex, NULL);
    home->cells = metrics_thread(metrics);
    home->no_stream = metrics_no_stream(metrics);
    return home->cells != NULL;
}

void home_release(struct home *home)
{
    pthread_mutex_destroy(&home->mutex);
}

static void count(struct home *home, enum metric metric, size_t stream_index, uint64_t rows)
{
    pthread_mutex_lock(&home->mutex);
    metric_add_stream(home->cells, metric, stream_index, (int64_t)rows);
    pthread_mutex_unlock(&home->mutex);
}

static struct dedup_ids as_run(const struct segment *segment, const struct buf *ids)
{
    return (struct dedup_ids){ .stream_index = segment->stream_index,
                               .ids = (const struct event_id *)(const void *)ids->data,
                               .count = ids->len / sizeof(struct event_id) };
}

enum error home_read_ids(const struct segment *segment, struct buf *ids)
{
    if (segment->header.event_id_column[0] == '\0') {
        return OK;
    }
    enum error error = segment_event_ids(segment, ids);
    if (error != OK) {
        return error;
    }
    struct event_id *at = (struct event_id *)(void *)ids->data;
    size_t kept = 0;
    for (size_t i = 0; i < ids->len / sizeof *at; i++) {
        if (event_id_is_stable(&at[i])) {
            at[kept++] = at[i];
        }
    }
    ASSERT_AT_MOST(kept * sizeof *at, ids->len);
    ids->len = kept * sizeof *at;
    return OK;
}

enum error home_remember_recovered(struct home *home, const struct segment *segment, int64_t wall_ns)
{
    struct buf ids = { 0 };
    enum error error = home_read_ids(segment, &ids);
    struct dedup_ids run = as_run(segment, &ids);
    if (run.count != 0) {
        home->dedup->ops->note(home->dedup, &run, 1, wall_ns);
        if (home->dedup->persists == PERSISTS_DURABLE) {
            home->dedup->ops->persist(home->dedup, &run, 1, wall_ns);
        }
    }
    buf_release(&ids);
    return error;
}

static enum error persist_ids(struct home *home, const struct segment *segment)
{
    if (home->dedup->persists == PERSISTS_STORED) {
        struct buf ids = { 0 };
        enum error read = home_read_ids(segment, &ids);
        if (read == ERROR_OUT_OF_MEMORY) {
            buf_release(&ids);
            return read;
        }
        if (read != OK) {
            LOG(LOG_WARN, "ids of a segment not read", "segment=%s", segment->name);
        }
        struct dedup_ids run = as_run(segment, &ids);
        home->dedup->ops->persist(home->dedup, &run, 1, clock_wall_ns());
        buf_release(&ids);
    }
    enum error error = home->dedup->ops->sync(home->dedup);
    if (error == ERROR_DISK_FULL) {
        /* Only segments that go make room for the ids again, which are kept until then; after a crash before that, it
         * is the table that collapses what is sent twice. */
        LOG(LOG_WARN, "segment removed before its ids are on disk", "segment=%s: the disk is full", segment->name);
        return OK;
    }
    return error;
}

/* The end of a segment's way, either way. */
static enum error let_go(struct home *home, struct segment *segment, enum metric counted)
{
    uint64_t rows = segment->rows;
    size_t stream_index = segment->stream_index;
    ASSERT(rows != 0);
    struct waiters *waiters = segment->waiters;
    enum error error = persist_ids(home, segment);
    if (error == OK) {
        error = journal_remove(home->journal, segment);
    }
    if (error != OK) {
        return error;
    }
    if (stream_index == SIZE_MAX) {
        stream_index = home->no_stream;
    }
    count(home, counted, stream_index, rows);
    waiters_settle(home->room, waiters, counted == METRIC_EVENTS_STORED);
    return OK;
}

static enum error stored(void *context, struct segment *segment)
{
    return let_go(context, segment, METRIC_EVENTS_STORED);
}

static enum error bury(void *context, struct segment *segment, int code, const char *reason)
{
    struct home *home = context;
    enum error error = dead_letters_add(home->letters, segment, code, reason, clock_wall_ns());
    if (error != OK) {
        return error;
    }
    CRASH_POINT(after_burial);
    return let_go(home, segment, METRIC_EVENTS_DEAD_LETTERED);
}

static enum error split(void *context, struct segment *whole, uint64_t at, struct segment **first,
                        struct segment **second)
{
    struct home *home = context;
    struct waiters *waiters = whole->waiters;
    enum error error = journal_split(home->journal, whole, at, first, second);
    if (error == OK) {
        ASSERT(*first != NULL && *second != NULL);
        waiters_share(home->room, waiters);
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
    struct home *home = context;
    struct batch_feedback lesson = { stream_index, answers[answer], rows, latency_ns };
    commit_queue_feedback(home->queue, &lesson);
}

struct writer_home home_callbacks(struct home *home)
{
    return (struct writer_home){ home, stored, split, bury, feedback };
}
