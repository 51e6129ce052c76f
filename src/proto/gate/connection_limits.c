/* Turns the comings and goings of connections into counts: in all, and per client address. */
#include "proto/gate/connection_limits.h"

#include "base/hash.h"
#include "proto/front/client_address.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define SIZE_AT_FIRST 64
#define NETWORK_BYTES 8 /* of an IPv6 address */

struct row {
    struct client_address address;
    int64_t count; /* 0: the row is free */
};

/* A hash table of addresses with linear probing. Invariant: `used` rows of `size` (a power of two) have a count, at most
 * half of them; used <= total. */
struct connection_limits {
    pthread_mutex_t mutex;
    int64_t max;
    int64_t max_per_address;
    int64_t total;
    struct row *rows;
    size_t size;
    size_t used;
    uint64_t salt; /* so that nobody chooses addresses that collide */
};

struct connection_limits *connection_limits_new(int64_t max, int64_t max_per_address)
{
    struct connection_limits *limits = calloc(1, sizeof *limits);
    struct row *rows = calloc(SIZE_AT_FIRST, sizeof *rows);
    if (limits == NULL || rows == NULL) {
        free(limits);
        free(rows);
        return NULL;
    }
    *limits = (struct connection_limits){
        .max = max, .max_per_address = max_per_address, .rows = rows, .size = SIZE_AT_FIRST
    };
    if (getrandom(&limits->salt, sizeof limits->salt, GRND_NONBLOCK) != (ssize_t)sizeof limits->salt) {
        limits->salt = (uint64_t)(uintptr_t)rows;
    }
    pthread_mutex_init(&limits->mutex, NULL);
    return limits;
}

void connection_limits_set(struct connection_limits *limits, int64_t max, int64_t max_per_address)
{
    pthread_mutex_lock(&limits->mutex);
    limits->max = max;
    limits->max_per_address = max_per_address;
    pthread_mutex_unlock(&limits->mutex);
}

void connection_limits_free(struct connection_limits *limits)
{
    if (limits != NULL) {
        pthread_mutex_destroy(&limits->mutex);
        free(limits->rows);
        free(limits);
    }
}

static size_t slot_of(const struct connection_limits *limits, const struct client_address *address)
{
    char key[sizeof limits->salt + sizeof address->bytes];
    memcpy(key, &limits->salt, sizeof limits->salt);
    memcpy(key + sizeof limits->salt, address->bytes, sizeof address->bytes);
    return (size_t)hash_xxh3_64(key, sizeof key) & (limits->size - 1);
}

/* Its row, or the free one where it belongs. */
static size_t find(const struct connection_limits *limits, const struct client_address *address)
{
    size_t at = slot_of(limits, address);
    while (limits->rows[at].count != 0 &&
           memcmp(limits->rows[at].address.bytes, address->bytes, sizeof address->bytes) != 0) {
        at = (at + 1) & (limits->size - 1);
    }
    return at;
}

static bool grow(struct connection_limits *limits)
{
    struct row *old = limits->rows;
    size_t old_size = limits->size;
    struct row *rows = calloc(old_size * 2, sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    limits->rows = rows;
    limits->size = old_size * 2;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].count != 0) {
            rows[find(limits, &old[i].address)] = old[i];
        }
    }
    free(old);
    return true;
}

static enum error enter(struct connection_limits *limits, const struct client_address *address)
{
    if (limits->total >= limits->max) {
        return ERROR_TOO_MANY_WEBSOCKETS;
    }
    if (limits->used * 2 >= limits->size && !grow(limits)) {
        return ERROR_OUT_OF_MEMORY;
    }
    struct row *row = &limits->rows[find(limits, address)];
    if (row->count >= limits->max_per_address) {
        return ERROR_TOO_MANY_OF_ADDRESS;
    }
    if (row->count == 0) {
        row->address = *address;
        limits->used++;
    }
    row->count++;
    limits->total++;
    return OK;
}

static struct client_address counted_as(const struct client_address *address)
{
    static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF }; /* IPv4 */
    struct client_address network = *address;
    if (memcmp(network.bytes, mapped, sizeof mapped) != 0) {
        memset(network.bytes + NETWORK_BYTES, 0, sizeof network.bytes - NETWORK_BYTES);
    }
    return network;
}

enum error connection_limits_enter(struct connection_limits *limits, const struct client_address *address)
{
    struct client_address network = counted_as(address);
    pthread_mutex_lock(&limits->mutex);
    enum error error = enter(limits, &network);
    pthread_mutex_unlock(&limits->mutex);
    return error;
}

/* Rows behind a freed one move up, so that a search never meets a gap before what it looks for. */
static void close_gap(struct connection_limits *limits, size_t gap)
{
    size_t mask = limits->size - 1;
    for (size_t at = (gap + 1) & mask; limits->rows[at].count != 0; at = (at + 1) & mask) {
        size_t slot = slot_of(limits, &limits->rows[at].address);
        if (((at - slot) & mask) >= ((at - gap) & mask)) {
            limits->rows[gap] = limits->rows[at];
            limits->rows[at].count = 0;
            gap = at;
        }
    }
}

void connection_limits_leave(struct connection_limits *limits, const struct client_address *address)
{
    struct client_address network = counted_as(address);
    pthread_mutex_lock(&limits->mutex);
    size_t at = find(limits, &network);
    if (limits->rows[at].count != 0) {
        limits->total--;
        if (--limits->rows[at].count == 0) {
            limits->used--;
            close_gap(limits, at);
        }
    }
    pthread_mutex_unlock(&limits->mutex);
}
