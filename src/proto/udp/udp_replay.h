/* The signatures that came before, of one key, so that no datagram is taken twice. Bounded: it holds `most` of them. A
 * signature is forgotten when its window is over; or sooner, the oldest first, when the place is needed. What was signed
 * before the newest of those is refused from then on: nothing that was forgotten comes in again. So a key that signs more
 * than `most` in a window has a shorter window, and what comes late is refused.
 *
 * A signature from the future is not forgotten in this way, as all that is signed before it would be refused. If nothing
 * else is there, the datagram has no place and is refused.
 *
 * Any thread; one lock. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct udp_replay;

/* Refuses what was signed before `since_ns`: a process before this one may have taken it. NULL: memory is short. */
struct udp_replay *udp_replay_new(size_t most, int64_t since_ns);

/* The same, with one more owner; not while another owner may call udp_replay_free. */
struct udp_replay *udp_replay_share(struct udp_replay *replay);
void udp_replay_free(struct udp_replay *replay);

struct udp_signature {
    const void *mac;   /* 16 bytes, known to be good */
    int64_t signed_ns; /* wall time, at most window_ns from now_ns */
    int64_t now_ns;    /* likewise */
    int64_t window_ns;
};

/* OK: it is remembered. Else ERROR_REPLAYED, ERROR_SIGNATURE_TIME (it may have been forgotten) or ERROR_SIGNATURES_FULL.
 * *forgot: one was forgotten before its window was over. */
MUST_CHECK enum error udp_replay_note(struct udp_replay *replay, const struct udp_signature *signature, bool *forgot);
