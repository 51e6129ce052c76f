/* Turns a group of chunks into journaled rows and answered tickets. */
#include "pipeline/commit/commit_private.h"

#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "base/system/crash_point.h"
#include "config/options/stream_options.h"
#include "pipeline/commit/commit_queue.h"
#include "pipeline/commit/pipeline_inbox.h"
#include "pipeline/commit/waiters.h"
#include "pipeline/journal/journal.h"

#include <stdlib.h>

/* A chunk holds CHUNK_ROWS and one payload more; what goes beyond this set is left to the table. */
#define MOST_GROUP_IDS ((size_t)64 << 20)

struct commit *commit_new(const struct commit_config *config)
{
    struct commit *commit = calloc(1, sizeof *commit);
    if (commit == NULL) {
        return NULL;
    }
    commit->config = *config;
    commit->streams = calloc(config->stream_count + 1, sizeof *commit->streams);
    commit->cells = metrics_thread(config->metrics);
    if (commit->streams == NULL || commit->cells == NULL) {
        free(commit->streams);
        free(commit);
        return NULL;
    }
    for (size_t i = 0; i < config->stream_count; i++) {
        batch_policy_init(&commit->streams[i].policy, &config->streams[i]->options->batch);
        atomic_init(&commit->streams[i].opened_ns, INT64_MAX);
        atomic_init(&commit->streams[i].admits, OK);
    }
    atomic_init(&commit->journal_error, OK);
    id_set_init(&commit->group_ids, MOST_GROUP_IDS);
    if (!commit_make_updates(commit)) {
        commit_free(commit);
        return NULL;
    }
    return commit;
}

void commit_change_stream(struct commit *commit, const struct stream *stream)
{
    ASSERT_BELOW(stream->index, commit->config.stream_count);
    ASSERT(commit->streams[stream->index].updates == NULL);
    ASSERT(journal_state(commit->config.journal, stream->index).rows == 0);
    batch_policy_init(&commit->streams[stream->index].policy, &stream->options->batch);
}

void commit_free(struct commit *commit)
{
    if (commit == NULL) {
        return;
    }
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        buf_release(&commit->streams[i].waiters);
    }
    commit_free_updates(commit);
    buf_release(&commit->plans);
    buf_release(&commit->ids);
    buf_release(&commit->seen);
    buf_release(&commit->runs);
    buf_release(&commit->keep);
    buf_release(&commit->to_wake);
    id_set_release(&commit->group_ids);
    free(commit->streams);
    free(commit);
}

static void fail_all(struct commit *commit, enum error error)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        commit->streams[i].error = error;
    }
}

/* Refuses before anything is written, so that a group is not half in the journal for want of room: a stream that has no
 * room of its own alone, else all. */
static enum error ask_for_room(struct commit *commit, const struct chunk *chunks)
{
    uint64_t bytes = 0;
    for (const struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
        commit_stream_of(commit, chunk)->bytes += chunk_bytes(chunk);
    }
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        struct commit_stream *stream = &commit->streams[i];
        if (stream->bytes != 0) {
            stream->error = journal_admits_stream(commit->config.journal, i, stream->bytes);
            bytes += stream->error == OK ? stream->bytes : 0;
        }
    }
    return journal_admits(commit->config.journal, bytes);
}

static void append(struct commit *commit, const struct commit_plan *plan, int64_t now_ns)
{
    struct commit_stream *stream = commit_stream_of(commit, plan->chunk);
    ASSERT_AT_MOST(plan->kept, plan->chunk->rows);
    if (stream->error != OK || plan->kept == 0) {
        return;
    }
    const uint64_t *keep = plan->kept == plan->chunk->rows ? NULL : commit_keep(commit, plan);
    stream->touched = true;
    stream->error = journal_append(commit->config.journal, plan->chunk, keep, plan->kept, now_ns);
}

static void tell_committed(const struct commit *commit)
{
    for (size_t i = 0; commit->config.committed != NULL && i < commit_plan_count(commit); i++) {
        const struct commit_plan *plan = &commit_plans(commit)[i];
        if (plan->kept != 0 && commit_stream_of(commit, plan->chunk)->error == OK) {
            const uint64_t *keep = plan->kept == plan->chunk->rows ? NULL : commit_keep(commit, plan);
            commit->config.committed(commit->config.committed_context, plan->chunk, keep);
        }
    }
}

/* One fdatasync per stream touched. */
static void make_durable(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        struct commit_stream *stream = &commit->streams[i];
        if (!stream->touched) {
            continue;
        }
        enum error error = journal_commit(commit->config.journal, i);
        if (stream->error == OK) {
            stream->error = error;
        }
    }
}

static void note_waiter(struct commit_stream *stream, const struct chunk *chunk, const struct ticket *ticket)
{
    struct waiter waiter = { chunk->returns_to, ticket->token };
    buf_append(&stream->waiters, &waiter, sizeof waiter);
    stream->waiters.failed = false; /* without memory the front end's time-out answers */
    stream->seal = true;
}

struct counts {
    int64_t rows, accepted, duplicate, dropped;
};

static void count_chunk(struct metrics_cells *cells, const struct chunk *chunk, enum error error,
                        const struct counts counts[PROTOCOL_COUNT])
{
    for (unsigned protocol = 0; protocol < PROTOCOL_COUNT; protocol++) {
        const struct counts *sum = &counts[protocol];
        if (sum->rows == 0) {
            continue;
        }
        ASSERT_EQUAL(sum->rows, sum->accepted + sum->duplicate + sum->dropped);
        metric_count_events(cells, protocol, chunk->stream->index,
                            &(struct metric_events){ .accepted = sum->accepted,
                                                     .duplicate = sum->duplicate,
                                                     .refused = sum->dropped,
                                                     .in_flight = -sum->rows,
                                                     .reason = error });
    }
}

