/* Turns the ids of a batch, and the servers that may have it, into what is known of it: how many of them are in the table. */
#include "store/delivery/writer_private.h"

#include "base/log.h"
#include "base/metrics/metrics.h"
#include "config/options/store_options.h"
#include "store/delivery/verify.h"

#define COUNTS_OF_SEVERAL 6 /* of a batch's ids, where several servers answer at one address */

/* On one server; on all of them if it may be on any: then the best count tells, and where a part of it is (an INSERT is
 * atomic in each partition alone) the rest goes, too. *asked is the last that was asked. */
static enum verify_outcome count_ids(const struct attempt *attempt, struct verify_count *best, size_t *asked,
                                     struct store_reply *reply)
{
    struct writer *writer = attempt->writer;
    bool everywhere = placement_is_everywhere(attempt->batch);
    size_t first = everywhere ? 0 : attempt->batch->server;
    size_t last = everywhere ? writer->server_count - 1 : attempt->batch->server;
    enum verify_aim aim = attempt->delivery->step == DELIVERY_EXAMINE ? VERIFY_NONE_STORED
                          : attempt->batch->segments > 1              ? VERIFY_ALL_OR_NONE
                                                                      : VERIFY_ALL_STORED;
    size_t holder = first;
    *best = (struct verify_count){ 0 };
    for (size_t server = first; server <= last; server++) {
        struct verify_count count;
        *asked = server;
        enum verify_outcome outcome =
            verify_segment(writer->config.store, attempt->worker->session, server, attempt->batch->segment, aim,
                           writer->config.store_options->request_timeout_ns, &count, reply);
        if (outcome != VERIFY_COUNTED) {
            return outcome;
        }
        best->distinct = count.distinct;
        if (count.found > best->found) {
            best->found = count.found;
            holder = server;
        }
    }
    if (everywhere && best->found != 0 && attempt->batch->segments == 1 && !attempt_facts(attempt).replicated) {
        attempt->batch->server = holder;
        attempt->batch->pinned = true;
    }
    return VERIFY_COUNTED;
}

/* DELIVERY_NEXT: the replica that was asked has all that it could have. */
static enum delivery_move ask_for_lag(const struct attempt *attempt)
{
    struct store_reply reply;
    bool lags = false;
    if (!placement_replica_lags(attempt->worker, attempt->job, &lags, &reply)) {
        return attempt_after_failed_question(attempt, attempt->batch->server, &reply);
    }
    return lags ? DELIVERY_RETRY_BATCH : DELIVERY_NEXT;
}

/* Behind a balancer the server that has the rows may answer another time. */
static enum verify_outcome count_until_found(const struct attempt *attempt, struct verify_count *best, size_t *asked,
                                             struct store_reply *reply)
{
    bool several = attempt_facts(attempt).several;
    enum verify_outcome outcome = VERIFY_COUNTED;
    for (int i = 0; i < (several ? COUNTS_OF_SEVERAL : 1); i++) {
        if (i % 2 == 1) { /* a request more, so that not every count is the same server's turn */
            struct store_features features;
            attempt_probe(attempt->worker, attempt->batch->server, &features, reply);
        }
        outcome = count_ids(attempt, best, asked, reply);
        if (outcome != VERIFY_COUNTED || best->found >= best->distinct) {
            break;
        }
    }
    return outcome;
}

/* DELIVERY_NEXT: *count is known. */
static enum delivery_move count_once(const struct attempt *attempt, struct verify_count *count)
{
    struct store_reply reply;
    struct delivery_facts facts;
    size_t asked = attempt->batch->server;
    metric_add_stream(attempt->worker->cells, METRIC_VERIFICATIONS, attempt->job->lane->label, 1);
    switch (count_until_found(attempt, count, &asked, &reply)) {
    case VERIFY_COUNTED: break;
    case VERIFY_RUNNING:
        delivery_explain(attempt->delivery, "an earlier INSERT of %s is still running on the server",
                         pending_batch_name(attempt->batch));
        return DELIVERY_RETRY_BATCH;
    case VERIFY_NO_MEMORY:
        delivery_explain(attempt->delivery, "the event ids of %s cannot be read: out of memory",
                         pending_batch_name(attempt->batch));
        return DELIVERY_RETRY_BATCH;
    case VERIFY_DAMAGED:
        delivery_explain(attempt->delivery, "the event ids of %s cannot be read", pending_batch_name(attempt->batch));
        facts = attempt_facts(attempt);
        return delivery_after_bad_file(attempt->delivery, &facts);
    case VERIFY_FAILED: return attempt_after_failed_question(attempt, asked, &reply);
    }
    return DELIVERY_NEXT;
}

/* What a replica lacks it may fetch between the count and the question whether it lags, so it is counted again. */
static enum delivery_move count_surely(const struct attempt *attempt, struct verify_count *count)
{
    enum delivery_move move = count_once(attempt, count);
    bool some_missing = move == DELIVERY_NEXT && count->found < count->distinct;
    if (some_missing && attempt_facts(attempt).replicated && placement_is_of_another_token(attempt->batch)) {
        move = ask_for_lag(attempt);
        return move == DELIVERY_NEXT ? count_once(attempt, count) : move;
    }
    return move;
}

enum delivery_move count_batch(const struct attempt *attempt)
{
    struct verify_count count;
    enum delivery_move move = count_surely(attempt, &count);
    if (move != DELIVERY_NEXT) {
        return move;
    }
    struct delivery_facts facts = attempt_facts(attempt);
    LOG(attempt->batch->family == NULL ? LOG_INFO : LOG_DEBUG, "batch verified", "segment=%s ids=%llu found=%llu",
        pending_batch_name(attempt->batch), (unsigned long long)count.distinct, (unsigned long long)count.found);
    facts.view_refills = count.found >= count.distinct && proof_can_refill(attempt->worker, attempt->job);
    return delivery_after_count(attempt->delivery, &facts, count.distinct, count.found);
}
