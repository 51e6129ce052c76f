/* The trailer of a signed datagram: its last 40 bytes (docs/protocol.md, "Signed datagrams").
 *
 *   8  when it was signed: nanoseconds since 1970, little-endian
 *   8  which key signed it: the first bytes of SHA-256 of the HMAC key
 *  16  the first half of HMAC-SHA-256 (RFC 2104) over all that stands before
 *   8  "SluiceH" and the version, 1
 *
 * The HMAC key is the SHA-256 of the key's text: the hash that the configuration has.
 *
 * No payload without one ends so. JSON, and an LZ4 block of JSON, end in a character of JSON, which 1 is not. An LZ4 frame
 * ends in four zeros, or in these and a checksum of four bytes. Pure. */
#pragma once

#include "base/bytes.h"

#define UDP_TRAILER_MAC 16
#define UDP_TRAILER_SIZE (8 + 8 + UDP_TRAILER_MAC + 8)
#define UDP_TRAILER_MARK "SluiceH\x01"

struct udp_trailer {
    struct slice payload; /* what stands before it */
    struct slice covered; /* what its HMAC is over */
    uint64_t signed_ns;
    uint64_t key_id;
    const char *mac; /* UDP_TRAILER_MAC bytes */
};

static inline bool udp_trailer_is_there(struct slice datagram)
{
    return datagram.len >= UDP_TRAILER_SIZE && memcmp(datagram.data + datagram.len - 8, UDP_TRAILER_MARK, 8) == 0;
}

/* Of a datagram that has one. */
struct udp_trailer udp_trailer_of(struct slice datagram);

/* As trailers name the HMAC key `secret`. False: memory is short. */
MUST_CHECK bool udp_trailer_key_id(struct slice secret, uint64_t *id);
