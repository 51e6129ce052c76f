/* Turns a group's ids into the rows that are new. */
#include "base/assert.h"
#include "base/metrics/metrics.h"
#include "config/options/dedup_options.h"
#include "event/segment/segment.h"
#include "event/ticket.h"
#include "pipeline/commit/commit_private.h"
#include "pipeline/commit/commit_queue.h"

#define LOOKAHEAD 8u /* rows whose slots are on their way from memory */

static bool add_plan(struct commit *commit, struct chunk *chunk)
{
    struct commit_plan plan = {
        .chunk = chunk,
        .first_id = commit->ids.len / sizeof(struct event_id),
        .keep_at = commit->keep.len / sizeof(uint64_t),
    };
    bool filtered = !commit_has_updates(commit, chunk);
    if (!buf_reserve(&commit->ids, chunk->rows * sizeof(struct event_id))) {
        return false;
    }
    struct event_id *ids = (struct event_id *)(void *)commit->ids.data + plan.first_id;
    for (uint32_t row = 0; filtered && row < chunk->rows; row++) {
        if (event_id_is_stable(&chunk->ids[row])) {
            ids[plan.id_count++] = chunk->ids[row];
        }
    }
    ASSERT_AT_MOST(plan.id_count, chunk->rows);
    commit->ids.len += plan.id_count * sizeof(struct event_id);
    buf_append_fill(&commit->keep, 0, (chunk->rows + 63) / 64 * sizeof(uint64_t));
    buf_append(&commit->plans, &plan, sizeof plan);
    return !commit->keep.failed && !commit->plans.failed;
}

static bool gather(struct commit *commit, struct chunk *chunks)
{
    buf_clear(&commit->plans);
    buf_clear(&commit->ids);
    buf_clear(&commit->seen);
    buf_clear(&commit->keep);
    for (struct chunk *chunk = chunks; chunk != NULL; chunk = chunk->next) {
        if (!add_plan(commit, chunk)) {
            return false;
        }
    }
    size_t id_count = commit->ids.len / sizeof(struct event_id);
    buf_append_fill(&commit->seen, 0, id_count + 1); /* never NULL */
    return !commit->seen.failed && id_set_prepare(&commit->group_ids, id_count);
}

/* Ids that lie one behind the other and are of one stream are one run. */
static void add_run(struct commit *commit, size_t stream_index, const struct event_id *ids, size_t count, uint8_t *seen)
{
    size_t run_count = commit_run_count(commit);
    struct dedup_ids *last = run_count == 0 ? NULL : commit_runs(commit) + run_count - 1;
    if (count == 0) {
        return;
    }
    if (last != NULL && last->stream_index == stream_index && last->ids + last->count == ids) {
        last->count += count;
        return;
    }
    struct dedup_ids run = { stream_index, ids, count, seen };
    buf_append(&commit->runs, &run, sizeof run);
}

/* Of streams that have an id of which nothing is known. */
static void reject(struct commit *commit)
{
    const uint8_t *seen = (const uint8_t *)commit->seen.data;
    for (size_t i = 0; i < commit_plan_count(commit); i++) {
        const struct commit_plan *plan = &commit_plans(commit)[i];
        if (memchr(seen + plan->first_id, 0, plan->id_count) != NULL) {
            commit_stream_of(commit, plan->chunk)->error = ERROR_DEDUP_FAILED;
        }
    }
}

/* The filter does not answer: what then, the options say. */
static void pass_or_reject(struct commit *commit, size_t id_count)
{
    const uint8_t *seen = (const uint8_t *)commit->seen.data;
    if (commit->config.dedup_options->on_error == DEDUP_ON_ERROR_REJECT) {
        reject(commit);
        return;
    }
    int64_t unknown = 0;
    for (size_t i = 0; i < id_count; i++) {
        unknown += seen[i] == 0;
    }
    metric_add(commit->cells, METRIC_DEDUP_BYPASSED, unknown);
}

