/* Turns the last bytes of a datagram into what they say of its signature. */
#include "proto/udp/udp_trailer.h"

#include "base/assert.h"
#include "base/digest.h"

struct udp_trailer udp_trailer_of(struct slice datagram)
{
    ASSERT(udp_trailer_is_there(datagram));
    size_t payload = datagram.len - UDP_TRAILER_SIZE;
    const char *at = datagram.data + payload;
    return (struct udp_trailer){
        .payload = slice_make(datagram.data, payload),
        .covered = slice_make(datagram.data, payload + 16),
        .signed_ns = load_u64(at),
        .key_id = load_u64(at + 8),
        .mac = at + 16,
    };
}

bool udp_trailer_key_id(struct slice secret, uint64_t *id)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    bool done = digest_sha256(secret, digest);
    *id = done ? load_u64(digest) : 0;
    return done;
}
