/* A key that signs datagrams: what is needed to know its signature, and those that came before. Shared by the listeners that
 * name the key. Any thread may ask; one makes and frees them. */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

struct digest_scratch;
struct udp_replay;
struct udp_trailer;

#define UDP_SECRET_SIZE 32

struct udp_signer {
    uint8_t secret[UDP_SECRET_SIZE]; /* the hash of the key's text, which is its HMAC key, too */
    uint64_t id;                     /* as trailers name it */
    struct digest_hmac_key *hmac;
    struct udp_replay *replay; /* owned with others: udp_replay_share */
};

/* False: memory is short. udp_signer_release follows either way. `replay` is taken over; NULL: memory was short. */
MUST_CHECK bool udp_signer_init(struct udp_signer *signer, const uint8_t secret[UDP_SECRET_SIZE],
                                struct udp_replay *replay);
void udp_signer_release(struct udp_signer *signer);

struct udp_moment {
    int64_t wall_ns;
    int64_t window_ns;
};

/* Is the trailer's signature good, of now, and new? OK, ERROR_BAD_SIGNATURE, ERROR_OUT_OF_MEMORY, or as udp_replay_note. */
MUST_CHECK enum error udp_signer_check(const struct udp_signer *signer, struct digest_scratch *scratch,
                                       const struct udp_trailer *trailer, const struct udp_moment *moment,
                                       bool *forgot);
