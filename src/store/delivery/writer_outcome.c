/* Turns what came of a job into the state of its lane, batch and server: what waits, until when, and why. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "event/stream.h"
#include <stdio.h>

static void release_lane(struct writer *writer, struct lane *lane)
{
    ASSERT(lane->busy != 0);
    lane->busy--;
    if (lane->counted_as_failing) {
        ASSERT(writer->failing_busy != 0);
        lane->counted_as_failing = false;
        writer->failing_busy--;
    }
}

static void lane_failed(struct writer *writer, struct worker *worker, struct lane *lane, bool held, int64_t now_ns)
{
    lane->failing = true;
    lane->stream_held = held;
    lane->failures++;
    int64_t wait = held ? writer->backoff.max_ns : backoff_ns(&writer->backoff, lane->failures, &worker->random);
    lane->next_attempt_ns = now_ns + wait;
}

/* After a success: what waited for the stream's sake is due at once. */
static void lane_recovered(struct lane *lane)
{
    if (!lane->failing) {
        return;
    }
    lane->failing = false;
    lane->stream_held = false;
    lane->check_failed = false;
    lane->failures = 0;
    for (struct pending_batch *batch = lane->first; batch != NULL; batch = batch->next) {
        if (!batch->held) {
            batch->next_attempt_ns = 0;
        }
    }
}

/* After something changed at the table, say, it is looked at again before the next attempt. */
static void distrust_tables(struct writer *writer, struct lane *lane)
{
    for (size_t i = 0; lane->stream != NULL && i < writer->server_count; i++) {
        lane->tables[i].ready = false;
        lane->tables[i].next_check_ns = lane->next_attempt_ns;
    }
}

/* A batch that an earlier configuration made may have a column that the table has lost since. So at the first of them the
 * table is looked at, at once, and if it is as the stream needs it now, only batches that do not fit it wait. */
static enum delivery_move whom_to_hold(const struct writer *writer, const struct lane *lane,
                                       const struct pending_batch *batch, int64_t now_ns)
{
    bool looked_at = batch->misfit_ns != 0 && lane->fitted_ns >= batch->misfit_ns;
    bool of_late = lane->fitted_ns != 0 && now_ns - lane->fitted_ns < writer->backoff.max_ns;
    return lane->stream == NULL || looked_at || of_late ? DELIVERY_HOLD_BATCH : DELIVERY_HOLD_STREAM;
}

static void hold_misfit(struct writer *writer, struct lane *lane, struct pending_batch *batch, enum delivery_move held,
                        int64_t now_ns)
{
    snprintf(lane->reason, sizeof lane->reason,
             "the table lacks a column that %s was written with; add it until that is stored: %.200s",
             pending_batch_name(batch), batch->delivery.reason);
    if (held == DELIVERY_HOLD_STREAM) {
        batch->misfit_ns = batch->next_attempt_ns = lane->next_attempt_ns = now_ns;
        return;
    }
    lane_recovered(lane);
    batch->misfit_ns = 0;
    batch->next_attempt_ns = now_ns + writer->backoff.max_ns;
}

/* What an earlier configuration left may be of another table than the lane's stream has now, and a lane without a stream is
 * of many tables: that one of them needs an operator is no reason for the others to wait. */
static bool is_of_another_table(const struct lane *lane, const struct segment *segment)
{
    return lane->stream == NULL || strcmp(lane->stream->table, segment->header.table) != 0;
}

static void put_back_waiting(struct writer *writer, struct worker *worker, const struct job *job,
                             enum delivery_move move, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct pending_batch *batch = job->batch;
    ASSERT(batch->busy);
    bool misfit = move == DELIVERY_HOLD_MISFIT;
    move = misfit ? whom_to_hold(writer, lane, batch, now_ns) : move;
    if (move == DELIVERY_HOLD_STREAM && is_of_another_table(lane, batch->segment)) {
        move = DELIVERY_HOLD_BATCH;
    }
    bool hold = move == DELIVERY_HOLD_BATCH || move == DELIVERY_HOLD_STREAM;
    memcpy(lane->reason, batch->delivery.reason, sizeof lane->reason);
    batch->busy = false;
    batch->failures++;
    queue_set_held(writer, lane, batch, move == DELIVERY_HOLD_BATCH || (misfit && batch->held));
    if (move == DELIVERY_RETRY_ASIDE || move == DELIVERY_STAND_ASIDE) {
        poison_set_aside(writer, worker, job, move == DELIVERY_STAND_ASIDE, now_ns);
    } else if (move == DELIVERY_RETRY_STREAM || move == DELIVERY_HOLD_STREAM) {
        lane_failed(writer, worker, lane, hold, now_ns);
        bool goes_again = move == DELIVERY_RETRY_STREAM && batch->delivery.poison.failures < POISON_ATTEMPTS;
        batch->next_attempt_ns = goes_again ? 0 : lane->next_attempt_ns;
    } else {
        batch->next_attempt_ns =
            now_ns + (hold ? writer->backoff.max_ns : backoff_ns(&writer->backoff, batch->failures, &worker->random));
    }
    if (misfit) {
        hold_misfit(writer, lane, batch, move, now_ns);
    }
    if (move == DELIVERY_HOLD_STREAM) {
        distrust_tables(writer, lane);
    }
}

