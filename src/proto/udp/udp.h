/* The UDP front end: datagrams in, nothing out. Each listener has sockets and threads of its own (SO_REUSEPORT), each
 * thread its own pipeline_io.
 *
 * A datagram is a payload: one event, an array, {"events":[…]} or NDJSON; plain, or in LZ4 (a frame, or a block behind
 * its 4-byte little-endian size). Plain text is told apart by its bytes: no JSON text has a NUL among its first four,
 * and every size below 16 MiB has one. An object may name its stream: {"stream":"orders", …}; else it is the
 * listener's.
 *
 * Nobody is told of a loss, so every loss is counted: refusals by reason like those of other front ends, and what the
 * kernel dropped before we saw it by listener (SO_MEMINFO, read at each scrape; SO_RXQ_OVFL for the log). */
#pragma once

#include "base/bytes.h"
#include "proto/front/front_end.h"

struct access;
struct limits;
struct stream_options;
struct udp;
struct udp_listener_options;
struct udp_rules;

struct udp_config {
    const struct udp_options *options;
    uint64_t max_ratio; /* http.max_ratio */
    struct pipeline *pipeline;
    struct metrics *metrics;
    const struct access *access; /* NULL: there are no keys */
    struct limits *rates;        /* borrowed; NULL: nothing is limited */
};

/* Whether addresses can be read, and streams and keys are declared; false with one line per problem, which begins with the
 * line of the configuration file. `access` NULL: there are no keys. Opens nothing. */
MUST_CHECK bool udp_check(const struct udp_options *options, const struct stream_options *streams, size_t stream_count,
                          const struct access *access, struct buf *problems);

/* `listen: off`. */
bool udp_listener_is_off(const struct udp_listener_options *options);

/* The listeners that are not off, in order, as the metrics' label has them: fills `names` (options->listener_count)
 * and returns how many. */
size_t udp_listener_names(const struct udp_options *options, const char **names);

/* Binds and starts the threads. NULL with *problem ("listen on :8125 (UDP): address already in use"). With no listener
 * it has no thread. A receive buffer that the kernel cuts short is warned of in the log. */
struct udp *udp_start(const struct udp_config *config, struct buf *problem);

/* Appends the addresses with the ports bound (for :0), behind commas; "off" if there is none. */
void udp_addresses(const struct udp *udp, struct buf *out);

/* Of a reload: who may send, compiled anew from options that have the listeners of the start, in their order. NULL with problems
 * as udp_check. Not while others are made or freed; udp_rules_free. */
struct udp_rules *udp_prepare(const struct udp *udp, const struct udp_options *options, const struct access *access,
                              struct buf *problems);

/* While it is paused: its options are others now, and so are http.max_ratio, the keys, the limits, and the rules of its
 * listeners, which are exchanged. */
void udp_refresh(struct udp *udp, uint64_t max_ratio, const struct access *access, struct limits *rates,
                 struct udp_rules **rules);

/* How it ends: close has the threads read what the kernel holds of datagrams by then; the kernel drops and counts those
 * that come later. stop waits for that until the deadline and closes the sockets. */
struct front_end *udp_front(struct udp *udp);
