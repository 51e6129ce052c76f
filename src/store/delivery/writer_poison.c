/* Turns what the tables take and refuse into the facts that poison.h judges by, and its verdicts into waiting. */
#include "store/delivery/writer_private.h"

#include "event/stream.h"

static bool is_of_the_lanes_table(const struct lane *lane, const struct pending_batch *batch)
{
    return lane->stream != NULL && strcmp(lane->stream->table, batch->segment->header.table) == 0;
}

struct poison_facts poison_facts_of(const struct lane *lane, const struct pending_batch *batch)
{
    const struct lane_table *table = &lane->tables[batch->server];
    uint64_t of_family = batch->family == NULL ? 0 : batch->family->taken;
    return (struct poison_facts){
        .server = batch->server,
        .taken = is_of_the_lanes_table(lane, batch) ? table->taken : of_family,
        .stuck = table->stuck,
        .aside = batch->aside,
        .descendant = batch->family != NULL || batch->apart,
        .one_row = batch->rows == 1,
        .group = batch->segments > 1,
    };
}

void poison_note_taken(struct worker *worker, const struct job *job)
{
    struct pending_batch *batch = job->batch;
    struct lane_table *table = &job->lane->tables[batch->server];
    wakeup_lock(&worker->writer->wakeup);
    table->taken++;
    table->stuck = false;
    if (batch->family != NULL) {
        batch->family->taken++;
    }
    wakeup_unlock(&worker->writer->wakeup);
}

void poison_set_aside(struct writer *writer, struct worker *worker, const struct job *job, bool held, int64_t now_ns)
{
    struct pending_batch *batch = job->batch;
    struct poison_facts facts = poison_facts_of(job->lane, batch);
    batch->aside = true;
    job->lane->tables[batch->server].stuck |= !poison_has_evidence(&batch->delivery.poison, &facts);
    queue_set_held(writer, job->lane, batch, held);
    batch->next_attempt_ns = now_ns + backoff_ns(&writer->backoff, batch->failures, &worker->random);
}