void outcome_put_back(struct writer *writer, struct worker *worker, const struct job *job, enum delivery_move move,
                      int64_t now_ns)
{
    release_lane(writer, job->lane);
    if (move == DELIVERY_FINISHED) {
        lane_recovered(job->lane);
    } else if (move == DELIVERY_NEXT) {
        job->batch->busy = false;
    } else if (move != DELIVERY_PARTED) { /* whether that helped, the halves will tell */
        put_back_waiting(writer, worker, job, move, now_ns);
    }
    report_pace(writer, job->lane, now_ns);
    report_lane(writer, job->lane);
}

static void server_failed(struct writer *writer, struct worker *worker, size_t index, int64_t now_ns)
{
    ASSERT_BELOW(index, writer->server_count);
    struct breaker *breaker = &writer->servers[index].breaker;
    breaker_failure(breaker, writer->breaker_failures, &writer->backoff, now_ns, &worker->random);
    metric_set(writer->config.metrics, METRIC_BREAKER_OPEN, index, breaker->open ? 1 : 0);
}

static void server_answered(struct writer *writer, size_t index)
{
    breaker_success(&writer->servers[index].breaker);
    metric_set(writer->config.metrics, METRIC_BREAKER_OPEN, index, 0);
}

/* A lane that is well has nothing to say of a server that answers. */
static void report_lanes(struct writer *writer, bool all)
{
    for (size_t i = 0; i < writer->lane_count; i++) {
        if (all || writer->lanes[i].troubled) {
            report_lane(writer, &writer->lanes[i]);
        }
    }
}

void outcome_note_probe(struct writer *writer, struct worker *worker, size_t server,
                        const struct store_features *features, const struct store_reply *reply, int64_t now_ns)
{
    writer->servers[server].probing = false;
    if (reply->outcome == STORE_DONE) {
        writer->servers[server].features = *features;
        writer->servers[server].features.known = true;
        proof_note_server(writer, server, reply->server, features->up_since_ns, now_ns);
        server_answered(writer, server);
    } else {
        server_failed(writer, worker, server, now_ns);
    }
    report_server(writer, server, reply);
    report_lanes(writer, reply->outcome != STORE_DONE);
}

void outcome_note_reply(struct writer *writer, struct worker *worker, size_t server, const struct store_reply *reply,
                        int64_t now_ns)
{
    bool answered = reply->outcome == STORE_DONE || (reply->outcome == STORE_ANSWERED && !code_is_from_proxy(reply));
    bool was_open = writer->servers[server].breaker.failures != 0;
    if (answered) {
        server_answered(writer, server);
    } else if (reply->outcome != STORE_UNKNOWN) {
        server_failed(writer, worker, server, now_ns);
    }
    if (was_open || !answered) {
        report_server(writer, server, answered ? &(struct store_reply){ .outcome = STORE_DONE } : reply);
    }
}

static bool any_table_is_ready(const struct writer *writer, const struct lane *lane)
{
    for (size_t i = 0; i < writer->server_count; i++) {
        if (lane->tables[i].ready) {
            return true;
        }
    }
    return false;
}

/* The problem's lines as one. */
static void set_reason(struct lane *lane, struct slice problem)
{
    struct slice line;
    size_t length = 0;
    while (slice_split(&problem, '\n', &line) && line.data != NULL && length < sizeof lane->reason) {
        int written = snprintf(lane->reason + length, sizeof lane->reason - length, "%s%.*s",
                               length == 0 || line.len == 0 ? "" : "; ", (int)line.len, line.data);
        length += written < 0 ? 0 : (size_t)written;
    }
}

static void check_failed(struct writer *writer, struct worker *worker, const struct job *job, bool unfit,
                         struct slice problem, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct lane_table *table = &lane->tables[job->server];
    table->failures++;
    int64_t wait = unfit ? writer->backoff.max_ns : backoff_ns(&writer->backoff, table->failures, &worker->random);
    table->next_check_ns = now_ns + wait;
    if (any_table_is_ready(writer, lane)) {
        return;
    }
    set_reason(lane, problem);
    lane_failed(writer, worker, lane, unfit, now_ns);
    lane->check_failed = true;
    lane->next_attempt_ns = table->next_check_ns;
}

/* Once: the status board says it for as long as it is so. */
static void tell_warnings(const struct writer *writer, const struct job *job, const struct table_info *info)
{
    const struct table_info *known = &job->lane->tables[job->server].info;
    if (info->warnings[0] != '\0' && strcmp(known->warnings, info->warnings) != 0) {
        LOG(LOG_WARN, info->loses ? "table loses events" : "table weakens the promise", "stream=%s server=%s %s",
            job->lane->stream->name, writer->config.store->server_names[job->server], info->warnings);
    }
    if (info->note[0] != '\0' && strcmp(known->note, info->note) != 0) {
        LOG(LOG_WARN, "stored events can be replaced", "stream=%s server=%s %s", job->lane->stream->name,
            writer->config.store->server_names[job->server], info->note);
    }
}

void outcome_note_check(struct writer *writer, struct worker *worker, const struct job *job, enum table_verdict verdict,
                        const struct table_info *info, struct slice problem, int64_t now_ns)
{
    struct lane *lane = job->lane;
    struct lane_table *table = &lane->tables[job->server];
    table->checking = false;
    release_lane(writer, lane);
    if (verdict == TABLE_READY) {
        tell_warnings(writer, job, info);
        table->ready = true;
        table->was_ready = true;
        lane->fitted_ns = now_ns;
        lane->was_ready = true;
        table->info = *info;
        table->failures = 0;
        if (lane->check_failed) {
            lane_recovered(lane);
        }
    } else {
        check_failed(writer, worker, job, verdict == TABLE_UNFIT, problem, now_ns);
    }
    report_lane(writer, lane);
}
