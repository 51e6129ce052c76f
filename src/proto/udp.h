/* The UDP front end: datagrams in, nothing out. Each listener has sockets and threads of its own (SO_REUSEPORT), each
 * thread its own pipeline_io.
 *
 * A datagram is a payload: one event, an array, {"events":[…]} or NDJSON; plain, or in LZ4 (a frame, or a block behind
 * its 4-byte little-endian size). Plain text is told apart by its bytes: no JSON text has a NUL among its first four,
 * and every size below 16 MiB has one. An object may name its stream: {"stream":"orders", …}; else it is the
 * listener's.
 *
 * Nobody is told of a loss, so every loss is counted: refusals by reason like those of other front ends, and what the
 * kernel dropped before we saw it by listener (SO_MEMINFO, read at each scrape). */
#pragma once

#include "proto/proto.h"

struct udp;

struct udp_config {
    const struct udp_options *options;
    struct pipeline *pipeline;
    struct metrics *metrics;
};

/* Whether addresses can be read; false with one line per problem. Opens nothing. Names of streams are checked by
 * udp_start, when there are streams. */
MUST_CHECK bool udp_check(const struct udp_options *options, struct buf *problems);

/* Binds and starts the threads. NULL with *problem ("listen on :8125 (UDP): address already in use"). With no listener
 * it has no thread. */
struct udp *udp_start(const struct udp_config *config, struct buf *problem);

/* The port bound (for :0) of a listener that is not off. */
int udp_port(const struct udp *udp, size_t listener);

/* Reads what the kernel has of datagrams already, until the deadline; closes the sockets, flushes and ends the threads.
 * No completion is delivered after it returns. */
void udp_stop(struct udp *udp, int64_t deadline_ns);

/* After pipeline_stop: until then the pipeline may still wake a thread that has ended. */
void udp_free(struct udp *udp);
