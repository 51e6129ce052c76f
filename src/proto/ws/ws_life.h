/* Whether the client of a WebSocket is still there: it is asked by a ping when nothing came for long, and given up when
 * nothing comes then either. Pure: time is an argument. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum ws_life_state {
    WS_LIFE_HEARD,  /* something came, at heard_ns */
    WS_LIFE_PINGED, /* nothing came since the ping of pinged_ns */
};

struct ws_life {
    enum ws_life_state state;
    int64_t heard_ns;  /* the last sign of life, or since when its silence counts */
    int64_t pinged_ns; /* WS_LIFE_PINGED */
};

enum ws_life_verdict {
    WS_LIFE_GOES_ON,
    WS_LIFE_ASKS,   /* a ping is to be sent */
    WS_LIFE_SILENT, /* no answer to the ping in time */
};

/* Its silence counts from now on. */
static inline void ws_life_restart(struct ws_life *life, int64_t now_ns)
{
    life->heard_ns = now_ns;
}

/* A sign of life. */
static inline void ws_life_hear(struct ws_life *life, int64_t now_ns)
{
    life->state = WS_LIFE_HEARD;
    life->heard_ns = now_ns;
}

/* Once a second. While it is not read, the client cannot be heard. */
enum ws_life_verdict ws_life_tick(struct ws_life *life, bool reading, int64_t now_ns, int64_t ping_interval_ns,
                                  int64_t pong_timeout_ns);
