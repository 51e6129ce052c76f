/* Turns the passing of a second into what is due: dead letters that were given back become segments on their way to the
 * store, whether they came before the start or while the gateway runs. */
#include "pipeline/pipeline_private.h"

#define MOST_AT_ONCE 1000 /* so that a tick stays short; the next one goes on */

void pipeline_tick(struct pipeline *pipeline)
{
    struct segment *adopted;
    journal_adopt(pipeline->journal, MOST_AT_ONCE, pipeline->tick_cells, &adopted);
    while (adopted != NULL) {
        struct segment *segment = adopted;
        adopted = segment->next;
        segment->next = NULL;
        if (!home_remember_adopted(&pipeline->home, segment, clock_wall_ns())) {
            LOG(LOG_WARN, "ids of a retried segment not read", "segment=%s", segment->name);
        }
        writer_submit(pipeline->writer, segment);
    }
    dead_letters_watch(pipeline->letters); /* people take letters away */
}

int64_t pipeline_turn_ns(const struct pipeline *pipeline, int64_t now_ns)
{
    return heartbeat_age_ns(&pipeline->commit_thread.heartbeat, now_ns);
}
