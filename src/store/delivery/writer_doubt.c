/* Turns a batch of unknown fate and the engines of the tables into the servers that it may go to: the one that may have it,
 * or a replica of that very table. Somebody may make a table anew at any time, so the engine is asked for before each
 * further attempt, on the server that it goes to. */
#include "store/delivery/writer_private.h"

bool doubt_is_open(const struct parcel *parcel, const struct lane *lane)
{
    return lane->stream != NULL && parcel->delivery.step != DELIVERY_STORED &&
           (parcel->sent || parcel->segment->recovered);
}

static bool is_replica(const struct parcel *parcel, const struct table_info *info)
{
    return info->replicated && info->replicas == parcel->replicas;
}

bool doubt_lets_go(const struct parcel *parcel, const struct lane *lane, size_t server)
{
    return !parcel->sent || server == parcel->sent_to || is_replica(parcel, &lane->tables[server].info);
}

void doubt_note_sent(struct worker *worker, const struct job *job, bool replicated)
{
    struct parcel *parcel = job->parcel;
    wakeup_lock(&worker->writer->wakeup);
    parcel->replicas = job->lane->tables[parcel->server].info.replicas;
    wakeup_unlock(&worker->writer->wakeup);
    parcel->roamed |= parcel->sent && parcel->sent_to != parcel->server;
    parcel->doubt_wall_ns = clock_wall_ns();
    parcel->sent = true;
    parcel->sent_to = parcel->server;
    parcel->pinned |= !replicated;
}

static void explain(const struct writer *writer, struct parcel *parcel)
{
    const char *const *names = writer->config.store->server_names;
    delivery_explain(&parcel->delivery, "%s may have this batch, and the table on %s is not one of its replicas",
                     names[parcel->sent_to], names[parcel->server]);
    LOG(LOG_WARN, "batch waits for its server", "segment=%s %s", parcel_name(parcel), parcel->delivery.reason);
}

enum doubt doubt_look_at_engine(struct worker *worker, const struct job *job, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    struct parcel *parcel = job->parcel;
    struct table_info *known = &job->lane->tables[parcel->server].info;
    wakeup_lock(&writer->wakeup);
    struct table_info info = *known;
    wakeup_unlock(&writer->wakeup);
    if (!table_read_engine(writer->config.store, worker->session, parcel->server, job->lane->stream,
                           writer->config.store_options->request_timeout_ns, &info, reply)) {
        return DOUBT_NOT_KNOWN;
    }
    wakeup_lock(&writer->wakeup);
    *known = info;
    wakeup_unlock(&writer->wakeup);
    if (!parcel->sent || is_replica(parcel, &info)) {
        return DOUBT_MAY_GO;
    }
    if (parcel->server != parcel->sent_to) {
        explain(writer, parcel);
        return DOUBT_OTHER_TABLE;
    }
    parcel->pinned = true;
    return DOUBT_MAY_GO;
}

void doubt_inherit(struct parcel *half, const struct parcel *whole)
{
    if (whole->delivery.none_stored) {
        return;
    }
    half->anywhere = whole->anywhere;
    half->sent = whole->sent;
    half->sent_to = whole->sent_to;
    half->replicas = whole->replicas;
    half->roamed = whole->roamed;
    half->doubt_wall_ns = whole->doubt_wall_ns;
}

/* Under its own token a batch is stored once, whatever is at work on the other replicas; before it is parted, none may be. */
bool doubt_is_everywhere(const struct parcel *parcel)
{
    bool parts = parcel->delivery.step == DELIVERY_EXAMINE;
    return (parcel->anywhere && !parcel->pinned) || (parcel->roamed && parts);
}

bool doubt_is_of_another_token(const struct parcel *parcel)
{
    if (parcel->delivery.step == DELIVERY_EXAMINE) {
        return parcel->delivery.in_doubt || parcel->segment->recovered;
    }
    return parcel->segment->recovered || parcel->apart || parcel->family != NULL;
}

bool doubt_replica_lags(struct worker *worker, const struct job *job, bool *lags, struct store_reply *reply)
{
    struct writer *writer = worker->writer;
    struct parcel *parcel = job->parcel;
    if (!verify_replica_lags(writer->config.store, worker->session, parcel->server, parcel->segment,
                             parcel->doubt_wall_ns, writer->config.store_options->request_timeout_ns, lags, reply)) {
        return false;
    }
    if (*lags) {
        delivery_explain(&parcel->delivery, "the replica on %s has not fetched all that others have; it is asked again",
                         writer->config.store->server_names[parcel->server]);
    }
    return true;
}
