/* Datagrams, many for one system call: recvmmsg into slots that are allocated once.
 *
 * Slot i holds at most `largest` bytes and JSON_PADDING behind them. Slots stand an odd number of cache lines apart:
 * at a power of two, the first lines of all would compete for the same few places of the cache. Pages that no datagram
 * was long enough to reach cost nothing. One thread. */
#pragma once

#include "base/bytes.h"

/* No datagram of IPv4 or IPv6 is longer (jumbograms aside, which Linux does not take), so none is cut off. */
#define UDP_LARGEST 65535

struct client_address;
struct udp_batch;

/* NULL: memory is short. */
struct udp_batch *udp_batch_new(size_t slots, size_t largest);
void udp_batch_free(struct udp_batch *batch);

/* Takes what waits at the socket, never blocks. How many came: fewer than slots means that the socket is empty. */
size_t udp_batch_receive(struct udp_batch *batch, int fd);

struct udp_datagram {
    struct slice bytes;
    bool truncated;                       /* it was longer than `largest` */
    const struct client_address *address; /* of its sender; both are valid until the next call */
    struct slice sender;                  /* the address as text */
};

struct udp_datagram udp_batch_at(struct udp_batch *batch, size_t index);

/* How many datagrams the kernel had dropped when the newest of those at hand came to the socket, as far as it said
 * (udp_socket_tell_drops); wraps. */
uint32_t udp_batch_dropped(const struct udp_batch *batch);