/* False if memory is short. */
static bool look_up(struct commit *commit, int64_t wall_ns)
{
    struct dedup *dedup = commit->config.dedup;
    size_t id_count = commit->ids.len / sizeof(struct event_id);
    const struct event_id *ids = (const struct event_id *)(const void *)commit->ids.data;
    uint8_t *seen = (uint8_t *)commit->seen.data;
    if (id_count == 0) {
        return true;
    }
    buf_clear(&commit->runs);
    for (size_t i = 0; i < commit_plan_count(commit); i++) {
        const struct commit_plan *plan = &commit_plans(commit)[i];
        add_run(commit, plan->chunk->stream->index, ids + plan->first_id, plan->id_count, seen + plan->first_id);
    }
    if (commit->runs.failed) {
        return false;
    }
    if (dedup->ops->lookup(dedup, commit_runs(commit), commit_run_count(commit), wall_ns) != OK) {
        pass_or_reject(commit, id_count);
    }
    return true;
}

/* The rows [first, end) of one ticket; *next_id counts through the chunk's stable ids. */
static uint32_t keep_new_rows(struct commit *commit, const struct commit_plan *plan, uint32_t first, uint32_t end,
                              size_t *next_id)
{
    const struct event_id *ids = plan->chunk->ids;
    const uint8_t *seen = (const uint8_t *)commit->seen.data + plan->first_id;
    uint64_t *keep = commit_keep(commit, plan);
    uint32_t kept = 0;
    ASSERT_AT_MOST(end, plan->chunk->rows);
    for (uint32_t row = first; row < end; row++) {
        bool is_new = true;
        if (row + LOOKAHEAD < plan->chunk->rows) {
            id_set_prefetch(&commit->group_ids, &ids[row + LOOKAHEAD]);
        }
        if (event_id_is_stable(&ids[row])) {
            is_new = !seen[(*next_id)++] && id_set_add(&commit->group_ids, &ids[row]) != ID_SET_PRESENT;
        }
        keep[row / 64] |= (uint64_t)is_new << (row % 64);
        kept += is_new;
    }
    return kept;
}

static uint32_t kept_bits(const struct commit *commit, const struct commit_plan *plan)
{
    uint32_t bits = 0;
    for (uint32_t word = 0; word < (plan->chunk->rows + 63) / 64; word++) {
        bits += (uint32_t)__builtin_popcountll(commit_keep(commit, plan)[word]);
    }
    return bits;
}

static uint32_t keep_news(struct commit *commit, const struct commit_plan *plan, uint32_t first, uint32_t end)
{
    struct updates *updates = commit_stream_of(commit, plan->chunk)->updates;
    uint64_t *keep = commit_keep(commit, plan);
    uint32_t kept = 0;
    ASSERT_AT_MOST(end, plan->chunk->rows);
    for (uint32_t row = first; row < end; row++) {
        bool is_news = updates_take(updates, plan->chunk, row);
        keep[row / 64] |= (uint64_t)is_news << (row % 64);
        kept += is_news;
    }
    return kept;
}

/* Tickets follow each other and cover all rows. */
static void decide(struct commit *commit, struct commit_plan *plan)
{
    bool updates = commit_has_updates(commit, plan->chunk);
    size_t next_id = 0;
    uint32_t next_row = 0;
    for (uint32_t i = 0; i < plan->chunk->ticket_count; i++) {
        struct ticket *ticket = &plan->chunk->tickets[i];
        ASSERT_EQUAL(ticket->first_row, next_row);
        next_row += ticket->rows;
        ticket->accepted = updates ? keep_news(commit, plan, ticket->first_row, next_row)
                                   : keep_new_rows(commit, plan, ticket->first_row, next_row, &next_id);
        ticket->duplicate = ticket->rows - ticket->accepted;
        ticket->error = OK;
        plan->kept += ticket->accepted;
    }
    ASSERT_EQUAL(next_row, plan->chunk->rows);
    ASSERT_EQUAL(next_id, plan->id_count);
    ASSERT_EQUAL(plan->kept, kept_bits(commit, plan));
}

