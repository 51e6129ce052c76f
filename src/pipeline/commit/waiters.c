/* Turns "this segment is stored" into messages to the I/O threads whose tickets waited for it. */
#include "pipeline/commit/waiters.h"

#include "base/assert.h"
#include "pipeline/commit/pipeline_inbox.h"

#include <stdlib.h>

struct waiters {
    struct waiters *next, **link; /* in the room */
    size_t shares;                /* segments that must be settled */
    bool lost;                    /* one of them became dead letters */
    size_t count;
    struct waiter items[];
};

void waiting_room_init(struct waiting_room *room)
{
    pthread_mutex_init(&room->mutex, NULL);
    room->first = NULL;
}

void waiting_room_release(struct waiting_room *room)
{
    while (room->first != NULL) {
        struct waiters *waiters = room->first;
        room->first = waiters->next;
        free(waiters);
    }
    pthread_mutex_destroy(&room->mutex);
}

struct waiters *waiters_new(struct waiting_room *room, const struct waiter *items, size_t count)
{
    struct waiters *waiters = count == 0 ? NULL : malloc(sizeof *waiters + count * sizeof *items);
    if (waiters == NULL) {
        return NULL;
    }
    *waiters = (struct waiters){ .shares = 1, .count = count };
    memcpy(waiters->items, items, count * sizeof *items);
    pthread_mutex_lock(&room->mutex);
    waiters->next = room->first;
    waiters->link = &room->first;
    if (room->first != NULL) {
        room->first->link = &waiters->next;
    }
    room->first = waiters;
    pthread_mutex_unlock(&room->mutex);
    return waiters;
}

void waiters_share(struct waiting_room *room, struct waiters *waiters)
{
    if (waiters != NULL) {
        pthread_mutex_lock(&room->mutex);
        ASSERT(waiters->shares != 0);
        waiters->shares++;
        pthread_mutex_unlock(&room->mutex);
    }
}

static bool settle_one(struct waiting_room *room, struct waiters *waiters, bool stored)
{
    pthread_mutex_lock(&room->mutex);
    ASSERT(waiters->shares != 0);
    waiters->lost |= !stored;
    bool last = --waiters->shares == 0;
    if (last) {
        ASSERT(*waiters->link == waiters);
        *waiters->link = waiters->next;
        if (waiters->next != NULL) {
            waiters->next->link = waiters->link;
        }
    }
    pthread_mutex_unlock(&room->mutex);
    return last;
}

void waiters_settle(struct waiting_room *room, struct waiters *waiters, bool stored)
{
    if (waiters == NULL || !settle_one(room, waiters, stored)) {
        return;
    }
    for (size_t i = 0; i < waiters->count && !waiters->lost; i++) {
        struct pipeline_inbox *inbox = waiters->items[i].inbox;
        if (pipeline_inbox_put_token(inbox, waiters->items[i].token)) {
            pipeline_inbox_wake(inbox);
        }
    }
    free(waiters);
}
