/* Turns the next step of a batch's delivery into a call of the store or the owner of the segments, and the answer into
 * the next step. */
#include "base/system/crash_point.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "event/stream.h"
#include "store/delivery/writer_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BYTES_KEPT ((size_t)8 << 20) /* of a worker's, from batch to batch */

struct delivery_facts attempt_facts(const struct attempt *attempt)
{
    struct writer *writer = attempt->writer;
    const struct pending_batch *batch = attempt->batch;
    const struct segment *segment = batch->segment;
    const struct lane *lane = attempt->job->lane;

    wakeup_lock(&writer->wakeup);
    const struct store_features *features = &writer->servers[batch->server].features;
    const struct table_info *info = &lane->tables[batch->server].info;
    bool same_table = lane->stream != NULL && strcmp(lane->stream->table, segment->header.table) == 0;
    uint64_t root_rows = batch->family == NULL ? batch->rows : batch->family->rows;
    struct delivery_facts facts = {
        .name = pending_batch_name(batch),
        .has_event_id = segment->header.event_id_column[0] != '\0' && (!same_table || info->has_event_id),
        .replaces = segment->header.version_column[0] != '\0',
        .keeps_json = same_table && info->keeps_json,
        .tokens = features->tokens,
        .replicated = same_table && info->replicated,
        .in_process = writer->config.store->in_process,
        .several = identities_are_several(&writer->servers[batch->server].identities, clock_monotonic_ns()),
        .rows = batch->rows,
        .segments = batch->segments,
        .poison = poison_facts_of(lane, batch),
        .refused = batch->family == NULL ? 0 : batch->family->refused,
        .refusals_allowed = delivery_refusals_allowed(root_rows),
        .wall_ns = clock_wall_ns(),
        .now_ns = clock_monotonic_ns(),
    };
    wakeup_unlock(&writer->wakeup);
    return facts;
}

void attempt_probe(struct worker *worker, size_t server, struct store_features *features, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    *features = (struct store_features){ 0 };
    *reply = (struct store_reply){ 0 };
    writer->config.store->ops->probe(worker->session, server, features, reply);
    wakeup_lock(&writer->wakeup);
    outcome_note_probe(writer, worker, server, features, reply, clock_monotonic_ns());
    wakeup_unlock(&writer->wakeup);
}

bool attempt_is_stopping(struct writer *writer)
{
    wakeup_lock(&writer->wakeup);
    bool stopping = writer->stopping;
    wakeup_unlock(&writer->wakeup);
    return stopping;
}

/* Tells the breaker. After an answer that never came, a probe tells whether the server or only the query is at fault:
 * true if the server lives. A writer that stops does not wait for that. */
static bool note_reply(const struct attempt *attempt, size_t server, const struct store_reply *reply)
{
    struct writer *writer = attempt->writer;
    if (reply->outcome == STORE_UNKNOWN) {
        struct store_reply probe = { .outcome = STORE_UNKNOWN };
        struct store_features features;
        if (!attempt_is_stopping(writer)) {
            attempt_probe(attempt->worker, server, &features, &probe);
        }
        return probe.outcome == STORE_DONE;
    }
    wakeup_lock(&writer->wakeup);
    outcome_note_reply(writer, attempt->worker, server, reply, clock_monotonic_ns());
    wakeup_unlock(&writer->wakeup);
    return reply->outcome != STORE_UNREACHABLE;
}

static void measure_batch(const struct attempt *attempt)
{
    struct metrics_cells *cells = attempt->worker->cells;
    const struct stream *stream = attempt->job->lane->stream;
    size_t index = stream == NULL ? metrics_no_stream(attempt->writer->config.metrics) : stream->index;
    metric_observe(cells, METRIC_BATCH_ROWS, index, (int64_t)attempt->batch->rows, 1);
    metric_observe(cells, METRIC_BATCH_BYTES, index, (int64_t)attempt->batch->raw_bytes, 1);
}

