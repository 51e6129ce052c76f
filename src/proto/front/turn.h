/* A turn of an I/O thread's loop, and what each connection may take of it. A turn serves what came since the last one;
 * the next begins with another look at all sockets.
 *
 * A payload that is light by its size is served when it comes: many of them are a short turn. A heavy one, and one of a
 * connection whose last one took long, waits in line: the line is served once those that came are, while the turn is
 * young, and at least one of it in each turn. So whatever the busy send, others wait for one heavy payload, not for all of
 * them. A connection that has more than one light payload takes them while the turn is young, and else waits in line, too.
 *
 * No lock: a turn belongs to its thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TURN_MEASURED_BYTES ((size_t)4 << 10) /* lighter payloads are not worth two looks at the clock */

struct heartbeat;

struct turn {
    int64_t (*clock)(void); /* monotonic, ns */
    /* May be NULL. It beats whenever the clock is read: a long turn that gets on is no standstill. */
    struct heartbeat *heartbeat;
    int64_t began_ns; /* 0: nobody counts turns, and everything is served at once */
    uint64_t number;
    int64_t served_ns; /* since when the present payload is served, if that is measured; else 0 */
};

/* A connection's part of it. Zeroed: it has had none. */
struct turn_share {
    uint64_t number; /* of the turn that it was last served in */
    uint32_t served; /* payloads in that one */
    bool slow;       /* its last payload took long */
    bool granted;    /* it has waited in line: the next is served whatever it weighs */
};

void turn_begin(struct turn *turn, int64_t now_ns);

/* Nothing heavy begins any more. Reads the clock. */
bool turn_is_over(struct turn *turn);

/* turn_admits, of any payload. */
bool turn_weighs(struct turn *turn, struct turn_share *share, size_t bytes, bool packed);

/* May a payload of so many bytes, as received, be served now? `packed`: it is compressed. True: turn_served follows.
 * False: the connection waits in line, and sets share->granted when it comes to it. What is asked
 * most, a connection's first small one in a turn, is answered at once. */
static inline bool turn_admits(struct turn *turn, struct turn_share *share, size_t bytes, bool packed)
{
    bool first = share->number != turn->number && !share->slow && !share->granted;
    if (!first || packed || bytes >= TURN_MEASURED_BYTES) {
        return turn_weighs(turn, share, bytes, packed);
    }
    share->number = turn->number;
    share->served = 1;
    turn->served_ns = 0;
    return true;
}

/* turn_served, of one that was measured. */
void turn_measure(struct turn *turn, struct turn_share *share);

static inline void turn_served(struct turn *turn, struct turn_share *share)
{
    share->slow = false;
    if (turn->served_ns != 0) {
        turn_measure(turn, share);
    }
}