/* Without a filter two equal events of one group are no more duplicates than those of two groups. */
static void decide_unfiltered(struct commit *commit, struct commit_plan *plan)
{
    memset(commit_keep(commit, plan), 0xff, (plan->chunk->rows + 63) / 64 * sizeof(uint64_t));
    for (uint32_t i = 0; i < plan->chunk->ticket_count; i++) {
        struct ticket *ticket = &plan->chunk->tickets[i];
        ticket->accepted = ticket->rows;
        ticket->duplicate = 0;
        ticket->error = OK;
        plan->kept += ticket->rows;
    }
    ASSERT_EQUAL(plan->kept, plan->chunk->rows);
}

bool commit_find_new(struct commit *commit, struct chunk *chunks, int64_t wall_ns)
{
    if (!gather(commit, chunks)) {
        return false;
    }
    bool filters = commit->config.dedup_options->kind != DEDUP_NONE;
    if (filters && !look_up(commit, wall_ns)) {
        return false;
    }
    for (size_t i = 0; i < commit_plan_count(commit); i++) {
        struct commit_plan *plan = &commit_plans(commit)[i];
        bool updates = commit_has_updates(commit, plan->chunk);
        (filters || updates ? decide : decide_unfiltered)(commit, plan);
    }
    return true;
}

/* Moves the kept ids of a plan to the front of commit->ids: never ahead of where they are read. */
static size_t keep_ids(const struct commit *commit, const struct commit_plan *plan, struct event_id *to)
{
    const struct chunk *chunk = plan->chunk;
    const uint64_t *keep = commit_keep(commit, plan);
    size_t count = 0;
    for (uint32_t row = 0; row < chunk->rows && count < plan->id_count; row++) {
        if ((keep[row / 64] >> (row % 64) & 1) != 0 && event_id_is_stable(&chunk->ids[row])) {
            to[count++] = chunk->ids[row];
        }
    }
    return count;
}

void commit_note(struct commit *commit, int64_t wall_ns)
{
    struct dedup *dedup = commit->config.dedup;
    struct event_id *to = (struct event_id *)(void *)commit->ids.data;
    buf_clear(&commit->runs);
    for (size_t i = 0; i < commit_plan_count(commit); i++) {
        const struct commit_plan *plan = &commit_plans(commit)[i];
        if (commit_stream_of(commit, plan->chunk)->error == OK) {
            size_t count = keep_ids(commit, plan, to);
            ASSERT_AT_MOST(count, plan->id_count);
            add_run(commit, plan->chunk->stream->index, to, count, NULL);
            to += count;
        }
    }
    /* Where memory was short for a run, its ids are left to the table. */
    if (commit_run_count(commit) != 0) {
        dedup->ops->note(dedup, commit_runs(commit), commit_run_count(commit), wall_ns);
    }
}

void commit_persist(struct commit *commit, int64_t wall_ns)
{
    struct dedup *dedup = commit->config.dedup;
    if (dedup->persists == PERSISTS_DURABLE && commit_run_count(commit) != 0) {
        dedup->ops->persist(dedup, commit_runs(commit), commit_run_count(commit), wall_ns);
    }
}

void commit_remember_returned(struct commit *commit, const struct returned *list, int64_t wall_ns)
{
    struct dedup *dedup = commit->config.dedup;
    buf_clear(&commit->runs);
    for (; list != NULL; list = list->next) {
        const struct event_id *ids = (const struct event_id *)(const void *)list->ids.data;
        add_run(commit, list->segment->stream_index, ids, list->ids.len / sizeof *ids, NULL);
    }
    size_t run_count = commit_run_count(commit);
    if (run_count != 0) {
        dedup->ops->note(dedup, commit_runs(commit), run_count, wall_ns);
        dedup->ops->persist(dedup, commit_runs(commit), run_count, wall_ns);
    }
}
