/* Turns bytes that wait into bytes that the socket took. */
#include "proto/front/outgoing.h"

#include "base/assert.h"
#include "proto/front/transport.h"

#include <sys/types.h>

bool outgoing_write(struct outgoing *out, struct transport *transport)
{
    if (out->bytes.failed) {
        return false;
    }
    if (outgoing_waiting(out) == 0) {
        return true;
    }
    ssize_t taken = transport->ops->write(transport, slice_after(buf_slice(&out->bytes), out->at));
    if (taken < 0) {
        return false;
    }
    out->at += (size_t)taken;
    out->taken += (uint64_t)taken;
    ASSERT_AT_MOST(out->at, out->bytes.len);
    out->blocked = outgoing_waiting(out) != 0;
    if (!out->blocked) {
        outgoing_clear(out);
        buf_shed(&out->bytes, OUTGOING_ENOUGH);
    }
    return true;
}

void outgoing_clear(struct outgoing *out)
{
    buf_clear(&out->bytes);
    out->at = 0;
    out->blocked = false;
}
