/* The identity of an event: a UUID.
 *
 * Version 8 (RFC 9562): XXH3-128 (seed 0), with the six version and variant bits overwritten. Hashed are
 *   - a version byte 0x01,
 *   - the stream's name (varint length, bytes),
 *   - for each field of the dedup key in order, its column value in wire encoding,
 *   - for each optional field that the event has, its name and value.
 * The same event has the same id on every gateway, for ever. docs/protocol.md has test vectors.
 * Version 7: made here, for an event without a stable identity; never a duplicate. */
#pragma once

#include "base/bytes.h"

/* In the order in which a UUID is written: bytes[0] is the first two hex digits. */
struct event_id {
    uint8_t bytes[16];
};

#define EVENT_ID_TEXT 36

/* `key` is everything that is hashed, version byte included. */
struct event_id event_id_from_key(struct slice key);

/* Of an update: the first half follows from its key alone, the second from the key and all values. Each is a hash_xxh3_64
 * of what is hashed, but for the bits of version and variant. */
struct event_id event_id_of_update(struct slice key, struct slice whole);

/* What stands in the duplicate filter for an id that a client may have given: the filter's ids are of all streams, and only
 * those of version 8 are looked up. */
struct event_id event_id_in_stream(const char *stream, const struct event_id *id);

/* Makes UUIDv7: 48 bits of milliseconds, a counter that keeps ids of one generator in order, and random bits. One
 * generator per thread. */
struct event_id_generator {
    uint64_t state[2];
    int64_t last_ms;
    uint32_t counter;
};

void event_id_generator_init(struct event_id_generator *generator);
struct event_id event_id_generate(struct event_id_generator *generator, int64_t wall_ns);

/* No UUID is. */
static inline bool event_id_is_zero(const struct event_id *id)
{
    return (load_u64(id->bytes) | load_u64(id->bytes + 8)) == 0;
}

/* Version 8: worth looking up. */
static inline bool event_id_is_stable(const struct event_id *id)
{
    return (id->bytes[6] >> 4) == 8;
}

/* Version 7: the event is stored again if it is sent again. */
static inline bool event_id_is_made_up(const struct event_id *id)
{
    return (id->bytes[6] >> 4) == 7;
}

/* Writes EVENT_ID_TEXT characters, no NUL. */
void event_id_format(const struct event_id *id, char *text);
MUST_CHECK bool event_id_parse(struct event_id *id, struct slice text);

/* ClickHouse's Native UUID: each half of 8 bytes reversed. Its own inverse. */
static inline void event_id_to_wire(const struct event_id *id, uint8_t wire[16])
{
    uint64_t high = __builtin_bswap64(load_u64(id->bytes)), low = __builtin_bswap64(load_u64(id->bytes + 8));
    memcpy(wire, &high, 8);
    memcpy(wire + 8, &low, 8);
}
