/* The pings and pongs that a WebSocket owes its client. */
#pragma once

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct slice;

/* Pings that wait for their answers. Of more the newest takes the place of the one before it, as RFC 6455, 5.5.3, allows. */
#define WS_PONGS_MAX 16

/* Zeroed it owes none. Invariants: count <= WS_PONGS_MAX; last <= pongs.len. */
struct ws_pings {
    struct buf pongs; /* `count` frames; the last begins at `last` */
    size_t last;
    unsigned count;
    bool ping;
};

static inline bool ws_pings_owe(const struct ws_pings *pings)
{
    return pings->count != 0 || pings->ping;
}

/* The answer to a ping of the client, with its payload. */
void ws_pings_owe_pong(struct ws_pings *pings, struct slice payload);

/* Appends what is owed to `out`; if memory was short for it, `out` has failed. */
void ws_pings_write(struct ws_pings *pings, struct buf *out);
