/* The gateway: the table of contents. gateway.c builds store, pipeline, read API and front ends in that order, and
 * stops them in reverse. */
#pragma once

#include "base/bytes.h"

struct config;
struct gateway;

/* All that can be said without starting anything, for --check: streams, addresses, origins, URLs. False with one line
 * per problem. Does not block: no name is looked up. */
MUST_CHECK bool gateway_check(const struct config *config, struct buf *problems);

/* What does not hinder it, but may hinder clients: certificates that have expired. A line each. */
void gateway_doubts(const struct config *config, struct buf *doubts);

/* NULL with *problem. `config` must outlive it, and nothing of it is changed by a reload. */
struct gateway *gateway_start(const struct config *config, struct buf *problem);

/* The address of HTTP where this is served (of enum http_serves), the first of several, its port, and
 * whether it speaks TLS: NULL, nowhere. One that leads to https is none. */
const char *gateway_address(const struct gateway *gateway, unsigned serves, int *port, bool *secure);

/* Appends the addresses of HTTP: "0.0.0.0:8080"; where not all is served "0.0.0.0:8080(events+pages),[::1]:9100(admin)". */
void gateway_http_addresses(const struct gateway *gateway, struct buf *out);

/* Appends the addresses that take datagrams: "127.0.0.1:8125,[::1]:8125"; "off" if none does. */
void gateway_udp_addresses(const struct gateway *gateway, struct buf *out);

/* Appends the store's kind and, of servers, their names without credentials: "clickhouse(http://a:8123,http://b:8123)". */
void gateway_store_names(const struct gateway *gateway, struct buf *out);

/* What holds now: the configuration of the start, and what reloads have changed in it. Until the next reload. */
const struct config *gateway_config(const struct gateway *gateway);

/* Its real path. */
const char *gateway_data_folder(const struct gateway *gateway);

/* About once a second while it serves, on the thread that started it: takes dead letters that were given back. */
void gateway_tick(struct gateway *gateway);

/* The thread that started it: reads the configuration file anew. One that cannot be used changes nothing. Of another, what
 * reloads is compiled, then all threads that serve stand still between two turns, for some milliseconds, while it is swapped.
 * What takes a restart stays as it was. All is told in the log, /readyz and metrics. */
void gateway_reload(struct gateway *gateway, const char *path);

/* The thread that started it: what has been at one turn of its loop for `limit_ns` or longer ("the commit thread");
 * NULL: nothing, it lives. */
const char *gateway_stuck(const struct gateway *gateway, int64_t limit_ns);

/* How long gateway_stop may take: what `drain:` says, or the queries that are under way if they take longer, the INSERT
 * that is under way then, and the last marks in Redis. */
int64_t gateway_longest_stop_ns(const struct gateway *gateway);

/* Drains as `drain:` says and ends all threads: /readyz turns 503, what waits is stored, for a while, the store is let go;
 * until then events are accepted. Then the listeners close, replies are finished, datagrams that came are read, and what
 * came since is in the journal for the next start; one in memory is drained again instead. Returns true if everything accepted is stored. Only gateway_waiting and
 * gateway_free may follow. */
bool gateway_stop(struct gateway *gateway);

/* Any thread, until gateway_free, also while it stops: the accepted events that are not known to be stored. Once the drain
 * is over, those that were left then. */
uint64_t gateway_waiting(struct gateway *gateway);

/* After gateway_stop. */
void gateway_free(struct gateway *gateway);
