/* Turns the passing of a second into what is due: dead letters that were given back become segments on their way to the
 * store, whether they came before the start or while the gateway runs. */
#include "pipeline/pipeline_private.h"

#include "base/log.h"
#include "event/segment/segment.h"
#include "pipeline/journal/dead_letters.h"
#include "pipeline/journal/journal.h"

#include <stdlib.h>

#define MOST_AT_ONCE 1000 /* so that a tick stays short; the next one goes on */

/* NULL if memory is short. Takes the segment otherwise. */
static struct returned *read_returned(const struct settlement *settlement, struct segment *segment)
{
    struct returned *returned = calloc(1, sizeof *returned);
    if (returned == NULL) {
        return NULL;
    }
    returned->segment = segment;
    if (settlement_read_ids(&settlement->streams, segment, &returned->ids) != OK) {
        LOG(LOG_WARN, "ids of a retried segment not read", "segment=%s", segment->name);
    }
    return returned;
}

/* By way of the commit thread, so that the ids are remembered before the rows can be stored and their file removed. */
static void hand_over(struct pipeline *pipeline, struct segment *adopted)
{
    struct returned *list = NULL;
    struct returned **end = &list;
    while (adopted != NULL) {
        struct segment *segment = adopted;
        adopted = segment->next;
        segment->next = NULL;
        *end = read_returned(&pipeline->settlement, segment);
        if (*end != NULL) {
            end = &(*end)->next;
        } else {
            destinations_submit(&pipeline->destinations,
                                segment); /* the table collapses what its ids would have stopped */
        }
    }
    if (list != NULL) {
        commit_queue_return(&pipeline->queue, list);
    }
}

void pipeline_tick(struct pipeline *pipeline)
{
    struct segment *adopted;
    journal_adopt(pipeline->journal, MOST_AT_ONCE, pipeline->tick_cells, &adopted);
    hand_over(pipeline, adopted);
    destinations_retry(&pipeline->destinations);
    dead_letters_watch(pipeline->letters); /* people take letters away */
    refusals_tell(&pipeline->refusals);
}

int64_t pipeline_turn_ns(const struct pipeline *pipeline, int64_t now_ns)
{
    return heartbeat_age_ns(&pipeline->commit_thread.heartbeat, now_ns);
}
