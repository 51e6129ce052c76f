/* Is a batch where it is said to be? Asks the server that said "done" whether it has run all the while, and notes who answers
 * at each address, and what failed behind the table. */
#include "store/delivery/writer_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics/metrics.h"
#include "config/options/store_options.h"
#include "store/table/views.h"

/* Behind a balancer the one that said "done" answers within a few requests. */
#define PROBES_FOR_ONE 6

bool proof_ask(struct worker *worker, const struct job *job, struct proof *proof, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    size_t server = job->batch->server;
    const char *done_by = job->batch->delivery.done_by;
    struct store_features features = { 0 };
    *proof = (struct proof){ 0 };
    for (int i = 0; i < PROBES_FOR_ONE && !proof->same_server; i++) {
        attempt_probe(worker, server, &features, reply);
        if (reply->outcome != STORE_DONE) {
            return false;
        }
        proof->same_server = strcmp(reply->server, done_by) == 0;
    }
    proof->up_since_ns = features.up_since_ns;
    wakeup_lock(&writer->wakeup);
    const struct identities *identities = &writer->servers[server].identities;
    bool twins = identities_are_several(identities, clock_monotonic_ns()) && strcmp(identities->other, done_by) == 0 &&
                 strcmp(identities->seen[identities->current].name, done_by) == 0;
    wakeup_unlock(&writer->wakeup);
    proof->same_server = proof->same_server && !twins; /* two of one name: nobody knows which of them answered */
    return true;
}

void proof_note_server(struct writer *writer, size_t server, const char *name, int64_t up_since_ns, int64_t now_ns)
{
    struct identities *identities = &writer->servers[server].identities;
    if (identities_note(identities, name, up_since_ns, now_ns)) {
        LOG(LOG_WARN, "several servers behind one address",
            "server=%s they call themselves \"%s\" and \"%s\": unless the tables are replicated, name each in "
            "store.url by "
            "itself",
            writer->config.store->server_names[server], identities->other, name);
    }
}

bool proof_can_refill(struct worker *worker, const struct job *job)
{
    const struct writer *writer = worker->writer;
    return job->batch->delivery.view_failed &&
           views_can_be_refilled(writer->config.store, worker->session, job->batch->server,
                                 job->batch->segment->header.table, writer->config.store_options->request_timeout_ns);
}

void proof_note_view(struct worker *worker, const struct job *job)
{
    struct lane *lane = job->lane;
    const struct delivery *delivery = &job->batch->delivery;
    wakeup_lock(&worker->writer->wakeup);
    lane->view_fails = delivery->view_failed;
    if (delivery->view_failed) {
        memcpy(lane->view_reason, delivery->reason, sizeof lane->view_reason);
    }
    wakeup_unlock(&worker->writer->wakeup);
}

void proof_note_gap(struct worker *worker, const struct job *job)
{
    const struct pending_batch *batch = job->batch;
    int64_t from = INT64_MAX;
    int64_t to = INT64_MIN;
    if (!batch->delivery.view_failed) {
        return;
    }
    for (const struct segment *segment = batch->segment; segment != NULL; segment = segment->next) {
        from = segment->min_time_ns < from ? segment->min_time_ns : from;
        to = segment->max_time_ns > to ? segment->max_time_ns : to;
    }
    metric_add_stream(worker->cells, METRIC_VIEW_GAPS, job->lane->label, (int64_t)batch->rows);
    wakeup_lock(&worker->writer->wakeup);
    job->lane->view_gap_rows += batch->rows;
    wakeup_unlock(&worker->writer->wakeup);
    LOG(LOG_ERROR, "a materialized view lacks a batch that is stored",
        "segment=%s table=%s rows=%llu from=%lld to=%lld (seconds, of the time column) %s", pending_batch_name(batch),
        batch->segment->header.table, (unsigned long long)batch->rows, (long long)(from / NS_PER_SECOND),
        (long long)(to / NS_PER_SECOND), batch->delivery.reason);
}
