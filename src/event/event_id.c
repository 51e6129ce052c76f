/* Turns the key of an event, or the moment, into a UUID. */
#include "event/event_id.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"

#include <sys/random.h>

#define COUNTER_MAX 0xFFFu
#define LONGEST_NAME 160 /* of a stream: 64 bytes of its own, and what an include puts in front */

static void store_big_endian(uint8_t *to, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(to, &value, sizeof value);
}

static void set_version(struct event_id *id, unsigned version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0F) | version << 4);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3F) | 0x80);
}

struct event_id event_id_from_key(struct slice key)
{
    struct hash128 hash = hash_xxh3_128(key.data, key.len);
    struct event_id id;
    store_big_endian(id.bytes, hash.high);
    store_big_endian(id.bytes + 8, hash.low);
    set_version(&id, 8);
    return id;
}

struct event_id event_id_of_update(struct slice key, struct slice whole)
{
    struct event_id id;
    store_big_endian(id.bytes, hash_xxh3_64(key.data, key.len));
    store_big_endian(id.bytes + 8, hash_xxh3_64(whole.data, whole.len));
    set_version(&id, 8);
    return id;
}

/* Hashed are a byte that no key begins with, the id, and the stream's name. */
struct event_id event_id_in_stream(const char *stream, const struct event_id *id)
{
    char whole[1 + sizeof id->bytes + LONGEST_NAME];
    size_t len = strlen(stream);
    ASSERT_AT_MOST(len, LONGEST_NAME);
    whole[0] = (char)0xFF;
    memcpy(whole + 1, id->bytes, sizeof id->bytes);
    memcpy(whole + 1 + sizeof id->bytes, stream, len);
    return event_id_from_key(slice_make(whole, 1 + sizeof id->bytes + len));
}

void event_id_generator_init(struct event_id_generator *generator)
{
    *generator = (struct event_id_generator){ 0 };
    if (getrandom(generator->state, sizeof generator->state, 0) != (ssize_t)sizeof generator->state) {
        generator->state[0] ^= (uint64_t)clock_monotonic_ns();
        generator->state[1] ^= (uint64_t)clock_wall_ns() ^ (uint64_t)(uintptr_t)generator;
    }
    generator->state[0] |= 1; /* xorshift must not start from zero */
}

/* xorshift128+ */
static uint64_t next_random(struct event_id_generator *generator)
{
    uint64_t a = generator->state[0], b = generator->state[1];
    generator->state[0] = b;
    a ^= a << 23;
    generator->state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return generator->state[1] + b;
}

struct event_id event_id_generate(struct event_id_generator *generator, int64_t wall_ns)
{
    int64_t ms = wall_ns / NS_PER_MS;
    uint64_t random = next_random(generator);
    if (ms > generator->last_ms) {
        generator->last_ms = ms;
        generator->counter = (uint32_t)(random >> 62) << 8;
    } else if (++generator->counter > COUNTER_MAX) {
        generator->last_ms++;
        generator->counter = 0;
    }
    struct event_id id;
    store_big_endian(id.bytes, (uint64_t)generator->last_ms << 16 | generator->counter);
    store_big_endian(id.bytes + 8, random);
    set_version(&id, 7);
    return id;
}

static bool is_dash(int digit)
{
    return digit == 8 || digit == 12 || digit == 16 || digit == 20;
}

void event_id_format(const struct event_id *id, char *text)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *text++ = '-';
        }
        *text++ = hex[id->bytes[i] >> 4];
        *text++ = hex[id->bytes[i] & 0x0F];
    }
}

bool event_id_parse(struct event_id *id, struct slice text)
{
    size_t at = 0;
    if (text.len != EVENT_ID_TEXT) {
        return false;
    }
    *id = (struct event_id){ 0 };
    for (int digit = 0; digit < 32; digit++) {
        if (is_dash(digit) && text.data[at++] != '-') {
            return false;
        }
        int value = hex_digit(text.data[at++]);
        if (value < 0) {
            return false;
        }
        id->bytes[digit / 2] = (uint8_t)(id->bytes[digit / 2] << 4 | value);
    }
    return true;
}
