/* Turns one sealed segment into one for each destination. */
#include "pipeline/destinations.h"

#include "base/assert.h"
#include "base/error.h"
#include "event/segment/segment.h"
#include "pipeline/journal/journal.h"

#include <stdbool.h>

void destinations_init(struct destinations *destinations)
{
    *destinations = (struct destinations){ .end = &destinations->waiting };
    pthread_mutex_init(&destinations->mutex, NULL);
}

void destinations_release(struct destinations *destinations)
{
    while (destinations->waiting != NULL) {
        struct segment *segment = destinations->waiting;
        destinations->waiting = segment->next;
        segment_free(segment);
    }
    pthread_mutex_destroy(&destinations->mutex);
}

void destinations_add(struct destinations *destinations, struct destination destination)
{
    ASSERT_BELOW(destinations->count, DESTINATIONS_MOST);
    ASSERT_EQUAL(destination.journal == NULL, destinations->count == 0);
    destinations->items[destinations->count++] = destination;
}

/* NULL: it has it already. */
static void give(const struct destination *destination, struct segment *segment)
{
    if (segment != NULL) {
        destination->submit(destination->context, segment);
    }
}

/* Not wanted yet, as another destination cannot have it. */
static void take_back(const struct destination *destination, struct segment *shared)
{
    if (shared != NULL && journal_remove(destination->journal, shared) != OK) {
        give(destination, shared); /* it has it, then */
    }
}

/* Links first: once the first destination has a segment, it may be gone. */
static bool give_to_all(struct destinations *destinations, struct segment *segment)
{
    struct segment *shares[DESTINATIONS_MOST] = { segment };
    size_t shared = 1;
    while (shared < destinations->count &&
           journal_share(destinations->items[shared].journal, segment, &shares[shared]) == OK) {
        shared++;
    }
    if (shared < destinations->count) {
        while (--shared != 0) {
            take_back(&destinations->items[shared], shares[shared]);
        }
        return false;
    }
    for (size_t i = 0; i < destinations->count; i++) {
        give(&destinations->items[i], shares[i]);
    }
    return true;
}

static void let_wait(struct destinations *destinations, struct segment *segment)
{
    segment->next = NULL;
    *destinations->end = segment;
    destinations->end = &segment->next;
}

void destinations_submit(struct destinations *destinations, struct segment *segment)
{
    ASSERT(destinations->count != 0);
    if (destinations->count == 1) {
        give(&destinations->items[0], segment);
        return;
    }
    pthread_mutex_lock(&destinations->mutex);
    if (destinations->waiting != NULL || !give_to_all(destinations, segment)) {
        let_wait(destinations, segment);
    }
    pthread_mutex_unlock(&destinations->mutex);
}

void destinations_retry(struct destinations *destinations)
{
    pthread_mutex_lock(&destinations->mutex);
    while (destinations->waiting != NULL) {
        struct segment *segment = destinations->waiting;
        struct segment *next = segment->next;
        segment->next = NULL;
        if (!give_to_all(destinations, segment)) {
            segment->next = next;
            break;
        }
        destinations->waiting = next;
    }
    if (destinations->waiting == NULL) {
        destinations->end = &destinations->waiting;
    }
    pthread_mutex_unlock(&destinations->mutex);
}
