/* Turns open segments into batches, when their strategy or somebody who waits says so. */
#include "pipeline/commit/commit_private.h"

#include "base/assert.h"
#include "event/segment/segment.h"
#include "pipeline/commit/commit_queue.h"
#include "pipeline/commit/waiters.h"
#include "pipeline/journal/journal.h"

static void hand_on(struct commit *commit, struct segment *segment)
{
    ASSERT(segment->rows != 0 && segment->next == NULL);
    commit->config.submit(commit->config.context, segment);
}

static void seal(struct commit *commit, size_t stream_index)
{
    struct commit_stream *stream = &commit->streams[stream_index];
    struct segment *segment = journal_seal(commit->config.journal, stream_index);
    if (segment != NULL) {
        segment->waiters = waiters_new(commit->config.room, (const struct waiter *)(const void *)stream->waiters.data,
                                       stream->waiters.len / sizeof(struct waiter));
        atomic_store_explicit(&stream->opened_ns, INT64_MAX, memory_order_relaxed);
        hand_on(commit, segment);
    }
    buf_clear(&stream->waiters);
    stream->seal = false;
}

/* Those that the journal sealed after a failure. */
static void hand_on_sealed(struct commit *commit)
{
    for (struct segment *segment; (segment = journal_take_sealed(commit->config.journal)) != NULL;) {
        hand_on(commit, segment);
    }
}

static uint64_t all_open_bytes(const struct commit *commit)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        bytes += journal_state(commit->config.journal, i).raw_bytes;
    }
    return bytes;
}

static struct batch_state state_of(const struct commit *commit, size_t stream_index, uint64_t all_bytes)
{
    struct journal_state state = journal_state(commit->config.journal, stream_index);
    return (struct batch_state){ state.rows, state.raw_bytes, all_bytes, state.opened_ns };
}

void commit_seal_due(struct commit *commit, int64_t now_ns)
{
    uint64_t all_bytes = all_open_bytes(commit);
    hand_on_sealed(commit);
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        struct batch_state state = state_of(commit, i, all_bytes);
        if (commit->streams[i].seal || batch_is_due(&commit->streams[i].policy, &state, now_ns)) {
            seal(commit, i);
        }
    }
}

void commit_seal_all(struct commit *commit)
{
    hand_on_sealed(commit);
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        seal(commit, i);
    }
}

void commit_take_back(struct commit *commit, struct returned *list, int64_t wall_ns)
{
    commit_remember_returned(commit, list, wall_ns);
    for (struct returned *returned = list; returned != NULL; returned = returned->next) {
        commit->config.submit(commit->config.context, returned->segment);
        returned->segment = NULL;
    }
    returned_free(list);
}

int64_t commit_deadline_ns(const struct commit *commit)
{
    int64_t earliest_ns = INT64_MAX;
    for (size_t i = 0; i < commit->config.stream_count; i++) {
        struct batch_state state = state_of(commit, i, 0);
        int64_t deadline_ns = batch_deadline_ns(&commit->streams[i].policy, &state);
        earliest_ns = deadline_ns < earliest_ns ? deadline_ns : earliest_ns;
    }
    return earliest_ns;
}

void commit_learn(struct commit *commit, const struct batch_feedback *feedback)
{
    if (feedback->stream_index < commit->config.stream_count) {
        batch_learn(&commit->streams[feedback->stream_index].policy, feedback->answer, feedback->rows,
                    feedback->latency_ns);
    }
}
