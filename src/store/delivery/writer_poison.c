/* Turns what the tables take and refuse into the facts that poison.h judges by, and its verdicts into waiting. */
#include "store/delivery/writer_private.h"

static bool is_of_the_lanes_table(const struct lane *lane, const struct parcel *parcel)
{
    return lane->stream != NULL && strcmp(lane->stream->table, parcel->segment->header.table) == 0;
}

struct poison_facts poison_facts_of(const struct lane *lane, const struct parcel *parcel)
{
    const struct lane_table *table = &lane->tables[parcel->server];
    uint64_t of_family = parcel->family == NULL ? 0 : parcel->family->taken;
    return (struct poison_facts){
        .server = parcel->server,
        .taken = is_of_the_lanes_table(lane, parcel) ? table->taken : of_family,
        .stuck = table->stuck,
        .aside = parcel->aside,
        .descendant = parcel->family != NULL || parcel->apart,
        .one_row = parcel->rows == 1,
        .group = parcel->segments > 1,
    };
}

void poison_note_taken(struct worker *worker, const struct job *job)
{
    struct parcel *parcel = job->parcel;
    struct lane_table *table = &job->lane->tables[parcel->server];
    wakeup_lock(&worker->writer->wakeup);
    table->taken++;
    table->stuck = false;
    if (parcel->family != NULL) {
        parcel->family->taken++;
    }
    wakeup_unlock(&worker->writer->wakeup);
}

void poison_set_aside(struct writer *writer, struct worker *worker, const struct job *job, bool held, int64_t now_ns)
{
    struct parcel *parcel = job->parcel;
    struct poison_facts facts = poison_facts_of(job->lane, parcel);
    parcel->aside = true;
    job->lane->tables[parcel->server].stuck |= !poison_has_evidence(&parcel->delivery.poison, &facts);
    queue_set_held(writer, job->lane, parcel, held);
    parcel->next_attempt_ns = now_ns + backoff_ns(&writer->backoff, parcel->failures, &worker->random);
}