static void give_feedback(const struct attempt *attempt, const struct store_reply *reply, int64_t latency_ns)
{
    const struct segment_owner *owner = &attempt->writer->config.owner;
    enum writer_feedback feedback = FEEDBACK_FAILED;
    if (attempt->job->lane->stream == NULL || owner->feedback == NULL) {
        return;
    }
    if (reply->outcome == STORE_DONE) {
        feedback = FEEDBACK_STORED;
    } else if (reply->outcome == STORE_ANSWERED && code_classify(reply) == CODE_PARTS) {
        feedback = FEEDBACK_TOO_MANY_PARTS;
    }
    owner->feedback(owner->context, attempt->batch->segment->stream_index, feedback, attempt->batch->rows, latency_ns);
}

/* Not OK: a segment cannot be read, and nothing was sent. */
static enum error read_files(const struct attempt *attempt, struct buf *bytes)
{
    enum error error = OK;
    buf_clear(bytes);
    for (const struct segment *segment = attempt->batch->segment; error == OK && segment != NULL;
         segment = segment->next) {
        error = segment_read(segment, bytes);
        if (error != OK) {
            delivery_explain(attempt->delivery, "the segment %s cannot be read: %s", segment->name, strerror(errno));
        }
    }
    return error;
}

/* Not OK: as read_files. */
static enum error insert(const struct attempt *attempt, const struct delivery_facts *facts, struct store_reply *reply)
{
    struct writer *writer = attempt->writer;
    struct buf *bytes = &attempt->worker->bytes;
    *reply = (struct store_reply){ 0 };
    enum error error = read_files(attempt, bytes);
    if (error != OK) {
        return error;
    }
    const char *id_column = attempt->batch->segment->header.event_id_column;
    struct store_insert insert = {
        .segment = attempt->batch->segment,
        .bytes = buf_slice(bytes),
        .token = attempt->delivery->token,
        .missing_column = facts->has_event_id || id_column[0] == '\0' ? NULL : id_column,
        .json_stream = facts->keeps_json ? attempt->job->lane->stream : NULL,
    };
    int64_t started_ns = clock_monotonic_ns();
    writer->config.store->ops->insert(attempt->worker->session, attempt->batch->server, &insert, reply);
    int64_t latency_ns = clock_monotonic_ns() - started_ns;
    buf_shed(bytes, BYTES_KEPT);
    metric_observe_ns(attempt->worker->cells, METRIC_INSERT_SECONDS, attempt->batch->server, latency_ns);
    if (reply->outcome == STORE_DONE) {
        measure_batch(attempt);
    }
    give_feedback(attempt, reply, latency_ns);
    return OK;
}

/* What went bad on the disk is refused whenever it is sent: that is no reason for its stream to wait. */
static bool has_gone_bad(const struct attempt *attempt)
{
    char cause[256];
    const struct segment *segment = attempt->batch->segment;
    enum error error = OK;
    while (segment != NULL && (error = segment_check(segment)) == OK) {
        segment = segment->next;
    }
    if (segment == NULL || error == ERROR_OUT_OF_MEMORY) {
        return false;
    }
    snprintf(cause, sizeof cause, "%.255s", attempt->delivery->reason);
    delivery_explain(attempt->delivery, "%s cannot be read: a start saves what is good of it: %s", segment->name,
                     cause);
    return true;
}

static void learn_size(const struct attempt *attempt, const struct store_reply *reply, bool alive)
{
    wakeup_lock(&attempt->writer->wakeup);
    group_learn(attempt->job->lane, attempt->batch, reply, alive);
    wakeup_unlock(&attempt->writer->wakeup);
}

