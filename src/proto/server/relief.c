/* Turns a want of room into connections that give way. */
#include "proto/server/relief.h"

#include "base/assert.h"
#include "base/error.h"
#include "proto/front/kept.h"
#include "proto/front/session.h"
#include "proto/http/io_context.h"
#include "proto/server/connections.h"

#include <stddef.h>

#define PART_A_SECOND 8 /* of a bound is made free in each second that others wait for it */

static void give_way(const struct kept_share *share, enum error why)
{
    ASSERT(share->waits);
    struct connection *connection = share->connection;
    connection->ops->give_way(connection->session, why);
}

/* From the longest waiting on, until no more than `enough` is kept. */
static void make_room(struct kept_line *line, uint64_t enough, size_t least_bytes, enum error why)
{
    struct kept_share *share = line->oldest;
    while (share != NULL && kept_used(line) > enough) {
        struct kept_share *newer = share->newer;
        if (share->bytes >= least_bytes) {
            give_way(share, why);
        }
        share = newer;
    }
}

static void make_room_to_receive(struct kept_line *line, uint64_t enough)
{
    make_room(line, enough, KEPT_BIG, ERROR_RECEIVING_FULL);
}

/* As many as there is room for what each may bring at once. */
static void resume(struct kept_line *line)
{
    struct kept_share *share = line->oldest;
    uint64_t used = kept_used(line), tight = kept_tight(line);
    while (share != NULL && line->stopped != 0 && used < tight) {
        struct kept_share *newer = share->newer;
        if (share->stopped) {
            struct connection *connection = share->connection;
            connection->ops->resume(connection->session);
            used += KEPT_BIG;
        }
        share = newer;
    }
}

void relief_round(struct connections *connections)
{
    struct kept_line *receiving = &connections->context->receiving, *replying = &connections->context->replying;
    if (kept_is_full(receiving)) {
        make_room_to_receive(receiving, receiving->bound->max - 1);
        make_room(receiving, receiving->bound->max - 1, 0, ERROR_RECEIVING_FULL);
    }
    if (kept_is_tight(replying)) {
        make_room(replying, kept_tight(replying), 0, ERROR_REPLYING_FULL);
    }
    if (receiving->stopped != 0 && !kept_is_tight(receiving)) {
        resume(receiving);
    }
}

void relief_tick(struct connections *connections)
{
    struct kept_line *receiving = &connections->context->receiving;
    if (receiving->stopped != 0 && kept_is_tight(receiving)) {
        make_room_to_receive(receiving, kept_tight(receiving) - receiving->bound->max / PART_A_SECOND);
    }
}
