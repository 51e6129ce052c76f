/* One thread that reads one UDP socket: datagrams in, submissions out.
 *
 * Nobody waits for an answer, so it may collect: once the socket is empty it naps a moment before it reads again, and
 * pushes its rows to the commit thread when a nap brought nothing or the oldest has waited UDP_MAX_WAIT_NS. A nap is
 * never longer than an eighth of what the receive buffer holds at a million datagrams a second. */
#pragma once

#include "proto/front/intake.h"

#define UDP_MAX_WAIT_NS (5 * NS_PER_MS)

struct udp_thread;

struct udp_thread_config {
    const char *name; /* copied */
    int fd;           /* the socket, non-blocking; stays the caller's */
    uint64_t buffer;  /* bytes of its receive buffer */
    size_t listener;  /* index of its metrics */
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

/* Has it read what the kernel holds by now, and end. Does not block. */
void udp_thread_close(struct udp_thread *thread);

/* Waits for its end, which comes at the deadline at the latest; its rows are pushed then. */
void udp_thread_stop(struct udp_thread *thread, int64_t deadline_ns);

/* After pipeline_stop: until then the pipeline may still wake it. */
void udp_thread_free(struct udp_thread *thread);

/* How a datagram is packed. Plain text, unless it begins as an LZ4 frame does, or its fourth byte is zero: no JSON has a
 * NUL there (but if nothing else follows), and the 4-byte little-endian size before an LZ4 block has, as it is below
 * 16 MiB; or it is a block without its size, which the decoder then refuses as that. */
enum encoding udp_packing(struct slice datagram);