/* Is it the server that failed, or the batch's bytes, rather than the stream? */
static enum delivery_move weigh_failure(const struct attempt *attempt, const struct delivery_facts *facts,
                                        const struct store_reply *reply, enum delivery_move move, bool alive)
{
    bool may_be_its_own = move == DELIVERY_NEXT || move == DELIVERY_RETRY_STREAM || move == DELIVERY_RETRY_ASIDE ||
                          move == DELIVERY_STAND_ASIDE;
    if (reply->outcome == STORE_DONE || !may_be_its_own) {
        return move;
    }
    if (move == DELIVERY_RETRY_STREAM && !alive) {
        return DELIVERY_RETRY_BATCH;
    }
    if (reply->outcome == STORE_UNKNOWN) {
        move = delivery_after_lost(attempt->delivery, facts);
    }
    if (attempt->delivery->poison.failures != 0 && has_gone_bad(attempt)) {
        attempt->delivery->step = DELIVERY_SEND;
        return delivery_after_bad_file(attempt->delivery, facts);
    }
    return move;
}

static void renew_poison_facts(const struct attempt *attempt, struct delivery_facts *facts)
{
    wakeup_lock(&attempt->writer->wakeup);
    facts->poison = poison_facts_of(attempt->job->lane, attempt->batch);
    wakeup_unlock(&attempt->writer->wakeup);
}

/* Of a batch that is taken apart, its first failure and its end are logged. */
static bool is_known_trouble(const struct pending_batch *batch)
{
    return batch->family != NULL && batch->failures < POISON_ATTEMPTS;
}

static enum delivery_move step_send(const struct attempt *attempt)
{
    struct delivery_facts facts = attempt_facts(attempt);
    struct store_reply reply;
    delivery_before_send(attempt->delivery, &facts);
    enum error error = insert(attempt, &facts, &reply);
    if (error == ERROR_OUT_OF_MEMORY) {
        return DELIVERY_RETRY_BATCH;
    }
    if (error != OK) {
        return delivery_after_bad_file(attempt->delivery, &facts);
    }
    if (reply.outcome == STORE_DONE) {
        CRASH_POINT(after_insert);
        poison_note_taken(attempt->worker, attempt->job);
    }
    if (reply.outcome != STORE_UNREACHABLE) {
        placement_note_sent(attempt->worker, attempt->job, facts.replicated);
    }
    renew_poison_facts(attempt, &facts);
    enum delivery_move move = delivery_after_send(attempt->delivery, &facts, &reply);
    if (reply.outcome == STORE_DONE || reply.outcome == STORE_ANSWERED) {
        proof_note_view(attempt->worker, attempt->job);
    }
    bool alive = note_reply(attempt, attempt->batch->server, &reply);
    learn_size(attempt, &reply, alive);
    move = weigh_failure(attempt, &facts, &reply, move, alive);
    if (reply.outcome != STORE_DONE) {
        metric_add_stream(attempt->worker->cells, METRIC_INSERT_FAILURES, attempt->job->lane->label, 1);
        LOG(is_known_trouble(attempt->batch) ? LOG_DEBUG : LOG_WARN, "insert failed",
            "segment=%s rows=%llu server=%s %s", pending_batch_name(attempt->batch),
            (unsigned long long)attempt->batch->rows,
            attempt->writer->config.store->server_names[attempt->batch->server], attempt->delivery->reason);
    }
    return move;
}

static enum delivery_move step_confirm(const struct attempt *attempt)
{
    struct store_reply reply;
    struct proof proof;
    if (!proof_ask(attempt->worker, attempt->job, &proof, &reply)) {
        delivery_after_failed_question(attempt->delivery, &reply);
        return DELIVERY_RETRY_BATCH;
    }
    struct delivery_facts facts = attempt_facts(attempt);
    facts.same_server = proof.same_server;
    facts.up_since_ns = proof.up_since_ns;
    return delivery_after_confirm(attempt->delivery, &facts);
}

enum delivery_move attempt_after_failed_question(const struct attempt *attempt, size_t server,
                                                 const struct store_reply *reply)
{
    enum delivery_move move = delivery_after_failed_question(attempt->delivery, reply);
    bool alive = note_reply(attempt, server, reply);
    return move == DELIVERY_RETRY_STREAM && !alive ? DELIVERY_RETRY_BATCH : move;
}

