/* Turns what payloads weigh, and what they took, into an order among connections. */
#include "proto/front/turn.h"

#include "base/clock.h"
#include "base/system/heartbeat.h"

#define TURN_NS (5 * NS_PER_MS)
#define SLOW_NS NS_PER_MS
#define HEAVY_BYTES ((size_t)64 << 10)
#define PACKED_WEIGHT 256 /* of a compressed byte: so many may come of it */
#define LOOK_EVERY 4      /* light payloads of one connection, at the clock */

_Static_assert((LOOK_EVERY & (LOOK_EVERY - 1)) == 0, "counted by a mask");

void turn_begin(struct turn *turn, int64_t now_ns)
{
    turn->began_ns = now_ns;
    turn->number++;
}

static int64_t read_clock(const struct turn *turn)
{
    int64_t now_ns = turn->clock();
    if (turn->heartbeat != NULL) {
        heartbeat_turn(turn->heartbeat, now_ns);
    }
    return now_ns;
}

bool turn_is_over(struct turn *turn)
{
    return turn->began_ns != 0 && read_clock(turn) - turn->began_ns >= TURN_NS;
}

static void count_one(const struct turn *turn, struct turn_share *share)
{
    share->served = share->number == turn->number ? share->served + 1 : 1;
    share->number = turn->number;
}

/* The first of a connection in each turn is served; the others while the turn is young. */
static bool admits_light(struct turn *turn, const struct turn_share *share)
{
    return (share->served & (LOOK_EVERY - 1)) != 0 || !turn_is_over(turn);
}

bool turn_weighs(struct turn *turn, struct turn_share *share, size_t bytes, bool packed)
{
    size_t weight = packed ? bytes * PACKED_WEIGHT : bytes;
    turn->served_ns = 0;
    if (turn->began_ns == 0) {
        return true;
    }
    count_one(turn, share);
    if (!share->granted && (share->slow || weight >= HEAVY_BYTES || !admits_light(turn, share))) {
        return false;
    }
    if (share->granted || weight >= TURN_MEASURED_BYTES) {
        turn->served_ns = read_clock(turn);
    }
    share->granted = false;
    return true;
}

void turn_measure(struct turn *turn, struct turn_share *share)
{
    share->slow = read_clock(turn) - turn->served_ns >= SLOW_NS;
}
