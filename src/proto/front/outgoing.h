/* The bytes of one connection that wait for its socket. No library keeps a copy of them: what is here is all that the
 * process keeps of what was written. Not for more than one thread. */
#pragma once

#include "base/bytes.h"

struct transport;

/* Beyond so many bytes no further replies are put behind those that wait. */
#define OUTGOING_ENOUGH ((size_t)256 << 10)

/* Bytes [at, bytes.len) wait. Zeroed it is empty. `blocked`: the socket takes no more, and the transport says when it
 * does. */
struct outgoing {
    struct buf bytes;
    size_t at;
    bool blocked;
    uint64_t taken; /* by the socket, in all */
};

static inline size_t outgoing_waiting(const struct outgoing *out)
{
    return out->bytes.len - out->at;
}

/* Nothing waits, nor should. */
static inline bool outgoing_is_empty(const struct outgoing *out)
{
    return outgoing_waiting(out) == 0 && !out->bytes.failed;
}

/* Gives the transport what waits. False: the connection is lost, or memory was short for what should be here. */
MUST_CHECK bool outgoing_write(struct outgoing *out, struct transport *transport);

/* Forgets what waits. */
void outgoing_clear(struct outgoing *out);
