/* Turns the comings and goings of connections into counts: in all, and per client address. */
#include "proto/http/ws_census.h"

#include "base/hash.h"

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
 * half of them; used <= total <= max. */
struct ws_census {
    pthread_mutex_t mutex;
    int64_t max;
    int64_t max_per_address;
    int64_t total;
    struct row *rows;
    size_t size;
    size_t used;
    uint64_t salt; /* so that nobody chooses addresses that collide */
};

struct ws_census *ws_census_new(int64_t max, int64_t max_per_address)
{
    struct ws_census *census = calloc(1, sizeof *census);
    struct row *rows = calloc(SIZE_AT_FIRST, sizeof *rows);
    if (census == NULL || rows == NULL) {
        free(census);
        free(rows);
        return NULL;
    }
    *census = (struct ws_census){ .max = max, .max_per_address = max_per_address, .rows = rows, .size = SIZE_AT_FIRST };
    if (getrandom(&census->salt, sizeof census->salt, GRND_NONBLOCK) != (ssize_t)sizeof census->salt) {
        census->salt = (uint64_t)(uintptr_t)rows;
    }
    pthread_mutex_init(&census->mutex, NULL);
    return census;
}

void ws_census_free(struct ws_census *census)
{
    if (census != NULL) {
        pthread_mutex_destroy(&census->mutex);
        free(census->rows);
        free(census);
    }
}

static size_t home_of(const struct ws_census *census, const struct client_address *address)
{
    char key[sizeof census->salt + sizeof address->bytes];
    memcpy(key, &census->salt, sizeof census->salt);
    memcpy(key + sizeof census->salt, address->bytes, sizeof address->bytes);
    return (size_t)hash_xxh3_64(key, sizeof key) & (census->size - 1);
}

/* Its row, or the free one where it belongs. */
static size_t find(const struct ws_census *census, const struct client_address *address)
{
    size_t at = home_of(census, address);
    while (census->rows[at].count != 0 &&
           memcmp(census->rows[at].address.bytes, address->bytes, sizeof address->bytes) != 0) {
        at = (at + 1) & (census->size - 1);
    }
    return at;
}

static bool grow(struct ws_census *census)
{
    struct row *old = census->rows;
    size_t old_size = census->size;
    struct row *rows = calloc(old_size * 2, sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    census->rows = rows;
    census->size = old_size * 2;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].count != 0) {
            rows[find(census, &old[i].address)] = old[i];
        }
    }
    free(old);
    return true;
}

static enum error enter(struct ws_census *census, const struct client_address *address)
{
    if (census->total >= census->max) {
        return ERROR_TOO_MANY_WEBSOCKETS;
    }
    if (census->used * 2 >= census->size && !grow(census)) {
        return ERROR_OUT_OF_MEMORY;
    }
    struct row *row = &census->rows[find(census, address)];
    if (row->count >= census->max_per_address) {
        return ERROR_TOO_MANY_OF_ADDRESS;
    }
    if (row->count == 0) {
        row->address = *address;
        census->used++;
    }
    row->count++;
    census->total++;
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

enum error ws_census_enter(struct ws_census *census, const struct client_address *address)
{
    struct client_address network = counted_as(address);
    pthread_mutex_lock(&census->mutex);
    enum error error = enter(census, &network);
    pthread_mutex_unlock(&census->mutex);
    return error;
}

/* Rows behind a freed one move up, so that a search never meets a gap before what it looks for. */
static void close_gap(struct ws_census *census, size_t gap)
{
    size_t mask = census->size - 1;
    for (size_t at = (gap + 1) & mask; census->rows[at].count != 0; at = (at + 1) & mask) {
        size_t home = home_of(census, &census->rows[at].address);
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            census->rows[gap] = census->rows[at];
            census->rows[at].count = 0;
            gap = at;
        }
    }
}

void ws_census_leave(struct ws_census *census, const struct client_address *address)
{
    struct client_address network = counted_as(address);
    pthread_mutex_lock(&census->mutex);
    size_t at = find(census, &network);
    if (census->rows[at].count != 0) {
        census->total--;
        if (--census->rows[at].count == 0) {
            census->used--;
            close_gap(census, at);
        }
    }
    pthread_mutex_unlock(&census->mutex);
}
