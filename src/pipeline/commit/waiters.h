/* Tickets that wait until their segment is stored (?wait=stored). They hang on the segment (segment->waiters),
 * and its halves share them when it is split. They are told when all of it is in the table. If a part became dead letters
 * they are not told, and the front end's wait_timeout answers. */
#pragma once

#include "event/ticket.h"

#include <pthread.h>
#include <stdbool.h>

struct pipeline_inbox;
struct waiters;

struct waiter {
    struct pipeline_inbox *inbox;
    struct token token;
};

/* All that wait, so that none is leaked with a segment that is never delivered. */
struct waiting_room {
    pthread_mutex_t mutex;
    struct waiters *first;
};

void waiting_room_init(struct waiting_room *room);
void waiting_room_release(struct waiting_room *room);

/* Commit thread. NULL if memory is short or count is 0. */
struct waiters *waiters_new(struct waiting_room *room, const struct waiter *items, size_t count);

/* Writer threads. NULL is no waiters. One more segment must be settled before they are told. */
void waiters_share(struct waiting_room *room, struct waiters *waiters);

/* Writer threads. One segment is settled; after the last one the waiters are told and freed. */
void waiters_settle(struct waiting_room *room, struct waiters *waiters, bool stored);
