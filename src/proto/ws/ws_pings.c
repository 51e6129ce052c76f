/* Turns pings into pongs, and silence into pings. */
#include "proto/ws/ws_pings.h"

#include "base/assert.h"
#include "proto/ws/ws_frame.h"

void ws_pings_owe_pong(struct ws_pings *pings, struct slice payload)
{
    ASSERT_AT_MOST(pings->count, WS_PONGS_MAX);
    if (pings->count == WS_PONGS_MAX) {
        ASSERT_AT_MOST(pings->last, pings->pongs.len);
        pings->pongs.len = pings->last;
    } else {
        pings->count++;
    }
    pings->last = pings->pongs.len;
    ws_frame_write(&pings->pongs, WS_PONG, payload);
}

void ws_pings_write(struct ws_pings *pings, struct buf *out)
{
    out->failed |= pings->pongs.failed;
    buf_append_slice(out, buf_slice(&pings->pongs));
    buf_clear(&pings->pongs);
    if (pings->ping) {
        ws_frame_write(out, WS_PING, SLICE(""));
    }
    pings->last = 0;
    pings->count = 0;
    pings->ping = false;
}