/* Writes the fate into the chunk's tickets and counts it. */
static void answer(struct commit *commit, struct chunk *chunk)
{
    struct commit_stream *stream = commit_stream_of(commit, chunk);
    struct counts counts[PROTOCOL_COUNT] = { { 0 } };
    for (uint32_t i = 0; i < chunk->ticket_count; i++) {
        struct ticket *ticket = &chunk->tickets[i];
        struct counts *sum = &counts[ticket->protocol];
        sum->rows += ticket->rows;
        if (stream->error != OK) {
            ticket->error = stream->error;
            ticket->accepted = ticket->duplicate = 0;
            sum->dropped += ticket->rows;
            continue;
        }
        ASSERT_EQUAL(ticket->accepted + ticket->duplicate, ticket->rows);
        sum->accepted += ticket->accepted;
        if (ticket->key != 0) {
            metric_add_index(commit->cells, METRIC_KEY_EVENTS_ACCEPTED, ticket->key, ticket->accepted);
        }
        sum->duplicate += ticket->duplicate;
        if (ticket->wait_stored && ticket->accepted != 0) {
            note_waiter(stream, chunk, ticket);
        }
    }
    count_chunk(commit->cells, chunk, stream->error, counts);
}

/* All go back before anybody is woken: one wake a group and I/O thread. */
static void send_back(struct commit *commit, struct chunk *chunks)
{
    buf_clear(&commit->to_wake);
    while (chunks != NULL) {
        struct chunk *chunk = chunks;
        struct pipeline_inbox *inbox = chunk->returns_to;
        ASSERT(inbox != NULL);
        chunks = chunk->next;
        answer(commit, chunk);
        commit_queue_completed(commit->config.queue, chunk);
        if (pipeline_inbox_put_chunk(inbox, chunk)) {
            buf_append(&commit->to_wake, &inbox, sizeof inbox);
            if (commit->to_wake.failed) {
                pipeline_inbox_wake(inbox);
            }
        }
    }
    struct pipeline_inbox *const *inboxes = (struct pipeline_inbox *const *)(void *)commit->to_wake.data;
    for (size_t i = 0; i < commit->to_wake.len / sizeof *inboxes; i++) {
        pipeline_inbox_wake(inboxes[i]);
    }
}

static void begin(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        commit->streams[i].error = OK;
        commit->streams[i].bytes = 0;
        commit->streams[i].touched = false;
    }
}

static void publish(struct commit *commit)
{
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        struct journal_state state = journal_state(commit->config.journal, i);
        atomic_store_explicit(&commit->streams[i].opened_ns, state.rows == 0 ? INT64_MAX : state.opened_ns,
                              memory_order_relaxed);
    }
}

void commit_group(struct commit *commit, struct chunk *chunks, int64_t now_ns, int64_t wall_ns)
{
    begin(commit);
    enum error error = ask_for_room(commit, chunks);
    if (error == OK && !commit_find_new(commit, chunks, wall_ns)) {
        error = ERROR_OUT_OF_MEMORY;
    }
    if (error != OK) {
        fail_all(commit, error);
    } else {
        for (size_t i = 0; i < commit_plan_count(commit); i++) {
            append(commit, &commit_plans(commit)[i], now_ns);
        }
        commit_mark_versions(commit);
        make_durable(commit);
        tell_committed(commit);
        CRASH_POINT(before_mark);
        commit_note(commit, wall_ns);
    }
    commit_forget_failed_updates(commit);
    metric_add(commit->cells, METRIC_COMMIT_GROUPS, 1);
    publish(commit);
    send_back(commit, chunks);
    if (error == OK) {
        CRASH_POINT(after_answer);
        commit_persist(commit, wall_ns); /* no reply depends on it, so none waits for it */
        CRASH_POINT(after_mark);
    }
}

void commit_check(struct commit *commit)
{
    enum error error = journal_admits(commit->config.journal, 0);
    atomic_store_explicit(&commit->journal_error, (int)error, memory_order_relaxed);
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        error = journal_admits_stream(commit->config.journal, i, 0);
        atomic_store_explicit(&commit->streams[i].admits, (int)error, memory_order_relaxed);
    }
    publish(commit);
}

void commit_observe(struct commit *commit, int64_t duration_ns)
{
    metric_observe_ns(commit->cells, METRIC_COMMIT_SECONDS, 0, duration_ns);
}

enum error commit_admits(const struct commit *commit)
{
    return (enum error)atomic_load_explicit(&commit->journal_error, memory_order_relaxed);
}

enum error commit_admits_stream(const struct commit *commit, size_t stream_index)
{
    return (enum error)atomic_load_explicit(&commit->streams[stream_index].admits, memory_order_relaxed);
}

bool commit_refuses(const struct commit *commit)
{
    bool refuses = commit_admits(commit) != OK;
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        refuses = refuses || commit_admits_stream(commit, i) != OK;
    }
    return refuses;
}

int64_t commit_opened_ns(const struct commit *commit, size_t stream_index)
{
    return atomic_load_explicit(&commit->streams[stream_index].opened_ns, memory_order_relaxed);
}
