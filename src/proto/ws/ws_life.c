/* Turns the time since a client was heard into what is to be done about it. */
#include "proto/ws/ws_life.h"

enum ws_life_verdict ws_life_tick(struct ws_life *life, bool reading, int64_t now_ns, int64_t ping_interval_ns,
                                  int64_t pong_timeout_ns)
{
    if (!reading) {
        ws_life_hear(life, now_ns);
        return WS_LIFE_GOES_ON;
    }
    if (life->state == WS_LIFE_PINGED) {
        return now_ns - life->pinged_ns >= pong_timeout_ns ? WS_LIFE_SILENT : WS_LIFE_GOES_ON;
    }
    if (now_ns - life->heard_ns < ping_interval_ns) {
        return WS_LIFE_GOES_ON;
    }
    life->state = WS_LIFE_PINGED;
    life->pinged_ns = now_ns;
    return WS_LIFE_ASKS;
}
