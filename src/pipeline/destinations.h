/* Where sealed segments go: to each destination once. The first has the journal that events are written to. Every other
 * has one of its own, and each segment is linked there before any destination has it (journal_share). So a destination that
 * stores, buries or splits a segment does not touch the others. A start finds in each journal the segments that its
 * destination still needs. The bytes are gone when the last has removed its link.
 *
 * A segment goes to all or, while a link cannot be made, to none: it waits, and is tried again. After a crash between two
 * links or submissions a destination may get a segment again, as recovered: its rows are then counted before they are sent.
 *
 * Today there is one destination, the store: then a segment goes to it at once, and none of this costs anything.
 *
 * Any thread may submit; `submit` of a destination is called on that thread, under the lock if there are several. */
#pragma once

#include <pthread.h>

struct segment;

#define DESTINATIONS_MOST 8

struct destination {
    struct journal *journal;                                /* of the first: NULL, segments lie there already */
    void (*submit)(void *context, struct segment *segment); /* takes it */
    void *context;
};

struct destinations {
    struct destination items[DESTINATIONS_MOST];
    size_t count;
    pthread_mutex_t mutex;
    struct segment *waiting; /* by `next`, oldest first: not yet with any of them */
    struct segment **end;
};

void destinations_init(struct destinations *destinations);

/* Frees what waits; it stays on disk. */
void destinations_release(struct destinations *destinations);

/* Before the first segment. */
void destinations_add(struct destinations *destinations, struct destination destination);

/* Takes the segment. */
void destinations_submit(struct destinations *destinations, struct segment *segment);

/* Once a second or so: tries again what waits. */
void destinations_retry(struct destinations *destinations);