void attempt_forget(const struct attempt *attempt)
{
    wakeup_lock(&attempt->writer->wakeup);
    attempt->job->lane->rows_out += attempt->batch->rows;
    queue_remove(attempt->writer, attempt->job->lane, attempt->batch);
    wakeup_unlock(&attempt->writer->wakeup);
}

static void drop_first(const struct attempt *attempt, uint64_t rows, struct segment *next)
{
    wakeup_lock(&attempt->writer->wakeup);
    attempt->job->lane->rows_out += rows;
    queue_drop_first(attempt->writer, attempt->job->lane, attempt->batch, rows, next);
    wakeup_unlock(&attempt->writer->wakeup);
}

static enum delivery_move step_stored(const struct attempt *attempt)
{
    const struct segment_owner *owner = &attempt->writer->config.owner;
    struct pending_batch *batch = attempt->batch;
    proof_note_gap(attempt->worker, attempt->job);
    attempt->delivery->view_failed = false;
    for (struct segment *next = batch->segment->next;; next = next->next) {
        struct segment *segment = batch->segment;
        uint64_t rows = segment->rows;
        segment->next = NULL;
        ASSERT(rows != 0);
        enum error error = owner->stored(owner->context, segment);
        if (error != OK) {
            segment->next = next;
            delivery_explain(attempt->delivery, "stored, but its segment could not be removed: %s",
                             error_info(error)->text);
            return DELIVERY_HOLD_BATCH;
        }
        metric_add_stream(attempt->worker->cells, METRIC_BATCHES_STORED, attempt->job->lane->label, 1);
        if (next == NULL) {
            attempt_forget(attempt);
            return DELIVERY_FINISHED;
        }
        drop_first(attempt, rows, next);
    }
}

static enum delivery_move (*const steps[])(const struct attempt *attempt) = {
    [DELIVERY_SEND] = step_send,      [DELIVERY_CONFIRM] = step_confirm, [DELIVERY_VERIFY] = count_batch,
    [DELIVERY_EXAMINE] = count_batch, [DELIVERY_SPLIT] = split_batch,    [DELIVERY_BURY] = split_bury,
    [DELIVERY_STORED] = step_stored,
};

/* What is already known to be stored is still removed. */
static bool may_go_on(struct writer *writer, enum delivery_step step)
{
    return step == DELIVERY_STORED || !attempt_is_stopping(writer);
}

/* DELIVERY_NEXT: it may go on to its server. */
static enum delivery_move look_at_engine(const struct attempt *attempt)
{
    struct store_reply reply;
    enum placement placement = placement_look_at_engine(attempt->worker, attempt->job, &reply);
    if (placement == PLACEMENT_NOT_KNOWN) {
        return attempt_after_failed_question(attempt, attempt->batch->server, &reply);
    }
    return placement == PLACEMENT_MAY_GO ? DELIVERY_NEXT : DELIVERY_RETRY_BATCH;
}

static enum delivery_move take_steps(const struct attempt *attempt)
{
    struct delivery_facts facts = attempt_facts(attempt);
    enum delivery_move move = DELIVERY_NEXT;
    delivery_resume(attempt->delivery, &facts);
    do {
        move = steps[attempt->delivery->step](attempt);
    } while (move == DELIVERY_NEXT && may_go_on(attempt->writer, attempt->delivery->step));
    return move;
}

void attempt_deliver(struct worker *worker, const struct job *job)
{
    struct writer *writer = worker->writer;
    struct attempt attempt = { worker, writer, job, job->batch, &job->batch->delivery };
    enum delivery_move move = placement_is_open(job->batch, job->lane) ? look_at_engine(&attempt) : DELIVERY_NEXT;
    if (move == DELIVERY_NEXT) {
        move = take_steps(&attempt);
    }
    wakeup_lock(&writer->wakeup);
    outcome_put_back(writer, worker, job, move, clock_monotonic_ns());
    wakeup_unlock(&writer->wakeup);
}
