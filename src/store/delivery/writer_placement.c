/* Turns a batch of unknown fate and the engines of the tables into the servers that it may go to: the one that may have it,
 * or a replica of that very table. Somebody may make a table anew at any time, so the engine is asked for before each
 * further attempt, on the server that it goes to. */
#include "store/delivery/writer_private.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/options/store_options.h"
#include "store/delivery/verify.h"

bool placement_is_open(const struct pending_batch *batch, const struct lane *lane)
{
    return lane->stream != NULL && batch->delivery.step != DELIVERY_STORED &&
           (batch->sent || batch->segment->recovered);
}

static bool is_replica(const struct pending_batch *batch, const struct table_info *info)
{
    return info->replicated && info->replicas == batch->replicas;
}

bool placement_lets_go(const struct pending_batch *batch, const struct lane *lane, size_t server)
{
    return !batch->sent || server == batch->sent_to || is_replica(batch, &lane->tables[server].info);
}

void placement_note_sent(struct worker *worker, const struct job *job, bool replicated)
{
    struct pending_batch *batch = job->batch;
    wakeup_lock(&worker->writer->wakeup);
    batch->replicas = job->lane->tables[batch->server].info.replicas;
    wakeup_unlock(&worker->writer->wakeup);
    batch->roamed |= batch->sent && batch->sent_to != batch->server;
    batch->unknown_wall_ns = clock_wall_ns();
    batch->sent = true;
    batch->sent_to = batch->server;
    batch->pinned |= !replicated;
}

static void explain(const struct writer *writer, struct pending_batch *batch)
{
    ASSERT(batch->sent && batch->sent_to != batch->server);
    const char *const *names = writer->config.store->server_names;
    delivery_explain(&batch->delivery, "%s may have this batch, and the table on %s is not one of its replicas",
                     names[batch->sent_to], names[batch->server]);
    LOG(LOG_WARN, "batch waits for its server", "segment=%s %s", pending_batch_name(batch), batch->delivery.reason);
}

enum placement placement_look_at_engine(struct worker *worker, const struct job *job, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    struct pending_batch *batch = job->batch;
    struct table_info *known = &job->lane->tables[batch->server].info;
    wakeup_lock(&writer->wakeup);
    struct table_info info = *known;
    wakeup_unlock(&writer->wakeup);
    if (!table_read_engine(writer->config.store, worker->session, batch->server, job->lane->stream,
                           writer->config.store_options->request_timeout_ns, &info, reply)) {
        return PLACEMENT_NOT_KNOWN;
    }
    wakeup_lock(&writer->wakeup);
    *known = info;
    wakeup_unlock(&writer->wakeup);
    if (!batch->sent || is_replica(batch, &info)) {
        return PLACEMENT_MAY_GO;
    }
    if (batch->server != batch->sent_to) {
        explain(writer, batch);
        return PLACEMENT_OTHER_TABLE;
    }
    batch->pinned = true;
    return PLACEMENT_MAY_GO;
}

void placement_inherit(struct pending_batch *half, const struct pending_batch *whole)
{
    if (whole->delivery.none_stored) {
        return;
    }
    half->anywhere = whole->anywhere;
    half->sent = whole->sent;
    half->sent_to = whole->sent_to;
    half->replicas = whole->replicas;
    half->roamed = whole->roamed;
    half->unknown_wall_ns = whole->unknown_wall_ns;
}

/* Under its own token a batch is stored once, whatever is at work on the other replicas; before it is parted, none may
 * be. */
bool placement_is_everywhere(const struct pending_batch *batch)
{
    bool parts = batch->delivery.step == DELIVERY_EXAMINE;
    return (batch->anywhere && !batch->pinned) || (batch->roamed && parts);
}

bool placement_is_of_another_token(const struct pending_batch *batch)
{
    if (batch->delivery.step == DELIVERY_EXAMINE) {
        return batch->delivery.in_doubt || batch->segment->recovered;
    }
    return batch->segment->recovered || batch->apart || batch->family != NULL;
}

bool placement_replica_lags(struct worker *worker, const struct job *job, bool *lags, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    struct pending_batch *batch = job->batch;
    if (!verify_replica_lags(writer->config.store, worker->session, batch->server, batch->segment,
                             batch->unknown_wall_ns, writer->config.store_options->request_timeout_ns, lags, reply)) {
        return false;
    }
    if (*lags) {
        delivery_explain(&batch->delivery, "the replica on %s has not fetched all that others have; it is asked again",
                         writer->config.store->server_names[batch->server]);
    }
    return true;
}
