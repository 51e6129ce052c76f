/* One thread that reads one UDP socket: datagrams in, submissions out.
 *
 * Nobody waits for an answer, so it may collect. Once the socket is empty it naps a moment before it reads again. It
 * pushes its rows to the commit thread when a nap brought nothing, or when the oldest has waited UDP_MAX_WAIT_NS. A nap is
 * never longer than an eighth of what the receive buffer holds at a million datagrams a second. */
#pragma once

#include "proto/gate/gatekeeper.h"

#include <stddef.h>
#include <stdint.h>

#define UDP_MAX_WAIT_NS (5 * NS_PER_MS)

struct metrics;
struct parking;
struct slice;
struct udp_rules;
struct udp_thread;

/* What all threads of the front end ask, and read anew for each datagram: a reload swaps it while they are parked. */
struct udp_shared {
    struct gatekeeper gatekeeper;
    struct udp_rules *rules; /* of gatekeeper.access */
};

struct udp_thread_config {
    const char *name; /* copied */
    int fd;           /* the socket, non-blocking; stays the caller's */
    uint64_t buffer;  /* bytes of its receive buffer */
    size_t listener;  /* index of its metrics */
    size_t place;     /* of the listener in udp.listeners */
    const struct udp_shared *shared;
    const struct stream *stream;
    uint64_t max_decompressed_bytes;
    uint64_t max_ratio; /* as intake.max_ratio */
    struct pipeline *pipeline;
    struct metrics *metrics;
};

/* NULL: memory is short. */
struct udp_thread *udp_thread_new(const struct udp_thread_config *config);

MUST_CHECK enum error udp_thread_start(struct udp_thread *thread);

/* Any thread: how long it has been at its present turn; 0 while it waits for datagrams. */
int64_t udp_thread_turn_ns(const struct udp_thread *thread, int64_t now_ns);

/* Any other thread: it is asked to stand still (parking.h). */
struct parking *udp_thread_park(struct udp_thread *thread);

/* While it stands: other bounds, as in its configuration. */
void udp_thread_bound(struct udp_thread *thread, uint64_t max_decompressed_bytes, uint64_t max_ratio);

/* Has it read what the kernel holds by now, and end. Does not block. */
void udp_thread_close(struct udp_thread *thread);

/* Waits for its end, which comes at the deadline at the latest; its rows are pushed then. */
void udp_thread_stop(struct udp_thread *thread, int64_t deadline_ns);

/* After pipeline_stop: until then the pipeline may still wake it. */
void udp_thread_free(struct udp_thread *thread);

/* How a datagram is packed. It is an LZ4 frame if it begins as one does. It is an LZ4 block behind its 4-byte little-endian
 * size if its fourth byte is zero: the size is below 16 MiB, and no JSON has a NUL there, unless nothing else follows. It is
 * also taken for LZ4 if it is a block without its size, and the decoder then refuses it as that. Else it is plain text. */
enum encoding udp_packing(struct slice datagram);
